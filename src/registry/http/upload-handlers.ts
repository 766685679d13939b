/** `/v2/<name>/blobs/uploads/` (end-4, end-5, end-6, end-11, end-13, end-14). */
import {
  algorithmOf,
  type Digest,
  type DigestAlgorithm,
  isDigest,
  isDigestAlgorithm,
} from '../../oci/digest.ts';
import { OciError } from '../../oci/errors.ts';
import { isRepositoryName } from '../../oci/name.ts';
import { type ByteRange, parseChunkRange } from '../../oci/range.ts';
import { mountBlob, repositoriesWithBlob } from '../../storage/blobs.ts';
import type { Upload } from '../../storage/uploads/upload.ts';
import { requireSpace } from './admission.ts';
import { COMMON_HEADERS, type Exchange, type HeaderList } from './exchange.ts';
import { requirePush, unauthorized } from './permission.ts';
import { ClientGoneError, declaredLength, receiveBody } from './request-body.ts';
import { requireName } from './target.ts';

const UNKNOWN_LENGTH = 1024 * 1024;

function digestParameter(exchange: Exchange): Digest | undefined {
  const digest = exchange.query('digest');
  if (digest !== undefined && !isDigest(digest)) {
    throw new OciError('DIGEST_INVALID', { message: 'invalid digest' });
  }
  return digest;
}

function blobCreated(exchange: Exchange, repository: string, digest: Digest): void {
  const { externalUrl = '' } = exchange.app.config.http;
  exchange.send(201, [
    'Location',
    `${externalUrl}/v2/${repository}/blobs/${digest}`,
    'Docker-Content-Digest',
    digest,
    'Content-Length',
    '0',
    ...COMMON_HEADERS,
  ]);
}

/** Where an upload goes on. */
function locationOf(exchange: Exchange, { repository, id }: Upload): string {
  return `${exchange.app.config.http.externalUrl ?? ''}/v2/${repository}/blobs/uploads/${id}`;
}

/** What it holds; zero bytes are told as `0-0`, as Docker does. */
function heldRange({ size }: Upload): string {
  return `0-${Math.max(0, size - 1)}`;
}

function uploadHeaders(exchange: Exchange, upload: Upload): HeaderList {
  return [
    'Location',
    locationOf(exchange, upload),
    'Range',
    heldRange(upload),
    'Docker-Upload-UUID',
    upload.id,
    ...COMMON_HEADERS,
  ];
}

function uploadAccepted(exchange: Exchange, upload: Upload): void {
  exchange.send(202, ['Content-Length', '0', ...uploadHeaders(exchange, upload)]);
}

/**
 * Takes the body of the request into the upload. The check of its place and the beginning of the
 * writing are one step: nobody can come in between.
 */
async function receive(
  exchange: Exchange,
  upload: Upload,
  { persist }: { readonly persist: boolean },
): Promise<void> {
  const range = checkChunk(exchange, upload);
  const expected = range === undefined ? undefined : range.end - range.start + 1;
  const writer = upload.open();
  try {
    upload.requireFits(declaredLength(exchange.req) ?? 0);
    exchange.bytesIn = await receiveBody(exchange.req, writer, expected);
  } catch (error) {
    if (error instanceof ClientGoneError || error instanceof OciError) {
      // What came before the break is kept, so that the client can go on from there.
      await writer.end(true);
    } else {
      await writer.end(false).catch(() => undefined);
      await exchange.app.store.uploads.cancel(upload);
    }
    throw error;
  }
  await writer.end(persist);
}

/**
 * Repositories to mount from: the one that is named, else all that hold the blob, as far as the
 * caller may read them. An anonymous mount is judged by policies, not by the token's scope.
 */
function mountSources(exchange: Exchange, digest: Digest, to: string): readonly string[] {
  const { access, app } = exchange;
  const from = exchange.query('from');
  if (from === undefined || from === '') {
    const holders = repositoriesWithBlob(app.store.context, digest);
    return holders.filter((name) => access.mayEver('pull', name));
  }
  if (!isRepositoryName(from)) return [];
  if (access.can('pull', from)) return [from];
  if (!access.mayEver('pull', from)) return [];
  const scopes = [
    { repository: to, actions: ['pull', 'push'] },
    { repository: from, actions: ['pull'] },
  ] as const;
  throw unauthorized(exchange, scopes, 'insufficient_scope');
}

async function mount(exchange: Exchange, repository: string, digest: string): Promise<boolean> {
  if (!isDigest(digest)) throw new OciError('DIGEST_INVALID', { message: 'invalid digest' });
  const from = mountSources(exchange, digest, repository);
  if (from.length === 0) return false;
  const mounted = await mountBlob(exchange.app.store.context, { digest, from, to: repository });
  if (!mounted) return false;
  exchange.audit({ action: 'blob.mount', repository, digest });
  blobCreated(exchange, repository, digest);
  return true;
}

