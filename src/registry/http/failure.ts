/** What a client is told when a request fails: the one place where errors become answers. */
import { LayerDamagedError, LayersClosedError, LayerUnknownError } from '../../dedup/errors.ts';
import { OciError } from '../../oci/errors.ts';
import { ContentDamagedError } from '../../storage/content.ts';
import { type RefusalReason, StoreRefusal } from '../../storage/errors.ts';
import { CommitError } from '../../storage/kv/types.ts';
import { AuthenticationError } from '../auth/errors.ts';
import { noSpace } from './admission.ts';
import type { Exchange } from './exchange.ts';
import { neededScopes, unauthorized } from './permission.ts';

type Answer = (refusal: StoreRefusal) => OciError;

const ANSWERS: Readonly<Record<RefusalReason, Answer>> = {
  'repository-unknown': () => new OciError('NAME_UNKNOWN'),
  'manifest-unknown': () => new OciError('MANIFEST_UNKNOWN'),
  'tag-unknown': () => new OciError('MANIFEST_UNKNOWN', { message: 'tag unknown to registry' }),
  'blob-unknown': () => new OciError('BLOB_UNKNOWN'),
  'in-use': ({ digests }) =>
    new OciError('DENIED', {
      message: 'manifests refer to it',
      detail: { manifests: digests },
    }),
  'references-missing': ({ digests }) => {
    const entries = digests.map(
      (digest) => new OciError('MANIFEST_BLOB_UNKNOWN', { detail: { digest } }),
    );
    const [first, ...others] = entries;
    return new OciError('MANIFEST_BLOB_UNKNOWN', {
      detail: first?.detail,
      others: others.map(({ code, message, detail }) => ({ code, message, detail })),
    });
  },
  'digest-mismatch': () => new OciError('DIGEST_INVALID'),
  'upload-unknown': () => new OciError('BLOB_UPLOAD_UNKNOWN'),
  'upload-busy': ({ message }) => new OciError('BLOB_UPLOAD_INVALID', { status: 409, message }),
  'upload-too-large': ({ message }) => new OciError('SIZE_INVALID', { status: 413, message }),
  'too-many-uploads': ({ message }) =>
    new OciError('TOOMANYREQUESTS', { message, headers: { 'Retry-After': '10' } }),
  'nothing-to-restore': ({ message }) => new OciError('MANIFEST_UNKNOWN', { message }),
};

function isFullDisk(error: unknown): boolean {
  const reason = error instanceof CommitError ? error.cause : error;
  const code = (reason as NodeJS.ErrnoException | undefined)?.code;
  return code === 'ENOSPC' || code === 'EDQUOT';
}

/** The answer for an error; undefined for one that is nobody's fault but ours: a 500. */
export function answerFor(exchange: Exchange, error: unknown): OciError | undefined {
  if (error instanceof AuthenticationError) {
    return unauthorized(exchange, neededScopes(exchange), error.challengeError);
  }
  if (error instanceof OciError) return error;
  if (error instanceof StoreRefusal) return ANSWERS[error.reason](error);
  if (error instanceof ContentDamagedError) {
    const isManifest = exchange.target.kind === 'manifest';
    return new OciError(isManifest ? 'MANIFEST_UNKNOWN' : 'BLOB_UNKNOWN');
  }
  if (error instanceof LayerDamagedError || error instanceof LayerUnknownError) {
    return new OciError('BLOB_UNKNOWN', { detail: { digest: error.digest } });
  }
  if (error instanceof LayersClosedError) {
    return new OciError('UNAVAILABLE', { headers: { 'Retry-After': '10' } });
  }
  if (isFullDisk(error)) return noSpace();
  if (error instanceof CommitError) {
    return new OciError('UNAVAILABLE', {
      message: 'the registry cannot write at the moment',
      headers: { 'Retry-After': '60' },
    });
  }
  return undefined;
}
