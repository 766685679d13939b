/** Every way to push a blob, with the ledger kept beside it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { RegistryClient } from '../conformance/client.ts';
import type { RegistryResponse } from '../conformance/response.ts';
import type { Random } from '../support/random.ts';
import {
  finishUpload,
  get,
  heldBytes,
  locationOf,
  patch,
  patchAndCut,
  patchStreamed,
  pushAtOnce,
  remove,
  startUpload,
} from './api.ts';
import type { Blob } from './contents.ts';
import type { Ledger, Upload } from './ledger.ts';

/** An answer that nobody can explain; the test fails with it. */
export class UnexpectedAnswer extends Error {
  override readonly name = 'UnexpectedAnswer';
}

/** Takes an answer with one of these statuses, and no other. */
export function expectAnswer(response: RegistryResponse, ...allowed: number[]): RegistryResponse {
  if (allowed.includes(response.status)) return response;
  throw new UnexpectedAnswer(`${response.describe()}, not ${allowed.join(' or ')}`);
}

/** What pushes need. */
export interface Pusher {
  readonly client: RegistryClient;
  readonly ledger: Ledger;
  readonly random: Random;
}

/** Times that a client asks again where an upload stands after its connection broke. */
const MAX_RESUMES = 100;
/** Milliseconds between two of them. */
const RESUME_PAUSE = 20;

function noteOpened(ledger: Ledger, response: RegistryResponse, where: Omit<Upload, 'path'>) {
  const upload: Upload = { ...where, path: locationOf(response) };
  ledger.uploads.set(upload.path, upload);
  return upload;
}

/** Opens an upload for a blob. */
export async function openUpload(
  { client, ledger }: Pusher,
  repository: string,
  blob: Blob,
): Promise<Upload> {
  const opened = expectAnswer(await startUpload(client, repository), 202);
  return noteOpened(ledger, opened, { repository, blob, acked: 0, sent: 0, ending: false });
}

/** Sends the next bytes of an upload, up to `end`. */
export async function appendTo({ client }: Pusher, upload: Upload, end: number): Promise<void> {
  const { path, blob, acked } = upload;
  upload.sent = end;
  const chunk = { bytes: blob.bytes.subarray(acked, end), start: acked };
  expectAnswer(await patch(client, path, chunk), 202);
  upload.acked = end;
}

/** Sends the rest of an upload with its closing PUT. */
export async function closeUpload(pusher: Pusher, upload: Upload): Promise<void> {
  const { client, ledger } = pusher;
  const { path, blob, repository, acked } = upload;
  const { digest, bytes } = blob;
  const operation = ledger.begin(repository, [{ kind: 'blob', name: digest, to: digest }]);
  const at = Date.now();
  upload.sent = bytes.length;
  upload.ending = true;
  expectAnswer(await finishUpload(client, path, { digest, rest: bytes.subarray(acked) }), 201);
  operation.done();
  ledger.touch(repository, digest, at);
  ledger.uploads.delete(path);
  ledger.finished.push(upload);
}

/** Gives an upload up. */
export async function cancelUpload({ client, ledger }: Pusher, upload: Upload): Promise<void> {
  upload.ending = true;
  expectAnswer(await remove(client, upload.path), 204);
  ledger.uploads.delete(upload.path);
}

async function atOnce({ client, ledger }: Pusher, repository: string, blob: Blob): Promise<void> {
  const { digest } = blob;
  const operation = ledger.begin(repository, [{ kind: 'blob', name: digest, to: digest }]);
  const at = Date.now();
  expectAnswer(await pushAtOnce(client, repository, blob), 201);
  operation.done();
  ledger.touch(repository, digest, at);
}

async function inOnePut(pusher: Pusher, repository: string, blob: Blob): Promise<void> {
  await closeUpload(pusher, await openUpload(pusher, repository, blob));
}

async function inChunks(pusher: Pusher, repository: string, blob: Blob): Promise<void> {
  const { random } = pusher;
  const upload = await openUpload(pusher, repository, blob);
  const { length } = blob.bytes;
  const size = Math.max(2, Math.ceil(length / random.between(1, 4)));
  // The last chunk rides on the closing PUT in half of the pushes.
  const stop = random.chance(0.5) ? length : length - size;
  for (let end = size; end <= stop; end += size) await appendTo(pusher, upload, end);
  await closeUpload(pusher, upload);
}

async function asStream(pusher: Pusher, repository: string, blob: Blob): Promise<void> {
  const upload = await openUpload(pusher, repository, blob);
  const { bytes } = blob;
  const half = bytes.length >> 1;
  upload.sent = bytes.length;
  const chunks = [bytes.subarray(0, half), bytes.subarray(half)];
  expectAnswer(await patchStreamed(pusher.client, upload.path, chunks), 202);
  upload.acked = bytes.length;
  await closeUpload(pusher, upload);
}

/** A stream that breaks off and goes on where the registry says that it stands. */
async function withBreak(pusher: Pusher, repository: string, blob: Blob): Promise<void> {
  const { client, random } = pusher;
  const upload = await openUpload(pusher, repository, blob);
  const { bytes } = blob;
  const after = random.between(2, bytes.length - 1);
  upload.sent = after;
  await patchAndCut(client.origin, upload.path, { bytes, after });
  for (let attempt = 0; upload.acked < bytes.length; attempt++) {
    const status = expectAnswer(await get(client, upload.path), 204);
    const held = heldBytes(status);
    if (!(held <= after)) throw new UnexpectedAnswer(`${held} bytes are held, ${after} were sent`);
    const rest = { bytes: bytes.subarray(held), start: held };
    upload.sent = bytes.length;
    const answer = expectAnswer(await patch(client, upload.path, rest), 202, 409, 416);
    if (answer.status === 202) upload.acked = bytes.length;
    else if (attempt === MAX_RESUMES) throw new UnexpectedAnswer(`still ${answer.describe()}`);
    // The registry has not noticed yet that the connection is gone.
    else await sleep(RESUME_PAUSE);
  }
  await closeUpload(pusher, upload);
}

/** A mount; where the blob is not there, it is pushed into the session that was opened instead. */
export async function mountBlob(
  pusher: Pusher,
  where: { readonly from: string; readonly to: string },
  blob: Blob,
): Promise<void> {
  const { client, ledger } = pusher;
  const { digest } = blob;
  const { from, to } = where;
  const operation = ledger.begin(to, [{ kind: 'blob', name: digest, to: digest }]);
  const at = Date.now();
  const query = `?mount=${digest}&from=${from}`;
  const answer = expectAnswer(await startUpload(client, to, query), 201, 202);
  if (answer.status === 201) {
    operation.done();
    ledger.touch(to, digest, at);
    return;
  }
  operation.refused();
  const fresh = { repository: to, blob, acked: 0, sent: 0, ending: false };
  await closeUpload(pusher, noteOpened(ledger, answer, fresh));
}

const WAYS = [atOnce, inOnePut, inChunks, asStream, withBreak];

/** Pushes a blob in a way that chance decides; resolves when it was acknowledged. */
export async function pushBlob(pusher: Pusher, repository: string, blob: Blob): Promise<void> {
  await pusher.random.pick(WAYS)!(pusher, repository, blob);
}
