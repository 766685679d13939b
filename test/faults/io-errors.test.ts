import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { RegistryClient } from '../conformance/client.ts';
import type { RegistryResponse } from '../conformance/response.ts';
import { makeTemporary, removeTemporary } from '../support/temporary.ts';
import { describeWith, needsRoot, requireTool } from '../support/tools.ts';
import {
  blobPath,
  finishUpload,
  get,
  getManifest,
  head,
  locationOf,
  manifestPath,
  patch,
  pushAtOnce,
  putManifest,
  remove,
  startUpload,
} from './api.ts';
import { expectAnswer } from './blob-pushes.ts';
import { digestOf, INLINE_MAX, makeBlob, makeImage } from './contents.ts';
import { withFailing } from './inject.ts';
import { Ledger } from './ledger.ts';
import { checkRecovery } from './recovery.ts';
import { collect, type Served, serveCheck } from './servers.ts';
import { verifyDisk } from './verify.ts';
import { REPOSITORIES } from './workload.ts';

const LARGE = 5 * INLINE_MAX;
const [REPOSITORY, OTHER] = REPOSITORIES;
const SYNCS = ['fdatasync'];
const WRITES = ['pwrite64', 'pwritev', 'pwritev2'];

const config = makeBlob('config', 100);
const layer = makeBlob('layer', LARGE);
const loose = makeBlob('loose', LARGE + 1);
const image = makeImage([config, layer], { label: 'kept' });
const newSmall = makeBlob('new small', 200);
const newLarge = makeBlob('new large', LARGE + 2);
const newImages = [0, INLINE_MAX].map((padding, i) =>
  makeImage([config, layer], { label: `new ${i}`, padding }),
);

/** Pushes what is there before the disk fails, and notes it. */
async function prepare({ client }: Served): Promise<Ledger> {
  const ledger = new Ledger(60_000);
  for (const blob of [config, layer, loose]) {
    const { digest } = blob;
    const operation = ledger.begin(REPOSITORY, [{ kind: 'blob', name: digest, to: digest }]);
    expectAnswer(await pushAtOnce(client, REPOSITORY, blob), 201);
    operation.done();
    ledger.touch(REPOSITORY, digest, Date.now());
  }
  for (const manifest of [image, ...newImages]) ledger.remember(manifest);
  const { digest } = image;
  const operation = ledger.begin(REPOSITORY, [
    { kind: 'manifest', name: digest, to: digest },
    { kind: 'tag', name: 'v1', to: digest },
  ]);
  const where = { repository: REPOSITORY, reference: 'v1' };
  expectAnswer(await putManifest(client, where, image), 201);
  operation.done();
  return ledger;
}

/** Every kind of write. Only the database writes for those that are `small`. */
interface Deed {
  readonly what: string;
  readonly small: boolean;
  readonly act: (client: RegistryClient) => Promise<RegistryResponse>;
}

const DEEDS: readonly Deed[] = [
  { what: 'a small blob', small: true, act: (client) => pushAtOnce(client, REPOSITORY, newSmall) },
  { what: 'a large blob', small: false, act: (client) => pushAtOnce(client, REPOSITORY, newLarge) },
  {
    what: 'a blob in pieces',
    small: false,
    async act(client) {
      const { digest, bytes } = newLarge;
      const path = locationOf(await startUpload(client, REPOSITORY));
      const patched = await patch(client, path, { bytes, start: 0 });
      const answer =
        patched.status === 202 ? await finishUpload(client, path, { digest }) : patched;
      // Where it could not be given up, it is over.
      if (answer.status !== 201) expectAnswer(await remove(client, path), 204, 404);
      return answer;
    },
  },
  ...newImages.map((manifest, i) => ({
    what: `a manifest in ${i === 0 ? 'the database' : 'a file'}`,
    small: i === 0,
    act: (client: RegistryClient) =>
      putManifest(client, { repository: REPOSITORY, reference: 'v1' }, manifest),
  })),
  {
    what: 'a mount',
    small: true,
    act: (client) => startUpload(client, OTHER, `?mount=${loose.digest}&from=${REPOSITORY}`),
  },
  {
    what: 'deleting a tag',
    small: true,
    act: (client) => remove(client, manifestPath(REPOSITORY, 'v1')),
  },
  {
    what: 'deleting a manifest',
    small: true,
    act: (client) => remove(client, manifestPath(REPOSITORY, image.digest)),
  },
  {
    what: 'deleting a blob',
    small: true,
    act: (client) => remove(client, blobPath(REPOSITORY, loose.digest)),
  },
];

