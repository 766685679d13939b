import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { listDeleted } from '../../src/storage/listing.ts';
import {
  deleteManifest,
  deleteTag,
  findManifest,
  restoreManifest,
  restoreTag,
} from '../../src/storage/manifests.ts';
import { keys } from '../../src/storage/metadata/keys.ts';
import { findContradictions } from './support/consistency.ts';
import {
  bytesOf,
  imageOf,
  indexOf,
  type ManifestSource,
  pullManifest,
  pushBlob,
  pushImage,
  pushManifest,
  subjectOf,
} from './support/content.ts';
import { openTestStore, STORE_PLACES, type TestStore } from './support/stores.ts';

const HOUR = 3_600_000;

describe.each(STORE_PLACES.map((make) => ({ name: make().name, make })))(
  'manifests without a tag, on a store in $name',
  ({ make }) => {
    let test: TestStore;
    beforeEach(async () => {
      test = await openTestStore(make(), {
        settings: { untaggedAfter: 10 * HOUR, lease: HOUR, undo: 0 },
      });
      await pushBlob(test.store, 'a', bytesOf(1));
    });
    afterEach(async () => {
      expect(findContradictions(test.store.context.kv)).toEqual([]);
      await test.close();
    });
    const collect = (dryRun = false) => test.store.collector.run({ dryRun });
    /** Cycles until one removes nothing; what one removes may have kept something else. */
    async function collectAll(): Promise<number> {
      let removed = 0;
      for (;;) {
        const { manifests, error } = await collect();
        expect(error).toBeUndefined();
        if (manifests === 0) return removed;
        removed += manifests;
      }
    }
    /** Looks without asking for it, which would keep it. */
    const isThere = ({ digest }: ManifestSource) =>
      test.store.context.kv.has(keys.manifest('a', digest));
    async function push(extra: object, tags: readonly string[] = []): Promise<ManifestSource> {
      const image = imageOf([bytesOf(1)], extra);
      await pushManifest(test.store, 'a', image, { tags });
      return image;
    }
    async function pushIndex(list: readonly ManifestSource[], tags: readonly string[] = []) {
      const index = indexOf(list, { nr: list.length });
      await pushManifest(test.store, 'a', index, { tags });
      return index;
    }

    it('stay for ever unless a time is set', async () => {
      await test.reopen({ options: { settings: { untaggedAfter: 0, lease: HOUR, undo: 0 } } });
      const image = await push({});
      test.time.now += 10_000 * HOUR;
      expect((await collect()).manifests).toBe(0);
      expect(isThere(image)).toBe(true);
    });

    it('go when they are old enough, with their blobs; tagged ones stay', async () => {
      const [untagged, tagged] = [await push({ nr: 1 }), await push({ nr: 2 }, ['t'])];
      test.time.now += 10 * HOUR - 1;
      expect((await collect()).manifests).toBe(0);
      test.time.now += 1;
      expect(await collect(true)).toMatchObject({ manifests: 1 });
      expect(isThere(untagged)).toBe(true);
      expect(await collect()).toMatchObject({ manifests: 1, blobs: 0 });
      expect([isThere(untagged), isThere(tagged)]).toEqual([false, true]);
      await deleteTag(test.store.context, 'a', 't');
      expect(await collect()).toMatchObject({ manifests: 1, blobs: 1, repositories: 1 });
    });

    it('stay as long as a tagged index reaches them, however deep', async () => {
      const images = [await push({ nr: 1 }), await push({ nr: 2 })];
      const inner = await pushIndex(images.slice(0, 1));
      const outer = await pushIndex([inner, images[1]!], ['t']);
      test.time.now += 20 * HOUR;
      expect(await collectAll()).toBe(0);
      await deleteTag(test.store.context, 'a', 't');
      expect(await collectAll()).toBe(4);
      for (const one of [...images, inner, outer]) expect(isThere(one)).toBe(false);
    });

    it('stay as long as their subject does, and its subject', async () => {
      const image = await push({}, ['t']);
      const signature = await push({ nr: 1, ...subjectOf(image) });
      const note = await push({ nr: 2, ...subjectOf(signature) });
      const stray = await push({ nr: 3, ...subjectOf(imageOf([bytesOf(9)])) });
      test.time.now += 20 * HOUR;
      expect(await collectAll()).toBe(1);
      expect(isThere(stray)).toBe(false);
      expect([isThere(signature), isThere(note)]).toEqual([true, true]);
      await deleteManifest(test.store.context, 'a', image.digest);
      expect(await collectAll()).toBe(2);
      expect([isThere(signature), isThere(note)]).toEqual([false, false]);
    });

    it('a subject is not kept by what points at it', async () => {
      const image = await push({});
      await push({ nr: 1, ...subjectOf(image) }, ['signed']);
      test.time.now += 20 * HOUR;
      expect(await collectAll()).toBe(1);
      expect(isThere(image)).toBe(false);
    });

    it('another repository keeps nothing here', async () => {
      const image = await push({});
      await pushBlob(test.store, 'b', bytesOf(1));
      await pushManifest(test.store, 'b', image);
      await pushManifest(test.store, 'b', indexOf([image]), { tags: ['t'] });
      test.time.now += 20 * HOUR;
      expect(await collectAll()).toBe(1);
      expect(isThere(image)).toBe(false);
      expect(await pullManifest(test.store, 'b', image.digest)).toEqual(image.bytes);
    });

    it('decisions 3: those just pushed again stay for the time of a lease', async () => {
      const image = await push({});
      test.time.now += 20 * HOUR;
      await pushManifest(test.store, 'a', image);
      expect((await collect()).manifests).toBe(0);
      await pushIndex([image], ['t']);
      test.time.now += 20 * HOUR;
      expect(await collectAll()).toBe(0);
    });

    it('decisions 3: those that a client was told of stay for the time of a lease', async () => {
      const images = [await push({ nr: 1 }), await push({ nr: 2 })];
      test.time.now += 20 * HOUR;
      // HEAD: that of a child, by one who is about to push an index.
      const seen = images[0]!;
      expect(findManifest(test.store.context, 'a', seen.digest)).toBeDefined();
      test.time.now += HOUR - 1;
      expect((await collect()).manifests).toBe(1);
      await pushIndex([seen], ['t']);
      test.time.now += 20 * HOUR;
      expect(await collectAll()).toBe(0);
      await deleteTag(test.store.context, 'a', 't');
      expect(findManifest(test.store.context, 'a', seen.digest)).toBeDefined();
      test.time.now += 2 * HOUR;
      expect(await collectAll()).toBe(2);
    });

    it('decisions 3: stay while a deleted tag, index or subject can still be restored', async () => {
      const settings = { untaggedAfter: 10 * HOUR, lease: HOUR, undo: 24 * HOUR };
      await test.reopen({ options: { settings } });
      const tagged = await push({ nr: 1 }, ['t']);
      const child = await push({ nr: 2 });
      const index = await pushIndex([child], ['i']);
      const subject = await push({ nr: 3 }, ['s']);
      const signature = await push({ nr: 4, ...subjectOf(subject) });
      test.time.now += 20 * HOUR;
      await deleteTag(test.store.context, 'a', 't');
      // Pushed again without its tag it is the same manifest.
      await pushManifest(test.store, 'a', tagged);
      await deleteManifest(test.store.context, 'a', index.digest);
      await deleteManifest(test.store.context, 'a', subject.digest);
      test.time.now += 24 * HOUR - 1;
      expect((await collect()).manifests).toBe(0);
      await test.reopen();
      await restoreTag(test.store.context, 'a', 't');
      await restoreManifest(test.store.context, 'a', index.digest);
      await restoreManifest(test.store.context, 'a', subject.digest);
      for (const one of [tagged, child, index, subject, signature]) {
        expect(isThere(one)).toBe(true);
      }
      await deleteTag(test.store.context, 'a', 't');
      await deleteManifest(test.store.context, 'a', index.digest);
      test.time.now += 24 * HOUR;
      // The index goes for good; what it kept is deleted, and can be restored in its turn.
      await collectAll();
      const deleted = [...listDeleted(test.store.context, 'a')].map(({ digest }) => digest);
      expect(deleted.sort()).toEqual([tagged.digest, child.digest].sort());
      expect(isThere(signature)).toBe(true);
    });

    it('decisions 3: can be taken back like any other delete', async () => {
      const settings = { untaggedAfter: 10 * HOUR, lease: HOUR, undo: 24 * HOUR };
      await test.reopen({ options: { settings } });
      const image = await push({});
      test.time.now += 20 * HOUR;
      expect((await collect()).manifests).toBe(1);
      expect(isThere(image)).toBe(false);
      expect([...listDeleted(test.store.context, 'a')]).toHaveLength(1);
      await restoreManifest(test.store.context, 'a', image.digest);
      expect(isThere(image)).toBe(true);
    });

    it('a cycle over many goes through all of them', async () => {
      const all: ManifestSource[] = [];
      for (let i = 0; i < 150; i++) all.push(await push({ nr: i }, i % 3 ? [] : [`t${i}`]));
      test.time.now += 20 * HOUR;
      expect((await collect()).manifests).toBe(100);
      expect(test.store.totals()).toMatchObject({ manifests: 50, tags: 50 });
      const image = await pushImage(test.store, 'z', [bytesOf(2)]);
      expect(await pullManifest(test.store, 'z', image.digest)).toEqual(image.bytes);
    });
  },
);
