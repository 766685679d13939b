/**
 * Slow and greedy clients against a Stowage with tight limits. Only run against a Stowage that the
 * suite starts: elsewhere the limits are not known, and waiting for them takes minutes.
 */
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { expectBody, expectError, expectHeader, expectStatus } from './assertions.ts';
import { digestOf, MEDIA_TYPES } from './content.ts';
import { expectNothingLeft } from './leftovers.ts';
import { openRaw, type RawConnection, requestHead } from './raw.ts';
import { startsStowage, useRegistry } from './registry.ts';
import {
  blobPath,
  closeUpload,
  get,
  manifestPath,
  patchUpload,
  remove,
  startUpload,
  uploadStatus,
  uploadsPath,
} from './requests.ts';
import type { RegistryResponse } from './response.ts';

const MIB = 1024 * 1024;

describe.runIf(startsStowage)('beyond: impatient server', () => {
  const registry = useRegistry({
    STOWAGE_HTTP__TIMEOUTS__HEADERS: '500ms',
    STOWAGE_HTTP__TIMEOUTS__BODY: '1s',
    STOWAGE_HTTP__TIMEOUTS__IDLE: '500ms',
  });
  const repository = registry.repository();

  /** Expects the server to give up on a connection: 408, or just the end of it. */
  async function expectGivenUp(raw: RawConnection): Promise<void> {
    const response = await raw.response({ timeoutMs: 10_000 });
    if (response !== undefined) expectStatus(response, 408);
    expect(await raw.closed(10_000), 'the connection is closed').toBe(true);
  }

  it('bad input: headers that stop are 408 or a closed connection', async () => {
    const raw = await openRaw(registry.client, 'half a head');
    await raw.write('GET /v2/ HTTP/1.1\r\nHost: x\r\nX-A: ');
    await expectGivenUp(raw);
    await expectNothingLeft(registry, repository);
  });

  it('bad input: headers that trickle are 408 or a closed connection', async () => {
    const raw = await openRaw(registry.client, 'a head, byte by byte');
    let closed = false;
    const done = raw.closed(15_000).then((result) => {
      closed = result;
    });
    await raw.write('GET /v2/ HTTP/1.1\r\nHost: x\r\nX-A: ');
    // One byte in a while keeps any mere silence timer from firing.
    const timer = setInterval(() => void raw.write('a'), 100);
    await done;
    clearInterval(timer);
    expect(closed).toBe(true);
  });

  it('bad input: a connection without a request is closed', async () => {
    const raw = await openRaw(registry.client, 'nothing at all');
    expect(await raw.closed(10_000)).toBe(true);
  });

  it('bad input: a connection is closed some time after its last answer', async () => {
    const { client } = registry;
    const authorization = await client.authorization(repository);
    const raw = await openRaw(client, 'idle');
    await raw.write(requestHead(client, { method: 'GET', target: '/v2/', authorization }));
    expect((await raw.response())?.status).toBe(200);
    expect(await raw.closed(15_000)).toBe(true);
  });

  it('bad input: a manifest that stops is 408 or a closed connection', async () => {
    const { client } = registry;
    const authorization = await client.authorization(repository);
    const raw = await openRaw(client, 'half a manifest');
    const headers = { 'Content-Type': MEDIA_TYPES.manifest, 'Content-Length': '1000' };
    const target = manifestPath(repository, 'latest');
    await raw.write(requestHead(client, { method: 'PUT', target, headers, authorization }));
    await raw.write('{"schemaVersion":2,');
    await expectGivenUp(raw);
    await expectNothingLeft(registry, repository);
  });

  it('bad input: an upload that stops is given up, and its session lets go', async () => {
    const { client } = registry;
    const bytes = randomBytes(100_000);
    const authorization = await client.authorization(repository);
    const { location } = await startUpload(client, repository);
    const raw = await openRaw(client, 'half a PATCH');
    const headers = { 'Content-Length': String(bytes.length) };
    const target = location;
    await raw.write(requestHead(client, { method: 'PATCH', target, headers, authorization }));
    await raw.write(bytes.subarray(0, 50_000));
    await expectGivenUp(raw);
    const status = await uploadStatus(client, location);
    expect(status.last).toBe(49_999);
    const rest = { bytes: bytes.subarray(50_000), start: 50_000 };
    // What came in before is still being written down, perhaps; that is waited for.
    expectStatus(await patchUpload(client, status.location, rest), 202);
    const digest = digestOf(bytes);
    expectStatus(await closeUpload(client, status.location, digest), 201);
    expectBody(await get(client, blobPath(repository, digest)), bytes);
  });

  it('bad input: a body that trickles is taken as long as it moves', async () => {
    const { client } = registry;
    const bytes = randomBytes(6);
    const authorization = await client.authorization(repository);
    const { location } = await startUpload(client, repository);
    const raw = await openRaw(client, 'PATCH, byte by byte');
    const headers = { 'Content-Length': String(bytes.length) };
    const target = location;
    await raw.write(requestHead(client, { method: 'PATCH', target, headers, authorization }));
    let sent = 0;
    await new Promise<void>((resolve) => {
      const timer = setInterval(() => {
        void raw.write(bytes.subarray(sent, ++sent));
        if (sent < bytes.length) return;
        clearInterval(timer);
        resolve();
      }, 250);
    });
    const response = await raw.response();
    expectHeader(expectStatus(response!, 202), 'range', '0-5');
  });
});

