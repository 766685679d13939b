/** Two requests that write to one upload: who is in the way, and who has only to be waited for. */
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Store } from '../../../src/storage/store.ts';
import {
  expectBody,
  expectError,
  expectHeader,
  expectStatus,
} from '../../conformance/assertions.ts';
import { digestOf } from '../../conformance/content.ts';
import {
  blobPath,
  closeUpload,
  get,
  patchUpload,
  startUpload,
  uploadStatus,
} from '../../conformance/requests.ts';
import { type ServedApplication, serveApplication } from './application.ts';
import { openSocket } from './listening.ts';

const REPOSITORY = 'team/app';
const bytes = randomBytes(300_000);
const HALF = 150_000;

/** A disk that writes nothing before it is told to. */
function slowDisk() {
  const gate = Promise.withResolvers<void>();
  let waiting = 0;
  function wrap(store: Store): Store {
    const { context } = store;
    const create = context.target.create.bind(context.target);
    // Uploads hold the store's own context.
    context.target.create = async () => {
      const file = await create();
      return {
        ...file,
        async write(chunks, position) {
          waiting++;
          await gate.promise;
          await file.write(chunks, position);
        },
      };
    };
    return store;
  }
  return { wrap, release: gate.resolve, waits: () => waiting > 0 };
}

/** Sends the first half of a PATCH on a connection of its own. */
async function beginPatch(web: ServedApplication, location: URL) {
  const socket = await openSocket(web.port);
  socket.write(
    `PATCH ${location.pathname} HTTP/1.1\r\nHost: x\r\nContent-Length: ${bytes.length}\r\n\r\n`,
  );
  socket.write(bytes.subarray(0, HALF));
  await expect.poll(async () => (await uploadStatus(web.client, location)).last).toBe(HALF - 1);
  return socket;
}

const rest = { bytes: bytes.subarray(HALF), start: HALF };

describe('CH-11 a writer whose connection is gone', () => {
  it.each(['PATCH', 'PUT'])(
    'is waited for while it writes down what it got: %s',
    async (method) => {
      const disk = slowDisk();
      await using web = await serveApplication({ wrap: disk.wrap });
      const { location } = await startUpload(web.client, REPOSITORY);
      (await beginPatch(web, location)).resetAndDestroy();
      await expect.poll(disk.waits).toBe(true);
      let answered = false;
      const digest = digestOf(bytes);
      const next =
        method === 'PATCH'
          ? patchUpload(web.client, location, rest)
          : closeUpload(web.client, location, digest, rest);
      void next.finally(() => {
        answered = true;
      });
      // Longer than it waits for one that may still receive.
      await new Promise((resolve) => setTimeout(resolve, 1000));
      expect(answered).toBe(false);
      disk.release();
      const answer = expectStatus(await next, method === 'PATCH' ? 202 : 201);
      if (method === 'PATCH') {
        expectHeader(answer, 'range', `0-${bytes.length - 1}`);
        expectStatus(await closeUpload(web.client, answer.location(), digest), 201);
      }
      expectBody(await get(web.client, blobPath(REPOSITORY, digest)), bytes);
    },
  );

  it('is waited for by a closing PUT without a body', async () => {
    const disk = slowDisk();
    await using web = await serveApplication({ wrap: disk.wrap });
    const { location } = await startUpload(web.client, REPOSITORY);
    (await beginPatch(web, location)).resetAndDestroy();
    await expect.poll(disk.waits).toBe(true);
    const half = digestOf(bytes.subarray(0, HALF));
    const closing = closeUpload(web.client, location, half);
    disk.release();
    expectStatus(await closing, 201);
  });

  it('that is noticed only now is no conflict', async () => {
    await using web = await serveApplication();
    const { location } = await startUpload(web.client, REPOSITORY);
    const socket = await beginPatch(web, location);
    const next = patchUpload(web.client, location, rest);
    setTimeout(() => socket.resetAndDestroy(), 100);
    expectHeader(expectStatus(await next, 202), 'range', `0-${bytes.length - 1}`);
  });
});

describe('CH-13 a writer that still receives', () => {
  it('is in the way of every other one, and gets to its end', async () => {
    await using web = await serveApplication();
    const { location } = await startUpload(web.client, REPOSITORY);
    const socket = await beginPatch(web, location);
    const began = performance.now();
    const others = [
      patchUpload(web.client, location, rest),
      patchUpload(web.client, location, { bytes: rest.bytes }),
      closeUpload(web.client, location, digestOf(bytes)),
    ];
    for (const answer of await Promise.all(others)) {
      expectError(answer, 409, 'BLOB_UPLOAD_INVALID');
    }
    expect(performance.now() - began).toBeLessThan(5000);
    socket.write(bytes.subarray(HALF));
    await expect
      .poll(async () => (await uploadStatus(web.client, location)).last)
      .toBe(bytes.length - 1);
    const digest = digestOf(bytes);
    expectStatus(await closeUpload(web.client, location, digest), 201);
    expectBody(await get(web.client, blobPath(REPOSITORY, digest)), bytes);
    socket.destroy();
  });
});
