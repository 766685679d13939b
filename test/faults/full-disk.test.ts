import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { RegistryClient } from '../conformance/client.ts';
import type { RegistryResponse } from '../conformance/response.ts';
import { MOUNT, makeSmallDisk } from '../support/small-disk.ts';
import { describeWith } from '../support/tools.ts';
import {
  blobPath,
  finishUpload,
  get,
  getManifest,
  head,
  heldBytes,
  locationOf,
  manifestPath,
  patchStreamed,
  pushAtOnce,
  putManifest,
  remove,
  startUpload,
} from './api.ts';
import { expectAnswer } from './blob-pushes.ts';
import { type Blob, digestOf, INLINE_MAX, makeBlob, makeImage } from './contents.ts';
import { Ledger } from './ledger.ts';
import { collect, type Served, serveCheck } from './servers.ts';
import { verifyDisk } from './verify.ts';
import { REPOSITORIES } from './workload.ts';

const MIB = 1024 * 1024;
const DISK = 24 * MIB;
const [REPOSITORY] = REPOSITORIES;

const config = makeBlob('config', 100);
const layer = makeBlob('layer', 2 * MIB);
const image = makeImage([config, layer], { label: 'kept' });
/** What is deleted when the disk is full. */
const garbage = makeBlob('garbage', 8 * MIB);
/** More than the disk has room for beside the others. */
const tooLarge = makeBlob('too large', 15 * MIB);

const inPieces = ({ bytes }: Blob): Buffer[] =>
  Array.from({ length: bytes.length / MIB }, (_, i) => bytes.subarray(i * MIB, (i + 1) * MIB));

/** The registry has no room, says so in the protocol's words, and when to come back. */
function expectNoRoom(answer: RegistryResponse): void {
  expect(answer.status, answer.describe()).toBe(503);
  expect(answer.get('retry-after')).toMatch(/^\d+$/);
  expect(answer.json<{ errors: { code: string }[] }>().errors[0]?.code).toBe('UNAVAILABLE');
}

async function expectServed(client: RegistryClient): Promise<void> {
  for (const { digest } of [config, layer]) {
    const { body } = expectAnswer(await get(client, blobPath(REPOSITORY, digest)), 200);
    expect(digestOf(body)).toBe(digest);
  }
  const { body } = expectAnswer(await getManifest(client, REPOSITORY, 'v1'), 200);
  expect(digestOf(body)).toBe(image.digest);
}

async function expectAbsent(client: RegistryClient, digest: string): Promise<void> {
  expect((await head(client, blobPath(REPOSITORY, digest))).status).toBe(404);
}

/** Pushes an image that stays and a blob that may go. */
async function prepare({ client }: Served): Promise<Ledger> {
  for (const blob of [config, layer, garbage]) {
    expectAnswer(await pushAtOnce(client, REPOSITORY, blob), 201);
  }
  const where = { repository: REPOSITORY, reference: 'v1' };
  expectAnswer(await putManifest(client, where, image), 201);
  const ledger = new Ledger(0);
  ledger.remember(image);
  for (const { digest } of [config, layer]) {
    ledger.begin(REPOSITORY, [{ kind: 'blob', name: digest, to: digest }]).done();
  }
  const { digest } = image;
  ledger.begin(REPOSITORY, [{ kind: 'manifest', name: digest, to: digest }]).done();
  return ledger;
}

async function deleteGarbage({ client }: Served): Promise<void> {
  const answer = await remove(client, blobPath(REPOSITORY, garbage.digest));
  expect(answer.status, answer.describe()).toBe(202);
}

/** After deleting, everything works again and nothing is left of what failed. */
async function expectRecovered(served: Served, dataDir: string, ledger: Ledger): Promise<void> {
  const { client } = served;
  for (const blob of [makeBlob('small again', 100), makeBlob('large again', MIB)]) {
    expectAnswer(await pushAtOnce(client, REPOSITORY, blob), 201);
  }
  await collect(served);
  expect((await verifyDisk(dataDir, ledger)).problems).toEqual([]);
  await expectServed(client);
}

const tools = [MOUNT];