describe.runIf(startsStowage)('beyond: forgetful server', () => {
  const registry = useRegistry({
    STOWAGE_UPLOADS__EXPIRE: '1s',
    STOWAGE_UPLOADS__MAX_SESSIONS: '1',
    STOWAGE_GC__INTERVAL: '1s',
  });

  it('CH-10 (SHOULD) an unfinished upload ends by itself', async () => {
    const { client } = registry;
    const repository = registry.repository();
    const bytes = randomBytes(50_000);
    const { location } = await startUpload(client, repository);
    expectStatus(await patchUpload(client, location, { bytes }), 202);
    // Asking for it would keep it alive; but as long as it lives there is no room for another.
    const other = (): Promise<RegistryResponse> =>
      client.request({ method: 'POST', target: uploadsPath(repository) });
    expectStatus(await other(), 429);
    await expect.poll(async () => (await other()).status, { interval: 200 }).toBe(202);
    expectError(await get(client, location), 404, 'BLOB_UPLOAD_UNKNOWN');
    const late = await closeUpload(client, location, digestOf(bytes));
    expectError(late, 404, 'BLOB_UPLOAD_UNKNOWN');
    await expectNothingLeft(registry, repository, [digestOf(bytes)]);
  });
});

describe.runIf(startsStowage)('beyond: narrow server', () => {
  const registry = useRegistry({
    STOWAGE_UPLOADS__MAX_SIZE: '1MiB',
    STOWAGE_UPLOADS__MAX_SESSIONS: '3',
  });
  let count = 0;
  const fresh = (): string => registry.repository(`narrow-${count++}`);

  it('bad input: a blob beyond uploads.max_size is 413 SIZE_INVALID', async () => {
    const { client } = registry;
    const place = fresh();
    const bytes = randomBytes(MIB + 1);
    const digest = digestOf(bytes);
    const { location } = await startUpload(client, place);
    expectError(await closeUpload(client, location, digest, { bytes }), 413, 'SIZE_INVALID');
    expectStatus(await remove(client, location), 204, 404);
    const headers = { 'content-type': MEDIA_TYPES.bytes };
    const target = `${uploadsPath(place)}?digest=${digest}`;
    const whole = await client.request({ method: 'POST', target, headers, body: bytes });
    expectError(whole, 413, 'SIZE_INVALID');
    const chunks = [bytes.subarray(0, 1000), bytes.subarray(1000)];
    const chunked = await client.request({ method: 'POST', target, headers, chunks });
    expectError(chunked, 413, 'SIZE_INVALID');
    await expectNothingLeft(registry, place, [digest]);
  });

  it('bad input: chunks that add up beyond uploads.max_size are 413 SIZE_INVALID', async () => {
    const { client } = registry;
    const place = fresh();
    const bytes = randomBytes(600_000);
    const { location } = await startUpload(client, place);
    const first = expectStatus(await patchUpload(client, location, { bytes, start: 0 }), 202);
    const second = { bytes, start: bytes.length };
    const response = await patchUpload(client, first.location(), second);
    expectError(response, 413, 'SIZE_INVALID');
    expectStatus(await remove(client, location), 204, 404);
    await expectNothingLeft(registry, place, [digestOf(Buffer.concat([bytes, bytes]))]);
  });

  it('a blob of exactly uploads.max_size is taken', async () => {
    const { client } = registry;
    const bytes = randomBytes(MIB);
    const { location } = await startUpload(client, fresh());
    expectStatus(await closeUpload(client, location, digestOf(bytes), { bytes }), 201);
  });

  it('GEN-6 (SHOULD) one session too many is 429 TOOMANYREQUESTS with Retry-After', async () => {
    const { client } = registry;
    const place = fresh();
    const open = () => client.request({ method: 'POST', target: uploadsPath(place) });
    const sessions = [];
    for (let i = 0; i < 3; i++) sessions.push(expectStatus(await open(), 202).location());
    const refused = await open();
    expectError(refused, 429, 'TOOMANYREQUESTS');
    expect(refused.get('retry-after')).toMatch(/^[1-9][0-9]*$/);
    // A session that ends makes room, whichever way it ends.
    const bytes = randomBytes(10);
    expectStatus(await closeUpload(client, sessions[0]!, digestOf(bytes), { bytes }), 201);
    sessions[0] = expectStatus(await open(), 202).location();
    expectStatus(await open(), 429);
    expectStatus(await remove(client, sessions[1]!), 204);
    sessions[1] = expectStatus(await open(), 202).location();
    for (const session of sessions) expectStatus(await remove(client, session), 204);
  });
});
