import { randomBytes } from 'node:crypto';
import { open, truncate } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRange } from '../../../src/oci/range.ts';
import { keys } from '../../../src/storage/metadata/keys.ts';
import type { Store } from '../../../src/storage/store.ts';
import type { Target } from '../../../src/storage/target/types.ts';
import { expectBody, expectError, expectStatus } from '../../conformance/assertions.ts';
import { addImage, digestOf, MEDIA_TYPES, newContent } from '../../conformance/content.ts';
import {
  blobPath,
  get,
  head,
  manifestPath,
  pushBlob,
  pushContent,
} from '../../conformance/requests.ts';
import { type ServedApplication, serveApplication } from './application.ts';
import { getRequest, openSocket, readToEnd } from './listening.ts';

const MIB = 1024 * 1024;
const REPOSITORY = 'team/app';
const ALWAYS = { STOWAGE_VERIFY_READS: 'always' };

/** Changes one byte of the file that holds a digest. */
async function damage(web: ServedApplication, digest: string, position: number): Promise<void> {
  const file = await open(web.fileOf(digest), 'r+');
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, position);
  await file.write(Buffer.from([byte[0]! ^ 1]), 0, 1, position);
  await file.close();
}

/** The body of an answer that may break off. */
async function bodyOf(web: ServedApplication, path: string): Promise<Buffer> {
  const socket = await openSocket(web.port);
  socket.write(getRequest(path, { Connection: 'close' }));
  const received = await readToEnd(socket);
  expect(received.toString('latin1', 0, 15)).toBe('HTTP/1.1 200 OK');
  return received.subarray(received.indexOf('\r\n\r\n') + 4);
}

/** Expects a digest to be gone, as every client sees it. */
async function expectAbsent(web: ServedApplication, digest: string): Promise<void> {
  const target = blobPath(REPOSITORY, digest);
  await expect.poll(async () => (await head(web.client, target)).status).toBe(404);
  expectError(await get(web.client, target), 404, 'BLOB_UNKNOWN');
}

describe('decisions 1: a damaged blob', () => {
  it('whose file is short breaks off, is absent from then on, and comes back by a push', async () => {
    await using web = await serveApplication();
    const bytes = randomBytes(3 * MIB);
    const digest = await pushBlob(web.client, REPOSITORY, bytes);
    await truncate(web.fileOf(digest), 2 * MIB + 1);
    const body = await bodyOf(web, blobPath(REPOSITORY, digest));
    expect(body.length).toBeLessThanOrEqual(2 * MIB + 1);
    await expectAbsent(web, digest);
    expect(web.lines).toContainEqual(
      expect.objectContaining({ msg: 'content quarantined', digest, reason: 'its file is short' }),
    );
    await pushBlob(web.client, REPOSITORY, bytes);
    expectBody(await get(web.client, blobPath(REPOSITORY, digest)), bytes);
  });

  it('is sent as it lies, since intact bytes are not hashed on their way out', async () => {
    await using web = await serveApplication();
    const bytes = randomBytes(3 * MIB);
    const digest = await pushBlob(web.client, REPOSITORY, bytes);
    await damage(web, digest, MIB);
    const lying = Buffer.from(bytes);
    lying[MIB]! ^= 1;
    const target = blobPath(REPOSITORY, digest);
    expectBody(expectStatus(await get(web.client, target), 200), lying);
    const part = expectStatus(await get(web.client, target, { range: `bytes=${MIB}-` }), 206);
    expectBody(part, lying.subarray(MIB));
    // It is for the scrub to find out.
    expectStatus(await head(web.client, target), 200);
    expect((await web.store.scrub.run()).damaged).toBe(1);
    await expectAbsent(web, digest);
  });

  it('verify_reads: always never sends the last piece of wrong bytes', async () => {
    await using web = await serveApplication({ env: ALWAYS });
    const bytes = randomBytes(3 * MIB + 100);
    for (const position of [0, MIB + 17, bytes.length - 1]) {
      const digest = await pushBlob(web.client, REPOSITORY, bytes);
      expectBody(await get(web.client, blobPath(REPOSITORY, digest)), bytes);
      await damage(web, digest, position);
      const body = await bodyOf(web, blobPath(REPOSITORY, digest));
      expect(body.length, `damage at ${position}`).toBeLessThanOrEqual(3 * MIB);
      await expectAbsent(web, digest);
    }
  });

  it('verify_reads: always answers no range of a blob that is wrong elsewhere', async () => {
    await using web = await serveApplication({ env: ALWAYS });
    const bytes = randomBytes(2 * MIB);
    const digest = await pushBlob(web.client, REPOSITORY, bytes);
    const target = blobPath(REPOSITORY, digest);
    const range = { range: 'bytes=100-199' };
    const good = expectStatus(await get(web.client, target, range), 206);
    expectBody(good, bytes.subarray(100, 200));
    await damage(web, digest, 2 * MIB - 1);
    expectError(await get(web.client, target, range), 404, 'BLOB_UNKNOWN');
    await expectAbsent(web, digest);
  });

  it('verify_reads: always looks at small blobs in the metadata store too', async () => {
    await using web = await serveApplication({ env: ALWAYS });
    const bytes = randomBytes(1000);
    const digest = await pushBlob(web.client, REPOSITORY, bytes);
    const wrong = Buffer.from(bytes);
    wrong[500]! ^= 1;
    const { kv, contentCache } = web.store.context;
    await kv.transact((tx) => tx.put(keys.inline(digest), wrong));
    contentCache.clear();
    const answer = await get(web.client, blobPath(REPOSITORY, digest), { range: 'bytes=0-9' });
    expectError(answer, 404, 'BLOB_UNKNOWN');
    await expectAbsent(web, digest);
  });

  it('verify_reads: always looks at manifests, and a damaged one is unknown', async () => {
    await using web = await serveApplication({ env: ALWAYS });
    const content = newContent();
    const { digest } = addImage(content, { tag: 'latest' });
    await pushContent(web.client, REPOSITORY, content);
    expectStatus(await get(web.client, manifestPath(REPOSITORY, 'latest')), 200);
    const { kv, contentCache } = web.store.context;
    await kv.transact((tx) => tx.put(keys.inline(digest), Buffer.from('{}')));
    contentCache.clear();
    for (const reference of ['latest', digest]) {
      const answer = await get(web.client, manifestPath(REPOSITORY, reference));
      expectError(answer, 404, 'MANIFEST_UNKNOWN');
    }
  });

  it('whose manifest lies in a short file is unknown', async () => {
    await using web = await serveApplication();
    const content = newContent();
    const annotations = { filler: 'f'.repeat(100_000) };
    const { digest } = addImage(content, { tag: 'latest', annotations });
    await pushContent(web.client, REPOSITORY, content);
    web.store.context.contentCache.clear();
    await truncate(web.fileOf(digest), 1000);
    for (let i = 0; i < 2; i++) {
      const answer = await get(web.client, manifestPath(REPOSITORY, 'latest'));
      expectError(answer, 404, 'MANIFEST_UNKNOWN');
    }
  });
});

