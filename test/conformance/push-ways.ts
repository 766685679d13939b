/**
 * The ways to push a blob, each judged as the official suite judges it: which statuses are right,
 * which mean that the registry lacks an optional part, and that the Location given back serves the
 * bytes.
 */
import { expect } from 'vitest';
import { expectBody, expectDigestHeader, expectStatus } from './assertions.ts';
import type { RegistryClient } from './client.ts';
import {
  type Chunk,
  closeUpload,
  closing,
  get,
  patchUpload,
  remove,
  startUpload,
  uploadStatus,
  uploadsPath,
} from './requests.ts';
import type { RegistryResponse } from './response.ts';

/** A blob and where it goes. */
export interface BlobPush {
  readonly client: RegistryClient;
  readonly repository: string;
  readonly digest: string;
  readonly bytes: Buffer;
  /** Docker-Content-Digest must be sent, not only be right when it is. */
  readonly requireDigestHeader: boolean;
  /** The digest is not the one of the bytes: expect the push to be refused. */
  readonly badDigest?: boolean;
}

/** `fallback`: the registry lacks this way and the blob was pushed by the plain one. */
export type PushResult = 'done' | 'fallback';

/** Chunks of a multi-chunk push are at least this long (bytes). */
export const MIN_CHUNK = 1024;

/** Expects what the last request of a push must answer. */
async function expectPushed(push: BlobPush, response: RegistryResponse): Promise<void> {
  if (push.badDigest) {
    expectStatus(response, 400);
    return;
  }
  expectStatus(response, 201);
  expectDigestHeader(response, push.digest, push.requireDigestHeader);
  await expectServed(push, response);
}

async function expectServed(push: BlobPush, response: RegistryResponse): Promise<void> {
  const served = expectStatus(await get(push.client, response.location()), 200);
  expectBody(served, push.bytes);
}

/** POST, then PUT of everything. */
export async function pushPostPut(push: BlobPush): Promise<void> {
  const { client, digest, bytes } = push;
  const { location } = await startUpload(client, push.repository);
  await expectPushed(push, await closeUpload(client, location, digest, { bytes }));
}

/** One POST with everything. */
export async function pushPostOnly(push: BlobPush): Promise<PushResult> {
  const { client, digest, bytes } = push;
  const response = await client.request({
    method: 'POST',
    target: `${uploadsPath(push.repository)}?digest=${encodeURIComponent(digest)}`,
    headers: { 'content-type': 'application/octet-stream' },
    body: bytes,
  });
  if (response.status !== 202) {
    await expectPushed(push, response);
    return 'done';
  }
  const put = await closeUpload(client, response.location(), digest, { bytes });
  expectStatus(put, push.badDigest ? 400 : 201);
  return 'fallback';
}

/** POST, PATCH of everything without a range, empty PUT. */
export async function pushStream(push: BlobPush): Promise<void> {
  const { client, bytes } = push;
  const { location } = await startUpload(client, push.repository);
  const patched = expectStatus(await patchUpload(client, location, { bytes }), 202);
  await expectPushed(push, await closeUpload(client, patched.location(), push.digest));
}

/** How a chunked push differs from the plain one. */
export interface ChunkedOptions {
  /** The last chunk rides on the closing PUT. */
  readonly putLast?: boolean;
  /** Before each right chunk send one that stands elsewhere, which must be refused. */
  readonly outOfOrder?: boolean;
}

/** The smallest chunk that the registry takes, from its answer to a POST. */
function chunkMinimum(opened: RegistryResponse): number {
  const stated = opened.get('oci-chunk-min-length');
  if (stated === undefined) return MIN_CHUNK;
  expect(stated, opened.describe()).toMatch(/^\d+$/);
  return Math.max(MIN_CHUNK, Number(stated));
}

/** Sends a chunk that is not next, expects 416, and asks where to go on. */
async function sendMisplaced(
  push: BlobPush,
  location: URL,
  { at, size, putLast }: { at: number; size: number; putLast: boolean },
): Promise<URL> {
  const { client, digest, bytes } = push;
  const start = at + size >= bytes.length ? 0 : at + size;
  const end = Math.min(start + size, bytes.length);
  const chunk: Chunk = { bytes: bytes.subarray(start, end), start };
  const isLast = putLast && end === bytes.length;
  const target = isLast ? closing(location, digest) : location;
  const refused = isLast
    ? await closeUpload(client, location, digest, chunk)
    : await patchUpload(client, location, chunk);
  expectStatus(refused, 416);
  const status = await uploadStatus(client, target);
  expect(status.range, 'Range of an upload').toMatch(/^0-[+-]?\d+$/);
  if (at > 0) expect(status.last, 'last byte kept after a refused chunk').toBe(at - 1);
  return status.location;
}

/** POST, PATCHes with ranges (three where the blob is long enough), PUT. */
export async function pushChunked(
  push: BlobPush,
  options: ChunkedOptions = {},
): Promise<{ minimum: number }> {
  const { client, digest, bytes } = push;
  const putLast = options.putLast ?? false;
  const opened = await startUpload(client, push.repository);
  const minimum = chunkMinimum(opened.response);
  const size = Math.min(Math.max(Math.floor(bytes.length / 3) + 1, minimum), bytes.length);
  let { location } = opened;
  for (let at = 0; at < bytes.length; at += size) {
    if (options.outOfOrder) {
      location = await sendMisplaced(push, location, { at, size, putLast });
    }
    const chunk: Chunk = { bytes: bytes.subarray(at, at + size), start: at };
    if (putLast && at + size >= bytes.length) {
      await expectPushed(push, await closeUpload(client, location, digest, chunk));
      return { minimum };
    }
    location = expectStatus(await patchUpload(client, location, chunk), 202).location();
  }
  await expectPushed(push, await closeUpload(client, location, digest));
  return { minimum };
}

/**
 * POST with `mount`, and with `from` unless the mount is anonymous. Where the registry does not
 * mount, the blob is pushed into the session that it opened instead.
 */
export async function pushMount(push: BlobPush, from?: string): Promise<PushResult> {
  const { client, digest, bytes } = push;
  const query = new URLSearchParams({ mount: digest, ...(from === undefined ? {} : { from }) });
  const target = `${uploadsPath(push.repository)}?${query}`;
  const response = expectStatus(await client.request({ method: 'POST', target }), 201, 202);
  const mounted = response.status === 201;
  const last = mounted
    ? response
    : expectStatus(await closeUpload(client, response.location(), digest, { bytes }), 201);
  expectDigestHeader(last, digest, false);
  await expectServed(push, last);
  return mounted ? 'done' : 'fallback';
}

/** POST, then DELETE of the upload. */
export async function cancelUpload(client: RegistryClient, repository: string): Promise<void> {
  const { location } = await startUpload(client, repository);
  expectStatus(await remove(client, location), 204);
}