/** Everything is as it was. */
async function expectUnchanged(client: RegistryClient): Promise<void> {
  for (const { digest } of [config, layer, loose]) {
    const { body } = expectAnswer(await get(client, blobPath(REPOSITORY, digest)), 200);
    expect(digestOf(body)).toBe(digest);
  }
  const { body } = expectAnswer(await getManifest(client, REPOSITORY, 'v1'), 200);
  expect(digestOf(body)).toBe(image.digest);
  for (const { digest } of [newSmall, newLarge]) {
    expect((await head(client, blobPath(REPOSITORY, digest))).status).toBe(404);
  }
  for (const { digest } of newImages) {
    expect((await getManifest(client, REPOSITORY, digest)).status).toBe(404);
  }
  expect((await head(client, blobPath(OTHER, loose.digest))).status).toBe(404);
}

const tools = [needsRoot(await requireTool('strace', 'strace'))];

describeWith(tools, 'a disk that fails', () => {
  let folder: string;
  let dataDir: string;
  beforeEach(async () => {
    folder = await makeTemporary('io-errors');
    dataDir = join(folder, 'data');
  });
  afterEach(() => removeTemporary(folder));
  const database = (): string => join(dataDir, 'metadata/stowage.mdb');
  const blobFiles = async (): Promise<string[]> => {
    const entries = await readdir(join(dataDir, 'blobs'), { recursive: true, withFileTypes: true });
    return entries.filter((one) => one.isFile()).map((one) => join(one.parentPath, one.name));
  };

  it.each([
    { what: 'syncs', calls: SYNCS, where: 'everywhere', result: 'error=EIO' },
    { what: 'syncs', calls: SYNCS, where: 'in the database', result: 'error=EIO' },
    { what: 'writes', calls: WRITES, where: 'in files', result: 'error=EIO' },
    { what: 'writes', calls: WRITES, where: 'in files', result: 'error=ENOSPC' },
    // Where a page of the database meets an error, its library may end the process; see below.
    { what: 'writes', calls: WRITES, where: 'in the database', result: 'retval=0' },
  ])('decisions 2: $result of $what $where: 5xx and no damage', async (one) => {
    await using served = await serveCheck(dataDir);
    const { client, server } = served;
    const ledger = await prepare(served);
    const { calls, result, where } = one;
    const paths =
      where === 'in files'
        ? await blobFiles()
        : where === 'in the database'
          ? [database()]
          : undefined;
    const deeds = where === 'in files' ? DEEDS.filter(({ small }) => !small) : DEEDS;
    await withFailing(server.pid, { calls, result, paths }, async () => {
      for (const { what, act } of deeds) {
        const answer = await act(client);
        expect([500, 503], `${what}: ${answer.describe()}`).toContain(answer.status);
        const [error] = answer.json<{ errors: { code: string }[] }>().errors;
        expect(error?.code).toBe(answer.status === 503 ? 'UNAVAILABLE' : 'UNKNOWN');
        await expectUnchanged(client);
      }
    });
    // The log tells what the client was not told.
    const failures = server.lines().filter(({ msg }) => msg === 'request failed');
    expect(failures.length).toBeGreaterThanOrEqual(deeds.length);
    await expectUnchanged(client);

    // What failed left nothing, also for a server that is started anew.
    await server.kill();
    await using next = await serveCheck(dataDir);
    const crash = { dataDir, ledger, at: Date.now(), keepsUploads: true };
    expect((await checkRecovery(next, crash)).problems).toEqual([]);
  });

  it('decisions 2: EIO of writes in the database: an error or an end, and no damage', async () => {
    await using served = await serveCheck(dataDir);
    const { client, server } = served;
    const ledger = await prepare(served);
    const injection = { calls: WRITES, result: 'error=EIO', paths: [database()] };
    await withFailing(server.pid, injection, async () => {
      for (const { what, act } of DEEDS) {
        // A broken connection is no answer, so nothing was promised.
        const answer = await act(client).catch(() => undefined);
        if (answer === undefined) break;
        expect([500, 503], `${what}: ${answer.describe()}`).toContain(answer.status);
      }
    });
    await server.kill();
    await using next = await serveCheck(dataDir);
    await expectUnchanged(next.client);
    const crash = { dataDir, ledger, at: Date.now(), keepsUploads: true };
    expect((await checkRecovery(next, crash)).problems).toEqual([]);
  });

  it('decisions 2: whichever write of a commit fails, the next push works', async () => {
    await using served = await serveCheck(dataDir);
    const { client, server } = served;
    await prepare(served);
    let refusals = 0;
    // A commit takes one to three of these writes; the last one is that of the page which makes the
    // commit current, and when it fails the database stands still until it is opened anew.
    for (let round = 0; round < 12; round++) {
      const result = `retval=0:when=${1 + Math.floor(round / 4)}+`;
      const injection = { calls: ['pwrite64'], result, paths: [database()] };
      const blob = makeBlob(`failing ${round}`, 100);
      const refused = await withFailing(server.pid, injection, () =>
        pushAtOnce(client, REPOSITORY, blob),
      );
      expect([201, 503], refused.describe()).toContain(refused.status);
      if (refused.status === 503) refusals++;
      expectAnswer(await pushAtOnce(client, REPOSITORY, blob), 201);
      await expectUnchanged(client);
    }
    expect(refusals).toBeGreaterThan(2);
  });

  it.each(DEEDS)('decisions 2: $what works after a commit that failed', async ({ act }) => {
    await using served = await serveCheck(dataDir);
    const { client, server } = served;
    await prepare(served);
    const injection = { calls: WRITES, result: 'retval=0', paths: [database()] };
    const refused = await withFailing(server.pid, injection, () => act(client));
    expect(refused.status, refused.describe()).toBe(503);
    expect(refused.get('retry-after')).toMatch(/^\d+$/);
    const answer = await act(client);
    expect([201, 202], answer.describe()).toContain(answer.status);
  });

  it('decisions 3: a file that could not be removed goes with a later collection', async () => {
    await using served = await serveCheck(dataDir);
    const { client, server } = served;
    const ledger = await prepare(served);
    await withFailing(
      server.pid,
      { calls: ['unlink', 'unlinkat'], result: 'error=EIO' },
      async () => {
        expectAnswer(await remove(client, blobPath(REPOSITORY, loose.digest)), 202);
        expect((await head(client, blobPath(REPOSITORY, loose.digest))).status).toBe(404);
      },
    );
    ledger.begin(REPOSITORY, [{ kind: 'blob', name: loose.digest, to: undefined }]).done();
    const files = async () => (await verifyDisk(dataDir, ledger)).problems;
    expect(await files()).toHaveLength(1);
    await collect(served);
    expect(await files()).toEqual([]);
  });

  it('decisions 1: a read that fails cuts the connection, and the blob has to come again', async () => {
    await using served = await serveCheck(dataDir);
    const { client, server } = served;
    await prepare(served);
    await withFailing(server.pid, { calls: ['pread64'], result: 'error=EIO' }, async () => {
      await expect(get(client, blobPath(REPOSITORY, loose.digest))).rejects.toThrow();
      await server.waitForLog(({ msg }) => msg === 'content quarantined');
    });
    expect((await head(client, blobPath(REPOSITORY, loose.digest))).status).toBe(404);
    expectAnswer(await pushAtOnce(client, REPOSITORY, loose), 201);
    const { body } = expectAnswer(await get(client, blobPath(REPOSITORY, loose.digest)), 200);
    expect(digestOf(body)).toBe(loose.digest);
  });
});