function wantedAlgorithm(exchange: Exchange): DigestAlgorithm {
  const name = exchange.query('digest-algorithm');
  if (name === undefined) return 'sha256';
  if (isDigestAlgorithm(name)) return name;
  throw new OciError('DIGEST_INVALID', { message: 'unsupported digest algorithm' });
}

/** POST: opens an upload, mounts a blob, or takes a whole blob at once. */
export async function startUpload(exchange: Exchange): Promise<void> {
  const repository = requireName(exchange.target);
  requirePush(exchange, repository);
  const { store } = exchange.app;
  const mounted = exchange.query('mount');
  if (mounted !== undefined && (await mount(exchange, repository, mounted))) return;
  const digest = digestParameter(exchange);
  const length = declaredLength(exchange.req);
  await requireSpace(exchange, length ?? UNKNOWN_LENGTH);
  const algorithm = digest === undefined ? wantedAlgorithm(exchange) : algorithmOf(digest);
  const { subject } = exchange.access;
  const upload = store.uploads.start({ repository, subject, algorithm });
  if (digest === undefined) {
    uploadAccepted(exchange, upload);
    return;
  }
  try {
    await receive(exchange, upload, { persist: false });
    await finish(exchange, upload, digest);
  } catch (error) {
    // The client was never told of this upload, so nobody could go on with it.
    await store.uploads.cancel(upload);
    throw error;
  }
}

/** The upload that the path names, if it is the caller's. */
function findUpload(exchange: Exchange): Upload {
  const repository = requireName(exchange.target);
  requirePush(exchange, repository);
  const { reference } = exchange.target;
  const { subject } = exchange.access;
  const upload = exchange.app.store.uploads.find(reference, { repository, subject });
  if (upload === undefined) throw new OciError('BLOB_UPLOAD_UNKNOWN');
  return upload;
}

/**
 * Checks Content-Range against what the upload holds and against the body's length.
 * @returns the range, if the request names one
 */
function checkChunk(exchange: Exchange, upload: Upload): ByteRange | undefined {
  const header = exchange.header('content-range');
  if (header === undefined) return undefined;
  const range = parseChunkRange(header);
  if (range === undefined) {
    throw new OciError('BLOB_UPLOAD_INVALID', { message: 'Content-Range is not <start>-<end>' });
  }
  const length = declaredLength(exchange.req);
  if (length !== undefined && length !== range.end - range.start + 1) {
    throw new OciError('SIZE_INVALID', { message: 'Content-Range and Content-Length differ' });
  }
  if (!upload.busy && range.start !== upload.size) {
    throw new OciError('BLOB_UPLOAD_INVALID', {
      status: 416,
      message: `the upload goes on at byte ${upload.size}`,
      headers: { Location: locationOf(exchange, upload), Range: heldRange(upload) },
    });
  }
  return range;
}

/** PATCH: more bytes. */
export async function appendToUpload(exchange: Exchange): Promise<void> {
  const upload = findUpload(exchange);
  await requireSpace(exchange, declaredLength(exchange.req) ?? UNKNOWN_LENGTH);
  await upload.settled();
  await receive(exchange, upload, { persist: true });
  uploadAccepted(exchange, upload);
}

/**
 * Makes a blob of an upload. It may have to be read again, or take long to become durable; the time-out
 * of the connection is for clients that are silent, not for one that waits for us.
 */
async function finish(exchange: Exchange, upload: Upload, digest: Digest): Promise<void> {
  const { repository } = upload;
  const { socket } = exchange.req;
  exchange.audit({ action: 'blob.push', repository, digest });
  const { timeout = 0 } = socket;
  socket.setTimeout(0);
  try {
    await exchange.app.store.uploads.finish(upload, digest);
  } finally {
    socket.setTimeout(timeout);
  }
  blobCreated(exchange, repository, digest);
}

/** PUT: perhaps the last bytes, and the digest of all. */
export async function finishUpload(exchange: Exchange): Promise<void> {
  const upload = findUpload(exchange);
  const digest = digestParameter(exchange);
  if (digest === undefined) throw new OciError('DIGEST_INVALID', { message: 'digest is missing' });
  const length = declaredLength(exchange.req);
  if (length !== 0) {
    await requireSpace(exchange, length ?? UNKNOWN_LENGTH);
    await upload.settled();
    await receive(exchange, upload, { persist: false });
  } else {
    await upload.settled();
    checkChunk(exchange, upload);
  }
  await finish(exchange, upload, digest);
}

/** GET: how much there is. 204 carries no Content-Length (RFC 9110, 8.6). */
export function getUpload(exchange: Exchange): void {
  exchange.send(204, uploadHeaders(exchange, findUpload(exchange)));
}

/** DELETE: the client does not want to go on (end-14). */
export async function cancelUpload(exchange: Exchange): Promise<void> {
  await exchange.app.store.uploads.cancel(findUpload(exchange));
  exchange.send(204, COMMON_HEADERS);
}
