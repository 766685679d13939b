import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { digestOf } from '../../src/oci/digest.ts';
import { deleteBlob, mountBlob } from '../../src/storage/blobs.ts';
import { findContent, quarantine } from '../../src/storage/content.ts';
import { DatabaseDamagedError } from '../../src/storage/kv/lmdb-file.ts';
import { CommitError } from '../../src/storage/kv/types.ts';
import { DataDirectoryLockedError } from '../../src/storage/lock.ts';
import { deleteManifest, deleteTag, restoreManifest } from '../../src/storage/manifests.ts';
import { openStore, type Store } from '../../src/storage/store.ts';
import { MOUNT, makeSmallDisk, type SmallDisk } from '../support/small-disk.ts';
import { makeTemporary, removeTemporary } from '../support/temporary.ts';
import { describeWith } from '../support/tools.ts';
import { countTotals, findContradictions } from './support/consistency.ts';
import {
  bytesOf,
  imageOf,
  LARGE,
  pullBlob,
  pullManifest,
  pushBlob,
  pushImage,
  pushManifest,
  startUpload,
} from './support/content.ts';
import { memoryPlace, openTestStore } from './support/stores.ts';

const QUIET = { collectEvery: 0, scrubPeriod: 0 };

describe('a data directory', () => {
  let folder: string;
  beforeEach(async () => {
    folder = join(await makeTemporary('data'), 'registry');
  });
  afterEach(() => removeTemporary(join(folder, '..')));

  it('is made when it is missing, for its owner only', async () => {
    const store = await openStore(folder, QUIET);
    const names = ['blobs', 'format.json', 'lock', 'metadata', 'uploads'];
    expect(await readdir(folder)).toEqual(expect.arrayContaining(names));
    for (const name of ['.', 'blobs', 'metadata', 'uploads']) {
      expect((await stat(join(folder, name))).mode & 0o777).toBe(0o700);
    }
    await store.close();
  });

  it('decisions 2: keeps what it was given', async () => {
    let store = await openStore(folder, QUIET);
    const image = await pushImage(store, 'a', [bytesOf(1), bytesOf(2, LARGE)], { tags: ['t'] });
    const totals = store.totals();
    await store.close();
    store = await openStore(folder, QUIET);
    expect(await pullManifest(store, 'a', 't')).toEqual(image.bytes);
    expect(await pullBlob(store, 'a', digestOf(bytesOf(2, LARGE)))).toEqual(bytesOf(2, LARGE));
    expect(store.totals()).toEqual(totals);
    await store.close();
  });

  it('waits for what is under way when it is closed', async () => {
    let store = await openStore(folder, QUIET);
    const pushes = [1, 2, 3].map((i) => pushBlob(store, 'a', bytesOf(i)));
    await Promise.resolve();
    const closing = store.close();
    const results = await Promise.allSettled(pushes);
    await closing;
    store = await openStore(folder, QUIET);
    for (const [i, { status }] of results.entries()) {
      if (status === 'rejected') continue;
      expect(await pullBlob(store, 'a', digestOf(bytesOf(i + 1)))).toEqual(bytesOf(i + 1));
    }
    await store.close();
  });

  it('decisions 7: is refused while it is open, and free again when opening fails', async () => {
    const store = await openStore(folder, QUIET);
    await expect(openStore(folder, QUIET)).rejects.toThrow(DataDirectoryLockedError);
    await store.close();
    const database = join(folder, 'metadata', 'stowage.mdb');
    await rm(database);
    await writeFile(database, Buffer.alloc(10_000, 'x'));
    await expect(openStore(folder, QUIET)).rejects.toThrow('is damaged');
    await expect(openStore(folder, QUIET)).rejects.toThrow('is damaged');
    await rm(folder, { recursive: true });
    await (await openStore(folder, QUIET)).close();
  });

  describe('decisions 1: that has lost its database is refused, its blob files stay', () => {
    const lose = async (what: 'missing' | 'empty', names: readonly string[]): Promise<void> => {
      const store = await openStore(folder, QUIET);
      await pushBlob(store, 'a', bytesOf(1, LARGE));
      await store.close();
      const before = await readdir(join(folder, 'blobs'), { recursive: true });
      for (const name of names) await rm(join(folder, name), { recursive: true });
      if (what === 'empty') await writeFile(join(folder, 'metadata', 'stowage.mdb'), '');
      for (const _ of [1, 2]) {
        const refused = expect(openStore(folder, QUIET)).rejects;
        await refused.toThrow(DatabaseDamagedError);
      }
      expect(await readdir(join(folder, 'blobs'), { recursive: true })).toEqual(before);
    };
    it('the file', () => lose('missing', ['metadata/stowage.mdb']));
    it('the bytes of the file', () => lose('empty', ['metadata/stowage.mdb']));
    it('its folder', () => lose('missing', ['metadata']));
    it('its folder and the note of the format', () => lose('missing', ['metadata', 'format.json']));
  });

  it('a first start that was cut off is begun anew', async () => {
    await mkdir(join(folder, 'blobs', '00000'), { recursive: true });
    await writeFile(join(folder, 'blobs', '00000', '00000000'), '');
    await mkdir(join(folder, 'metadata'));
    await writeFile(join(folder, 'metadata', 'stowage.mdb'), '');
    await (await openStore(folder, QUIET)).close();
    await (await openStore(folder, QUIET)).close();
  });

  it('whose database has pages with other bytes is refused, and says what is wrong', async () => {
    const store = await openStore(folder, QUIET);
    for (let i = 0; i < 50; i++) await pushBlob(store, 'a', bytesOf(i, 10_000));
    await store.close();
    const database = join(folder, 'metadata', 'stowage.mdb');
    const bytes = await readFile(database);
    // The first two pages tell where the tree begins; nothing of the tree is left.
    await writeFile(database, bytes.fill('x', 8192));
    await expect(openStore(folder, QUIET)).rejects.toThrow(DatabaseDamagedError);
    await expect(openStore(folder, QUIET)).rejects.toThrow(`${database} is damaged: MDB_`);
  });

  it('a folder that cannot be one is an error that names it', async () => {
    await mkdir(join(folder, '..'), { recursive: true });
    await writeFile(folder, 'a file');
    await expect(openStore(folder, QUIET)).rejects.toThrow(folder);
  });
});