describe('decisions 1: a disk that cannot read', () => {
  /** Reads nothing at all while `fails` says so. */
  function unreadable(store: Store, fails: () => boolean): Store {
    const { context } = store;
    const eio = Object.assign(new Error('EIO: i/o error'), { code: 'EIO' });
    const target: Target = {
      ...context.target,
      async open(id) {
        const reader = await context.target.open(id);
        return {
          ...reader,
          read(buffer, into, callback) {
            if (fails()) setImmediate(() => callback(eio, 0));
            else reader.read(buffer, into, callback);
          },
        };
      },
    };
    return { ...store, context: { ...context, target } };
  }

  it('cuts the answer of a blob, leaves a manifest unknown, and both come back by a push', async () => {
    let fails = false;
    await using web = await serveApplication({ wrap: (store) => unreadable(store, () => fails) });
    const content = newContent();
    const annotations = { filler: 'f'.repeat(100_000) };
    addImage(content, { tag: 'latest', annotations });
    await pushContent(web.client, REPOSITORY, content);
    const bytes = randomBytes(50_000);
    const digest = await pushBlob(web.client, REPOSITORY, bytes);
    web.store.context.contentCache.clear();
    fails = true;
    await expect(get(web.client, blobPath(REPOSITORY, digest))).rejects.toThrow();
    expectError(await get(web.client, manifestPath(REPOSITORY, 'latest')), 404, 'MANIFEST_UNKNOWN');
    fails = false;
    await expectAbsent(web, digest);
    expectStatus(await head(web.client, manifestPath(REPOSITORY, 'latest')), 404);
    await pushBlob(web.client, REPOSITORY, bytes);
    await pushContent(web.client, REPOSITORY, content);
    expectBody(await get(web.client, blobPath(REPOSITORY, digest)), bytes);
    expectStatus(await get(web.client, manifestPath(REPOSITORY, 'latest')), 200);
  });
});

