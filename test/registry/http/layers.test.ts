/** Layers that are kept as recipes, as clients see them. */
import { randomBytes } from 'node:crypto';
import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { change, keepRecipeOnly } from '../../../src/storage/metadata/changes.ts';
import { keys, lastPart } from '../../../src/storage/metadata/keys.ts';
import type { ContentRecord } from '../../../src/storage/metadata/records.ts';
import type { Store } from '../../../src/storage/store.ts';
import { FileMissingError } from '../../../src/storage/target/types.ts';
import { text } from '../../codec/support/content.ts';
import { expectBody, expectError, expectStatus } from '../../conformance/assertions.ts';
import { blobPath, get, head, pushBlob } from '../../conformance/requests.ts';
import { makeTar } from '../../support/tar.ts';
import { type ServedApplication, serveApplication } from './application.ts';
import { getRequest, openSocket, readToEnd } from './listening.ts';

const MIB = 1024 * 1024;
const REPOSITORY = 'team/app';
const AT_ONCE = {
  STOWAGE_DEDUP__MIN_AGE: '0s',
  STOWAGE_DEDUP__MIN_SIZE: '0',
  STOWAGE_DEDUP__INTACT_BUDGET: '0',
};

/** Ten sections, with blocks that are not compressed, so that damage hits where it is meant to. */
const LAYER = gzipSync(
  makeTar(
    Array.from({ length: 40 }, (_, i) => ({
      path: `file-${i}`,
      bytes: Buffer.concat([text(20_000, i + 1), randomBytes(MIB)]),
    })),
  ),
  { level: 1 },
);

const isRecipe = (web: ServedApplication, digest: string): boolean => {
  const bytes = web.store.context.kv.bytes(keys.content(digest));
  return bytes !== undefined && (JSON.parse(bytes.toString()) as ContentRecord).recipe === true;
};

/** Pushes a layer and waits until it is kept as a recipe only. */
async function pushLayer(web: ServedApplication, layer: Buffer = LAYER): Promise<string> {
  const digest = await pushBlob(web.client, REPOSITORY, layer);
  await web.layers.settled();
  expect(isRecipe(web, digest)).toBe(true);
  return digest;
}

/** The segment files that hold something. */
async function segmentFiles({ dataDir }: ServedApplication): Promise<string[]> {
  const root = join(dataDir, 'segments');
  const found: string[] = [];
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && (await stat(path)).size > 0) found.push(path);
  }
  return found;
}

/** Flips a bit of all segments at a share of their length. */
async function spoil(web: ServedApplication, share: number): Promise<void> {
  for (const path of await segmentFiles(web)) {
    const file = await open(path, 'r+');
    const at = Math.floor((await file.stat()).size * share);
    const byte = Buffer.alloc(1);
    await file.read(byte, 0, 1, at);
    byte[0]! ^= 1;
    await file.write(byte, 0, 1, at);
    await file.close();
  }
}