describeWith(tools, 'a disk that fills up', () => {
  it('decisions 2: a push that finds no room gets 503 with Retry-After and leaves nothing', async () => {
    await using disk = await makeSmallDisk(DISK);
    const dataDir = join(disk.root, 'data');
    await using served = await serveCheck(dataDir, { STOWAGE_DATA__RESERVE: '0' });
    const { client } = served;
    const ledger = await prepare(served);
    const { digest } = tooLarge;
    const room = await disk.free();

    // Its length is known, so it need not be tried.
    expectNoRoom(await pushAtOnce(client, REPOSITORY, tooLarge));
    expect(await disk.free()).toBe(room);

    const post = `/v2/${REPOSITORY}/blobs/uploads/?digest=${digest}`;
    const chunks = inPieces(tooLarge);
    expectNoRoom(await client.request({ method: 'POST', target: post, chunks }));
    expect(await disk.free()).toBe(room);
    await expectAbsent(client, digest);

    const put = locationOf(expectAnswer(await startUpload(client, REPOSITORY), 202));
    const target = `${put}?digest=${digest}`;
    expectNoRoom(await client.request({ method: 'PUT', target, chunks }));
    expectAnswer(await remove(client, put), 204);
    expect(await disk.free()).toBe(room);
    await expectAbsent(client, digest);

    // What a PATCH could bring in is kept and is right: with more room the upload goes on.
    const path = locationOf(expectAnswer(await startUpload(client, REPOSITORY), 202));
    expectNoRoom(await patchStreamed(client, path, chunks));
    await expectServed(client);
    await deleteGarbage(served);
    const held = heldBytes(expectAnswer(await get(client, path), 204));
    expect(held).toBeGreaterThan(0);
    expect(held).toBeLessThan(tooLarge.bytes.length);
    const rest = tooLarge.bytes.subarray(held);
    expectAnswer(await finishUpload(client, path, { digest, rest }), 201);
    const { body } = expectAnswer(await get(client, blobPath(REPOSITORY, digest)), 200);
    expect(digestOf(body)).toBe(digest);

    expectAnswer(await remove(client, blobPath(REPOSITORY, digest)), 202);
    await expectRecovered(served, dataDir, ledger);
  });

  it('decisions 2: with not a byte free, pulls go on, and deleting recovers', async () => {
    await using disk = await makeSmallDisk(DISK);
    const dataDir = join(disk.root, 'data');
    await using served = await serveCheck(dataDir, { STOWAGE_DATA__RESERVE: '0' });
    const { client } = served;
    const ledger = await prepare(served);
    await disk.fill(0);

    // No file can grow. The database cannot either, but it has some pages to use again.
    let refusals = 0;
    for (let i = 0; i < 200; i++) {
      const size = i < 5 ? INLINE_MAX + 1 + i : 1000 + i * 70;
      const blob = makeBlob(`full ${i}`, size);
      const answer = await pushAtOnce(client, REPOSITORY, blob);
      if (answer.status === 201 && size <= INLINE_MAX) continue;
      expectNoRoom(answer);
      await expectAbsent(client, blob.digest);
      refusals++;
    }
    expect(refusals).toBeGreaterThan(100);
    for (const padding of [0, INLINE_MAX]) {
      const other = makeImage([config, layer], { label: 'full', padding });
      const where = { repository: REPOSITORY, reference: 'v1' };
      const answer = await putManifest(client, where, other);
      if (answer.status === 201 && padding === 0) {
        // A few bytes found room; as it was before.
        expectAnswer(await putManifest(client, where, image), 201);
        expectAnswer(await remove(client, manifestPath(REPOSITORY, other.digest)), 202);
        continue;
      }
      expectNoRoom(answer);
      expect((await getManifest(client, REPOSITORY, other.digest)).status).toBe(404);
    }
    await expectServed(client);

    await deleteGarbage(served);
    await disk.empty();
    await expectRecovered(served, dataDir, ledger);
  });

  it('decisions 2: a server that was killed on a full disk starts, and deleting recovers', async () => {
    await using disk = await makeSmallDisk(DISK);
    const dataDir = join(disk.root, 'data');
    const env = { STOWAGE_DATA__RESERVE: '0' };
    let ledger: Ledger;
    {
      await using first = await serveCheck(dataDir, env);
      ledger = await prepare(first);
      await disk.fill(0);
      await first.server.kill();
    }
    await using served = await serveCheck(dataDir, env);
    await expectServed(served.client);
    expectNoRoom(await pushAtOnce(served.client, REPOSITORY, makeBlob('full', MIB)));
    await deleteGarbage(served);
    await expectRecovered(served, dataDir, ledger);
  });

  it('decisions 2: below the reserve pushes are refused, pulls, deletes and collection go on', async () => {
    await using disk = await makeSmallDisk(DISK);
    const dataDir = join(disk.root, 'data');
    const reserve = 4 * MIB;
    await using served = await serveCheck(dataDir, { STOWAGE_DATA__RESERVE: String(reserve) });
    const { client } = served;
    const ledger = await prepare(served);
    const begun = locationOf(expectAnswer(await startUpload(client, REPOSITORY), 202));
    const last = makeBlob('last', MIB);
    expectAnswer(await patchStreamed(client, begun, inPieces(last)), 202);
    await disk.fill(reserve - MIB);
    const { operations } = served;
    // The server looks at the disk once a second, and when it is asked.
    expect((await operations.status()).space).toMatchObject({ pushesRefused: true });

    const small = makeBlob('refused', 100);
    expectNoRoom(await pushAtOnce(client, REPOSITORY, small));
    expectNoRoom(await startUpload(client, REPOSITORY));
    expectNoRoom(await patchStreamed(client, begun, [small.bytes]));
    const where = { repository: REPOSITORY, reference: 'refused' };
    expectNoRoom(await putManifest(client, where, image));
    expect(await disk.free()).toBeGreaterThan(0);

    // It takes no more room, so what was begun may end.
    expectAnswer(await finishUpload(client, begun, { digest: last.digest }), 201);
    await expectServed(client);
    // Collection frees what nothing refers to; that is enough here.
    expect(await collect(served)).toMatchObject({ state: 'finished', removedBlobs: 2 });
    await expectAbsent(client, garbage.digest);
    expectAnswer(await remove(client, manifestPath(REPOSITORY, 'v1')), 202);
    expectAnswer(await putManifest(client, { ...where, reference: 'v1' }, image), 201);
    await expectRecovered(served, dataDir, ledger);
  });
});