describeWith([MOUNT], 'a store on a full disk', () => {
  let disk: SmallDisk;
  let store: Store;
  beforeEach(async () => {
    disk = await makeSmallDisk(8 * 1024 * 1024);
    store = await openStore(join(disk.root, 'data'), { ...QUIET, settings: { reserve: 0 } });
  });
  afterEach(async () => {
    await store.close();
    await disk[Symbol.asyncDispose]();
  });

  it('decisions 2: refuses cleanly, keeps what it has, and is recovered by deleting', async () => {
    const pushed: number[] = [];
    let failure: unknown;
    for (let i = 0; failure === undefined && i < 100; i++) {
      const upload = startUpload(store);
      const writer = upload.open();
      try {
        writer.write(bytesOf(i, 500_000));
        await writer.end(false);
        await store.uploads.finish(upload, digestOf(bytesOf(i, 500_000)));
        pushed.push(i);
      } catch (error) {
        failure = error;
        await store.uploads.cancel(upload);
      }
    }
    expect(pushed.length).toBeGreaterThan(5);
    const isFull = (failure as NodeJS.ErrnoException).code === 'ENOSPC';
    expect(isFull || failure instanceof CommitError).toBe(true);
    expect(await store.space.allows(500_000)).toBe(false);
    for (const i of pushed) {
      const digest = digestOf(bytesOf(i, 500_000));
      expect((await pullBlob(store, 'a', digest))?.equals(bytesOf(i, 500_000))).toBe(true);
    }
    for (const i of pushed.slice(0, 4)) {
      await deleteBlob(store.context, 'a', digestOf(bytesOf(i, 500_000)));
    }
    await store.space.look();
    expect(await store.space.allows(500_000)).toBe(true);
    const digest = await pushBlob(store, 'a', bytesOf('new', 500_000));
    expect((await pullBlob(store, 'a', digest))?.length).toBe(500_000);
    expect(findContradictions(store.context.kv)).toEqual([]);
  });
});

describe('the totals', () => {
  const act = fc.record({
    kind: fc.constantFrom(
      'push',
      'push',
      'image',
      'image',
      'mount',
      'delete-blob',
      'delete-manifest',
      'delete-tag',
      'restore',
      'quarantine',
      'collect',
    ),
    repository: fc.constantFrom('a', 'b/c', 'd'),
    other: fc.constantFrom('a', 'b/c', 'd'),
    pick: fc.nat(5),
  });

  it('stay exact over any operations: what is noted is what can be counted', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 40 }), fc.boolean(), async (acts, undo) => {
        const test = await openTestStore(memoryPlace(), {
          settings: { lease: 1000, undo: undo ? 2000 : 0, inlineMax: 300 },
        });
        const { store } = test;
        const { context } = store;
        const bytes = (pick: number): Buffer => bytesOf(pick, 100 + pick * 100);
        const image = (pick: number) => imageOf([bytes(pick % 3), bytes(pick)], { nr: pick });
        /** Refusals are part of the game. */
        const attempt = (promise: Promise<unknown>) => promise.catch(() => undefined);
        for (const { kind, repository, other, pick } of acts) {
          test.time.now += 100;
          const digest = digestOf(bytes(pick));
          const content = findContent(context, digest);
          const tags = [`t${pick}`];
          const acting: Record<typeof kind, () => Promise<unknown>> = {
            push: () => pushBlob(store, repository, bytes(pick)),
            image: async () => {
              await pushBlob(store, repository, bytes(pick % 3));
              await pushBlob(store, repository, bytes(pick));
              await pushManifest(store, repository, image(pick), { tags });
            },
            mount: () => mountBlob(context, { digest, from: [other], to: repository }),
            'delete-blob': () => attempt(deleteBlob(context, repository, digest)),
            'delete-manifest': () =>
              attempt(deleteManifest(context, repository, image(pick).digest)),
            'delete-tag': () => attempt(deleteTag(context, repository, `t${pick}`)),
            restore: () => attempt(restoreManifest(context, repository, image(pick).digest)),
            quarantine: async () => content && (await quarantine(context, content, 'for a test')),
            collect: () => store.collector.run({ dryRun: false }),
          };
          await acting[kind]();
          expect(store.totals()).toEqual(countTotals(context.kv));
        }
        expect(findContradictions(context.kv)).toEqual([]);
        test.time.now += 100_000;
        for (let i = 0; i < 2; i++) await store.collector.run({ dryRun: false });
        expect(store.totals()).toEqual(countTotals(context.kv));
        await test.close();
      }),
      { numRuns: 60 },
    );
  });
});