describe('decisions 1 and 3: a layer that is kept as a recipe', () => {
  it('is answered as if it lay in a file', async () => {
    await using web = await serveApplication({ env: AT_ONCE });
    const digest = await pushLayer(web);
    const target = blobPath(REPOSITORY, digest);
    expect([...web.store.context.kv.keys({ from: 'f ', to: 'f!' })]).toEqual([]);

    const headers = expectStatus(await head(web.client, target), 200);
    expect(headers.get('content-length')).toBe(String(LAYER.length));
    // Nothing was restored for that.
    expect(web.layers.figures().restored.layers).toBe(0);

    const whole = expectStatus(await get(web.client, target), 200);
    expectBody(whole, LAYER);
    expect(whole.get('content-length')).toBe(String(LAYER.length));
    expect(whole.get('docker-content-digest')).toBe(digest);

    const size = LAYER.length;
    const ranges = [
      [0, 0],
      [1, 1],
      [20 * MIB - 7, 21 * MIB],
      [256 * 1024, 512 * 1024 - 1],
      [size - 1, size - 1],
    ] as const;
    for (const [from, to] of ranges) {
      const part = await get(web.client, target, { range: `bytes=${from}-${to}` });
      expectBody(expectStatus(part, 206), LAYER.subarray(from, to + 1));
      expect(part.get('content-range')).toBe(`bytes ${from}-${to}/${size}`);
    }
    const tail = await get(web.client, target, { range: 'bytes=-1000' });
    expectBody(expectStatus(tail, 206), LAYER.subarray(-1000));
    const beyond = await get(web.client, target, { range: `bytes=${size}-` });
    expectStatus(beyond, 416);
    expectStatus(await get(web.client, target, { 'if-none-match': `"${digest}"` }), 304);
  }, 60_000);

  it('is given to many clients at once, more than are restored at once', async () => {
    await using web = await serveApplication({ env: AT_ONCE });
    const small = gzipSync(makeTar([{ path: 'a', bytes: randomBytes(3 * MIB) }]));
    const digest = await pushLayer(web, small);
    const target = blobPath(REPOSITORY, digest);
    const answers = await Promise.all(Array.from({ length: 40 }, () => get(web.client, target)));
    for (const answer of answers) expectBody(expectStatus(answer, 200), small);
  }, 60_000);

  it('is restored once for clients that pull it at the same time, and not again after that', async () => {
    await using web = await serveApplication({ env: AT_ONCE });
    const digest = await pushLayer(web);
    const target = blobPath(REPOSITORY, digest);
    const answers = await Promise.all(Array.from({ length: 8 }, () => get(web.client, target)));
    for (const answer of answers) expectBody(expectStatus(answer, 200), LAYER);
    const once = web.layers.figures().restored;
    expect(once.bytes).toBe(LAYER.length);
    expect(once.joined).toBeGreaterThan(0);
    expectBody(await get(web.client, target), LAYER);
    const part = await get(web.client, target, { range: `bytes=${5 * MIB}-${6 * MIB}` });
    expectBody(expectStatus(part, 206), LAYER.subarray(5 * MIB, 6 * MIB + 1));
    const again = web.layers.figures().restored;
    expect(again.bytes).toBe(LAYER.length);
    expect(again.cachedBytes - once.cachedBytes).toBeGreaterThan(LAYER.length);
  }, 60_000);

  it('does not keep others waiting for a client that takes nothing, which then gets all of it', async () => {
    await using web = await serveApplication({ env: AT_ONCE });
    const digest = await pushLayer(web);
    const target = blobPath(REPOSITORY, digest);
    const slow = await Promise.all(
      Array.from({ length: 17 }, async () => {
        const socket = await openSocket(web.port);
        socket.pause();
        socket.write(getRequest(target, { Connection: 'close' }));
        return socket;
      }),
    );
    // All places are taken, until the slow ones give them up.
    const quick = await get(web.client, target, { range: 'bytes=0-99' });
    expectBody(expectStatus(quick, 206), LAYER.subarray(0, 100));
    for (const socket of slow.slice(1)) socket.destroy();
    const received = await readToEnd(slow[0]!);
    const body = received.subarray(received.indexOf('\r\n\r\n') + 4);
    expect(body.equals(LAYER)).toBe(true);
  }, 90_000);

  it('is no longer restored when the client has gone', async () => {
    await using web = await serveApplication({ env: AT_ONCE });
    const digest = await pushLayer(web);
    for (let i = 0; i < 20; i++) {
      const socket = await openSocket(web.port);
      socket.write(getRequest(blobPath(REPOSITORY, digest)));
      const first = new Promise((resolve) => socket.once('data', resolve));
      socket.resume();
      await first;
      socket.destroy();
    }
    await expect.poll(() => web.counters.active).toBe(0);
    const { bytes } = web.layers.figures().restored;
    expect(bytes).toBeLessThan(20 * LAYER.length);
    expectBody(await get(web.client, blobPath(REPOSITORY, digest)), LAYER);
  }, 60_000);

  it('is read from the recipe when its file went between look-up and opening', async () => {
    let isOpening = false;
    const wrap = (store: Store): Store => {
      const { target } = store.context;
      return {
        ...store,
        context: {
          ...store.context,
          target: {
            ...target,
            async open(id) {
              if (!isOpening) return await target.open(id);
              isOpening = false;
              const { kv } = store.context;
              const [key = ''] = kv.keys({ from: 'yr ', to: 'yr!' });
              await change(kv, (changes) => {
                const record = changes.record<ContentRecord>(keys.content(lastPart(key)))!;
                keepRecipeOnly(changes, lastPart(key), record);
              });
              throw new FileMissingError(id);
            },
          },
        },
      };
    };
    await using web = await serveApplication({
      env: { ...AT_ONCE, STOWAGE_DEDUP__MIN_AGE: '1h', STOWAGE_DEDUP__INTACT_BUDGET: '1GiB' },
      wrap,
    });
    const digest = await pushBlob(web.client, REPOSITORY, LAYER);
    await web.layers.settled();
    expect(isRecipe(web, digest)).toBe(false);
    isOpening = true;
    expectBody(expectStatus(await get(web.client, blobPath(REPOSITORY, digest)), 200), LAYER);
    expect(isRecipe(web, digest)).toBe(true);
  }, 60_000);

  it('stays in its file where a repository is configured so', async () => {
    const rules = JSON.stringify([{ pattern: 'mirror/**', policy: 'off' }]);
    await using web = await serveApplication({
      env: { ...AT_ONCE, STOWAGE_DEDUP__REPOSITORIES: rules },
    });
    const small = gzipSync(makeTar([{ path: 'a', bytes: randomBytes(100_000) }]));
    const kept = await pushBlob(web.client, 'mirror/a', small);
    const digest = await pushLayer(web);
    await web.layers.settled();
    expect([isRecipe(web, kept), isRecipe(web, digest)]).toEqual([false, true]);
  }, 60_000);
});

