import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { digestOf } from '../../src/oci/digest.ts';
import { listDeleted, referrersOf } from '../../src/storage/listing.ts';
import {
  deleteManifest,
  deleteTag,
  findTag,
  restoreManifest,
  restoreTag,
} from '../../src/storage/manifests.ts';
import { NO_TOTALS } from '../../src/storage/metadata/records.ts';
import { findContradictions } from './support/consistency.ts';
import {
  bytesOf,
  LARGE,
  pullBlob,
  pullManifest,
  pushImage,
  pushManifest,
  subjectOf,
} from './support/content.ts';
import { openTestStore, STORE_PLACES, type TestStore } from './support/stores.ts';

const HOUR = 3_600_000;
const NOTHING = { name: 'StoreRefusal', reason: 'nothing-to-restore' };

describe.each(STORE_PLACES.map((make) => ({ name: make().name, make })))(
  'taking back deletes on a store in $name',
  ({ make }) => {
    let test: TestStore;
    beforeEach(async () => {
      test = await openTestStore(make(), { settings: { undo: 24 * HOUR, lease: HOUR } });
    });
    afterEach(async () => {
      expect(findContradictions(test.store.context.kv)).toEqual([]);
      await test.close();
    });
    const tagOf = (tag: string) => findTag(test.store.context, 'a', tag)?.digest;
    const collect = () => test.store.collector.run({ dryRun: false });
    const deleted = (repository?: string) => [...listDeleted(test.store.context, repository)];

    it('decisions 3: a deleted manifest comes back with its tags and blobs', async () => {
      const blobs = [bytesOf(1), bytesOf(2, LARGE)];
      const image = await pushImage(test.store, 'a', blobs, { tags: ['t', 'u'] });
      await deleteManifest(test.store.context, 'a', image.digest);
      expect(deleted('a')).toEqual([
        {
          repository: 'a',
          digest: image.digest,
          tags: ['t', 'u'],
          at: test.time.now,
          until: test.time.now + 24 * HOUR,
        },
      ]);
      expect(deleted('b')).toEqual([]);
      await test.reopen();
      test.time.now += 23 * HOUR;
      const { blobs: collected } = await collect();
      expect(collected).toBe(0);
      await restoreManifest(test.store.context, 'a', image.digest);
      expect(deleted()).toEqual([]);
      expect(await pullManifest(test.store, 'a', 't')).toEqual(image.bytes);
      expect(tagOf('u')).toBe(image.digest);
      for (const bytes of blobs) {
        expect(await pullBlob(test.store, 'a', digestOf(bytes))).toEqual(bytes);
      }
      expect(test.store.totals()).toMatchObject({ manifests: 1, tags: 2 });
      await expect(restoreManifest(test.store.context, 'a', image.digest)).rejects.toMatchObject(
        NOTHING,
      );
    });

    it('decisions 3: after its time it goes for good, and then its blobs', async () => {
      const blobs = [bytesOf(1), bytesOf(2, LARGE)];
      const image = await pushImage(test.store, 'a', blobs, { tags: ['t'] });
      await deleteManifest(test.store.context, 'a', image.digest);
      test.time.now += 24 * HOUR;
      const report = await collect();
      expect(report).toMatchObject({ manifests: 1, blobs: 2, repositories: 1 });
      expect(deleted()).toEqual([]);
      await expect(restoreManifest(test.store.context, 'a', image.digest)).rejects.toMatchObject(
        NOTHING,
      );
      expect(test.store.totals()).toEqual(NO_TOTALS);
      // The next cycle forgets that there was a file.
      await collect();
      expect([...test.store.context.kv.keys({ from: 'a', to: 'z' })]).toEqual([]);
    });

    it('decisions 3: without undo a delete is for good', async () => {
      await test.reopen({ options: { settings: { undo: 0, lease: HOUR } } });
      const image = await pushImage(test.store, 'a', [bytesOf(1)], { tags: ['t', 'u'] });
      await deleteTag(test.store.context, 'a', 'u');
      await deleteManifest(test.store.context, 'a', image.digest);
      expect(deleted()).toEqual([]);
      await expect(restoreManifest(test.store.context, 'a', image.digest)).rejects.toMatchObject(
        NOTHING,
      );
      await expect(restoreTag(test.store.context, 'a', 'u')).rejects.toMatchObject(NOTHING);
    });

    it('decisions 3: a deleted tag comes back, if it is free and its manifest there', async () => {
      const first = await pushImage(test.store, 'a', [bytesOf(1)], { tags: ['t'] });
      const second = await pushImage(test.store, 'a', [bytesOf(2)]);
      await deleteTag(test.store.context, 'a', 't');
      expect(deleted()).toMatchObject([{ repository: 'a', tag: 't', digest: first.digest }]);
      await restoreTag(test.store.context, 'a', 't');
      expect(tagOf('t')).toBe(first.digest);
      expect(deleted()).toEqual([]);
      // Set anew meanwhile.
      await deleteTag(test.store.context, 'a', 't');
      await pushManifest(test.store, 'a', second, { tags: ['t'] });
      await expect(restoreTag(test.store.context, 'a', 't')).rejects.toMatchObject(NOTHING);
      expect(tagOf('t')).toBe(second.digest);
      // Its manifest is gone.
      await deleteTag(test.store.context, 'a', 't');
      await deleteManifest(test.store.context, 'a', second.digest);
      await expect(restoreTag(test.store.context, 'a', 't')).rejects.toMatchObject(NOTHING);
      await restoreManifest(test.store.context, 'a', second.digest);
      await restoreTag(test.store.context, 'a', 't');
      expect(tagOf('t')).toBe(second.digest);
      // Its time is over.
      await deleteTag(test.store.context, 'a', 't');
      test.time.now += 24 * HOUR;
      await collect();
      await expect(restoreTag(test.store.context, 'a', 't')).rejects.toMatchObject(NOTHING);
    });

    it('tags that were taken meanwhile are left alone', async () => {
      const first = await pushImage(test.store, 'a', [bytesOf(1)], { tags: ['t', 'u'] });
      await deleteManifest(test.store.context, 'a', first.digest);
      const second = await pushImage(test.store, 'a', [bytesOf(2)], { tags: ['t'] });
      await restoreManifest(test.store.context, 'a', first.digest);
      expect([tagOf('t'), tagOf('u')]).toEqual([second.digest, first.digest]);
    });

    it('what was deleted can simply be pushed again', async () => {
      const image = await pushImage(test.store, 'a', [bytesOf(1)], { tags: ['t'] });
      await deleteManifest(test.store.context, 'a', image.digest);
      await pushManifest(test.store, 'a', image, { tags: ['v'] });
      expect(deleted()).toEqual([]);
      expect([tagOf('t'), tagOf('v')]).toEqual([undefined, image.digest]);
      test.time.now += 25 * HOUR;
      await collect();
      expect(await pullManifest(test.store, 'a', 'v')).toEqual(image.bytes);
      expect(await pullBlob(test.store, 'a', digestOf(bytesOf(1)))).toEqual(bytesOf(1));
    });

    it('a referrer is listed again', async () => {
      const image = await pushImage(test.store, 'a', [bytesOf(1)]);
      const artifact = await pushImage(test.store, 'a', [bytesOf(1)], { extra: subjectOf(image) });
      const list = () => [...referrersOf(test.store.context, 'a', { subject: image.digest })];
      const before = list();
      await deleteManifest(test.store.context, 'a', artifact.digest);
      expect(list()).toEqual([]);
      await restoreManifest(test.store.context, 'a', artifact.digest);
      expect(list()).toEqual(before);
    });

    it('content that another repository holds outlives the time of a delete', async () => {
      const image = await pushImage(test.store, 'a', [bytesOf(1)]);
      await pushImage(test.store, 'b', [bytesOf(1)]);
      await deleteManifest(test.store.context, 'a', image.digest);
      test.time.now += 30 * HOUR;
      await collect();
      expect(await pullManifest(test.store, 'a', image.digest)).toBeUndefined();
      expect(await pullManifest(test.store, 'b', image.digest)).toEqual(image.bytes);
      expect(await pullBlob(test.store, 'b', digestOf(bytesOf(1)))).toEqual(bytesOf(1));
    });

    it('decisions 1: a manifest that was quarantined meanwhile does not come back', async () => {
      const image = await pushImage(test.store, 'a', [bytesOf(1)], {
        extra: { annotations: { bulk: 'x'.repeat(20_000) } },
      });
      await deleteManifest(test.store.context, 'a', image.digest);
      const [, file = ''] = [...test.store.context.kv.keys({ from: 'f ', to: 'f!' })][0]!.split(
        ' ',
      );
      await test.place.damage(Number.parseInt(file, 16), undefined);
      await test.reopen();
      expect((await test.store.scrub.run()).damaged).toBe(1);
      await expect(restoreManifest(test.store.context, 'a', image.digest)).rejects.toMatchObject(
        NOTHING,
      );
      // And it goes for good, although nobody can read what it referred to.
      test.time.now += 24 * HOUR;
      await collect();
      expect(test.store.totals()).toMatchObject({ contents: 0, repositories: 0 });
    });
  },
);