describe('BLOB-G3 to BLOB-G5 ranges', () => {
  it('of a blob in a file and of one in memory are the bytes they name, or what RFC 9110 says', async () => {
    await using web = await serveApplication();
    const contents = [randomBytes(70_000), randomBytes(5000)];
    const digests: string[] = [];
    for (const bytes of contents) digests.push(await pushBlob(web.client, REPOSITORY, bytes));
    const position = fc.oneof(fc.nat(80_000), fc.constantFrom('', 0, 4999, 69_999, 70_000, 'x'));
    const header = fc.oneof(
      fc.tuple(position, position).map(([from, to]) => `bytes=${from}-${to}`),
      fc.constantFrom('bytes=0-1,5-6', 'bytes', 'items=0-5', 'bytes=-0', 'bytes=--1', '0-5'),
    );
    await fc.assert(
      fc.asyncProperty(header, fc.nat(1), async (range, which) => {
        const bytes = contents[which]!;
        const target = blobPath(REPOSITORY, digests[which]!);
        const answer = await get(web.client, target, { range });
        const wanted = parseRange(range, bytes.length);
        if (wanted === 'unsatisfiable') {
          expectError(answer, 416, 'UNSUPPORTED');
          expect(answer.get('content-range')).toBe(`bytes */${bytes.length}`);
        } else if (wanted === undefined) {
          expectBody(expectStatus(answer, 200), bytes);
        } else {
          const { start, end } = wanted;
          expectBody(expectStatus(answer, 206), bytes.subarray(start, end + 1));
          expect(answer.get('content-range')).toBe(`bytes ${start}-${end}/${bytes.length}`);
        }
      }),
      { numRuns: 150 },
    );
  });

  it('GEN-13 HEAD knows no ranges and has the headers of GET', async () => {
    await using web = await serveApplication();
    const bytes = randomBytes(100_000);
    const target = blobPath(REPOSITORY, await pushBlob(web.client, REPOSITORY, bytes));
    const names = ['content-length', 'content-type', 'docker-content-digest', 'etag'];
    const full = await get(web.client, target);
    for (const headers of [{}, { range: 'bytes=1-2' }]) {
      const answer = expectStatus(await head(web.client, target, headers), 200);
      expect(names.map((name) => answer.get(name))).toEqual(names.map((name) => full.get(name)));
      expect(answer.body.length).toBe(0);
    }
  });
});

describe('what is counted of downloads', () => {
  it('is what left, and that it broke off', async () => {
    await using web = await serveApplication();
    const size = 64 * MIB;
    const digest = await pushBlob(web.client, REPOSITORY, Buffer.alloc(size));
    const before = web.counters.bytesOut;
    const socket = await openSocket(web.port);
    socket.write(getRequest(blobPath(REPOSITORY, digest)));
    await expect.poll(() => web.counters.active).toBe(1);
    socket.resetAndDestroy();
    await expect.poll(() => web.counters.active).toBe(0);
    expect(web.counters.bytesOut - before).toBeLessThan(size);
    const aborted = [...web.counters.requests()].filter(({ status }) => status === 'aborted');
    expect(aborted).toEqual([{ route: 'blob', method: 'GET', status: 'aborted', count: 1 }]);
    expect(web.lines).toContainEqual(
      expect.objectContaining({ msg: 'request', status: 0, route: 'blob' }),
    );
    expectBody(await get(web.client, blobPath(REPOSITORY, digest)), Buffer.alloc(size));
    expect(web.counters.bytesOut - before).toBeGreaterThanOrEqual(size);
  });
});

it('UP-3, decisions 1: a closing PUT may take longer than a client may be silent', async () => {
  const late = Promise.withResolvers<void>();
  await using web = await serveApplication({
    env: { STOWAGE_HTTP__TIMEOUTS__BODY: '500ms' },
    wrap: (store) => ({
      ...store,
      uploads: {
        ...store.uploads,
        async finish(upload, digest) {
          await late.promise;
          await store.uploads.finish(upload, digest);
        },
      },
    }),
  });
  const bytes = randomBytes(50_000);
  const target = `/v2/${REPOSITORY}/blobs/uploads/?digest=${digestOf(bytes)}`;
  const headers = { 'content-type': MEDIA_TYPES.bytes };
  const pushed = web.client.request({ method: 'POST', target, headers, body: bytes });
  setTimeout(late.resolve, 1500);
  expectStatus(await pushed, 201);
  // Afterwards a client has to hurry again.
  const socket = await openSocket(web.port);
  socket.write(
    `PUT ${manifestPath(REPOSITORY, 'x')} HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n`,
  );
  expect((await readToEnd(socket)).length).toBe(0);
});