describe('decisions 1: a layer that cannot be rebuilt', () => {
  it('counts as absent although its bytes are in memory still', async () => {
    await using web = await serveApplication({ env: AT_ONCE });
    const digest = await pushLayer(web);
    const target = blobPath(REPOSITORY, digest);
    expectBody(await get(web.client, target), LAYER);
    await spoil(web, 0.7);
    expect(await web.store.scrub.run()).toMatchObject({ damaged: expect.any(Number) });
    expectError(await get(web.client, target), 404, 'BLOB_UNKNOWN');
    const { cachedBytes } = web.layers.figures().restored;
    await pushLayer(web);
    expectBody(await get(web.client, target), LAYER);
    expect(web.layers.figures().restored.cachedBytes).toBe(cachedBytes);
  }, 60_000);

  it('counts as absent before anything is sent, and a push heals it', async () => {
    await using web = await serveApplication({ env: AT_ONCE });
    const digest = await pushLayer(web);
    const target = blobPath(REPOSITORY, digest);
    await spoil(web, 0.001);
    expectError(await get(web.client, target), 404, 'BLOB_UNKNOWN');
    await expect.poll(async () => (await head(web.client, target)).status).toBe(404);
    expect(web.layers.figures().damaged).toBe(1);
    await pushLayer(web);
    expectBody(expectStatus(await get(web.client, target), 200), LAYER);
  }, 60_000);

  it('breaks off before the first wrong byte', async () => {
    await using web = await serveApplication({ env: AT_ONCE });
    const digest = await pushLayer(web);
    await spoil(web, 0.7);
    const socket = await openSocket(web.port);
    socket.write(getRequest(blobPath(REPOSITORY, digest), { Connection: 'close' }));
    const received = await readToEnd(socket);
    expect(received.toString('latin1', 0, 15)).toBe('HTTP/1.1 200 OK');
    const body = received.subarray(received.indexOf('\r\n\r\n') + 4);
    expect(body.length).toBeGreaterThan(0);
    expect(body.length).toBeLessThan(LAYER.length);
    expect(LAYER.subarray(0, body.length).equals(body)).toBe(true);
    await expect
      .poll(async () => (await head(web.client, blobPath(REPOSITORY, digest))).status)
      .toBe(404);
    expect(web.lines).toContainEqual(
      expect.objectContaining({ msg: 'damaged recipe, layer quarantined', digest }),
    );
  }, 60_000);
});
