/** `/v2/<name>/manifests/<reference>` (end-3, end-7, end-9). */
import { algorithmOf, type Digest, digestOf, isDigest } from '../../oci/digest.ts';
import { OciError } from '../../oci/errors.ts';
import { parseManifest } from '../../oci/manifest.ts';
import { isTag } from '../../oci/name.ts';
import { contentInMemory, DAMAGE, quarantine, readContent } from '../../storage/content.ts';
import {
  deleteManifest,
  deleteTag,
  findManifest,
  findTag,
  putManifest,
  type StoredManifest,
} from '../../storage/manifests.ts';
import type { ManifestRecord } from '../../storage/metadata/records.ts';
import { requireSpace } from './admission.ts';
import { COMMON_HEADERS, type Exchange, type HeaderList } from './exchange.ts';
import { require, requireDelete, requirePush } from './permission.ts';
import { declaredLength, readBody } from './request-body.ts';
import { queryValues, requireName, type Target } from './target.ts';
import { isIntact } from './verification.ts';

/** Tags that one push may set by parameter (MAN-P10). */
const MAX_TAGS = 64;

const manifestUnknown = (repository: string, reference: string): OciError =>
  new OciError('MANIFEST_UNKNOWN', {
    detail: { name: repository, reference: reference.slice(0, 300) },
  });

/** The same manifest is asked for again and again; its headers are put together once. */
const headersOf = new WeakMap<ManifestRecord, HeaderList>();

function manifestHeaders({ record, digest }: StoredManifest): HeaderList {
  const known = headersOf.get(record);
  if (known !== undefined) return known;
  const headers = [
    'Content-Type',
    record.mediaType,
    'Content-Length',
    String(record.size),
    'Docker-Content-Digest',
    digest,
    'ETag',
    `"${digest}"`,
    ...COMMON_HEADERS,
  ];
  headersOf.set(record, headers);
  return headers;
}

/** Whether If-None-Match names this digest (MAN-G10). */
export function isKnownToClient(exchange: Exchange, digest: Digest): boolean {
  const header = exchange.req.headers['if-none-match'];
  return header !== undefined && (header === '*' || header.includes(`"${digest}"`));
}

/**
 * The reference of a path: a tag or a digest and nothing else (GEN-3).
 * @param neither - the answer when it is none: what a client cannot ask for is not there, what it
 *   pushes is its mistake
 * @throws OciError DIGEST_INVALID, or `neither`
 */
function readReference(
  { reference }: Target,
  neither: () => OciError,
): { readonly digest?: Digest; readonly tag?: string } {
  if (isDigest(reference)) return { digest: reference };
  if (isTag(reference)) return { tag: reference };
  if (reference.includes(':')) throw new OciError('DIGEST_INVALID', { message: 'invalid digest' });
  throw neither();
}

/** GET and HEAD. */
export function getManifest(exchange: Exchange): void | Promise<void> {
  const { target } = exchange;
  const repository = requireName(target);
  const unknown = (): OciError => manifestUnknown(repository, target.reference);
  const { digest: asked, tag } = readReference(target, unknown);
  const { context } = exchange.app.store;
  require(exchange, 'pull', repository, unknown);
  const digest = tag === undefined ? asked : findTag(context, repository, tag)?.digest;
  const manifest = digest === undefined ? undefined : findManifest(context, repository, digest);
  if (manifest === undefined) throw unknown();
  const headers = manifestHeaders(manifest);
  if (isKnownToClient(exchange, manifest.digest)) {
    exchange.send(304, ['ETag', `"${manifest.digest}"`, ...COMMON_HEADERS]);
    return;
  }
  if (exchange.isHead) {
    exchange.send(200, headers);
    return;
  }
  const { content } = manifest;
  const verify = exchange.app.config.verifyReads === 'always';
  const ready = contentInMemory(context, content);
  if (ready !== undefined && !verify) {
    exchange.send(200, headers, ready);
    return;
  }
  return readContent(context, content).then(async (bytes) => {
    if (bytes === undefined) throw unknown();
    if (verify && !isIntact(content, bytes)) {
      await quarantine(context, content, DAMAGE.wrongBytes);
      throw unknown();
    }
    exchange.send(200, headers, bytes);
  });
}

/** Tags that a push asks for, by its path or by parameters. */
function tagsOf(exchange: Exchange, tag: string | undefined): readonly string[] {
  if (tag !== undefined) return [tag];
  const tags = queryValues(exchange.target, 'tag');
  if (tags.length > MAX_TAGS) {
    throw new OciError('NAME_INVALID', {
      status: 414,
      message: `at most ${MAX_TAGS} tags can be set at once`,
    });
  }
  const wrong = tags.find((one) => !isTag(one));
  if (wrong !== undefined) {
    throw new OciError('MANIFEST_INVALID', { message: 'invalid tag', detail: { tag: wrong } });
  }
  return tags;
}

/** PUT. */
export async function pushManifest(exchange: Exchange): Promise<void> {
  const { target, app } = exchange;
  const repository = requireName(target);
  requirePush(exchange, repository);
  const { digest: asked, tag } = readReference(
    target,
    () => new OciError('MANIFEST_INVALID', { message: 'invalid tag' }),
  );
  const tags = tagsOf(exchange, tag);
  const { maxSize, allowSparse } = app.config.manifests;
  await requireSpace(exchange, declaredLength(exchange.req) ?? maxSize);
  const bytes = await readBody(exchange.req, maxSize);
  exchange.bytesIn = bytes.length;
  const digest = digestOf(bytes, asked === undefined ? 'sha256' : algorithmOf(asked));
  if (asked !== undefined && digest !== asked) {
    throw new OciError('DIGEST_INVALID', { detail: { digest: asked } });
  }
  const parsed = parseManifest(bytes, exchange.header('content-type'));
  exchange.audit({ action: 'manifest.push', repository, reference: tag, digest });
  await putManifest(app.store.context, {
    repository,
    digest,
    bytes,
    parsed,
    tags,
    allowMissing: allowSparse,
  });
  const headers = [
    'Location',
    `${app.config.http.externalUrl ?? ''}/v2/${repository}/manifests/${digest}`,
    'Docker-Content-Digest',
    digest,
    'Content-Length',
    '0',
    ...COMMON_HEADERS,
  ];
  if (parsed.subject !== undefined) headers.push('OCI-Subject', parsed.subject.digest);
  if (tag === undefined && tags.length > 0) headers.push('OCI-Tag', tags.join(', '));
  exchange.send(201, headers);
}

/** DELETE: a tag alone, or a manifest with all its tags. */
export async function removeManifest(exchange: Exchange): Promise<void> {
  const { target, app } = exchange;
  const repository = requireName(target);
  const unknown = (): OciError => manifestUnknown(repository, target.reference);
  const { digest, tag } = readReference(target, unknown);
  requireDelete(exchange, repository, unknown);
  const action = tag === undefined ? 'manifest.delete' : 'tag.delete';
  exchange.audit({ action, repository, reference: tag, digest });
  const { context } = app.store;
  if (tag !== undefined) await deleteTag(context, repository, tag);
  else await deleteManifest(context, repository, digest!);
  exchange.send(202, ['Content-Length', '0', ...COMMON_HEADERS]);
}
