import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Digest, digestOf } from '../../src/oci/digest.ts';
import { deleteBlob, findBlob, mountBlob } from '../../src/storage/blobs.ts';
import { COLLECTION_PHASES } from '../../src/storage/collector.ts';
import { deleteManifest, hasRepository } from '../../src/storage/manifests.ts';
import { keys } from '../../src/storage/metadata/keys.ts';
import { NO_TOTALS } from '../../src/storage/metadata/records.ts';
import { filesInUse, findContradictions } from './support/consistency.ts';
import {
  append,
  bytesOf,
  imageOf,
  indexOf,
  LARGE,
  pullBlob,
  pullManifest,
  pushBlob,
  pushImage,
  pushManifest,
  startUpload,
} from './support/content.ts';
import { failingPlace } from './support/failing.ts';
import { memoryPlace, openTestStore, STORE_PLACES, type TestStore } from './support/stores.ts';

const HOUR = 3_600_000;
const LEASE = 24 * HOUR;
/** A lease ends between its time and a fourth more. */
const SURELY_OVER = LEASE * 1.25;

describe.each(STORE_PLACES.map((make) => ({ name: make().name, make })))(
  'the collector of a store in $name',
  ({ make }) => {
    let test: TestStore;
    beforeEach(async () => {
      test = await openTestStore(make(), { settings: { lease: LEASE, undo: 0 } });
      // All leases are held for a while after the start.
      test.time.now += 2 * LEASE;
    });
    afterEach(async () => {
      expect(findContradictions(test.store.context.kv)).toEqual([]);
      await test.close();
    });
    const collect = (dryRun = false) => test.store.collector.run({ dryRun });

    it.each([100, LARGE])(
      'decisions 3: an unreferenced blob is collected only after its lease has ended: %d bytes',
      async (size) => {
        const bytes = bytesOf('lease', size);
        const digest = await pushBlob(test.store, 'a', bytes);
        const file = findBlob(test.store.context, 'a', digest)?.record.file;
        test.time.now += LEASE - 1;
        expect(await collect()).toMatchObject({ blobs: 0, bytes: 0 });
        // Asking began it anew.
        expect(await pullBlob(test.store, 'a', digest)).toEqual(bytes);
        test.time.now += LEASE - 1;
        expect(await collect()).toMatchObject({ blobs: 0, bytes: 0 });
        test.time.now += SURELY_OVER - LEASE + 1;
        expect(await collect()).toMatchObject({
          blobs: 1,
          bytes: size,
          repositories: 1,
          scanned: 1,
        });
        expect(await pullBlob(test.store, 'a', digest)).toBeUndefined();
        if (file !== undefined) expect(await test.place.bytes(file)).toBeUndefined();
        expect(test.store.totals()).toEqual(NO_TOTALS);
      },
    );

    it('decisions 3: HEAD, mount and push renew the lease, in whatever repository', async () => {
      const bytes = bytesOf('renew');
      const digest = await pushBlob(test.store, 'a', bytes);
      const renewals = [
        async () => void findBlob(test.store.context, 'a', digest),
        async () => void (await mountBlob(test.store.context, { digest, from: ['a'], to: 'b' })),
        async () => void (await mountBlob(test.store.context, { digest, from: ['a'], to: 'b' })),
        async () => void (await pushBlob(test.store, 'a', bytes)),
      ];
      for (const renew of renewals) {
        test.time.now += LEASE - 1;
        await renew();
        test.time.now += LEASE - 1;
        expect((await collect()).blobs).toBe(0);
      }
      expect(findBlob(test.store.context, 'a', digest)).toBeDefined();
    });

    it('decisions 3: a client that saw a blob and did not push it finds it at its manifest', async () => {
      const blob = bytesOf('seen', LARGE);
      const digest = await pushBlob(test.store, 'a', blob);
      test.time.now += LEASE - 1;
      expect(findBlob(test.store.context, 'a', digest)).toBeDefined();
      test.time.now += LEASE - 1;
      await collect();
      await pushManifest(test.store, 'a', imageOf([blob]), { tags: ['t'] });
      test.time.now += 2 * LEASE;
      expect((await collect()).blobs).toBe(0);
      expect(await pullBlob(test.store, 'a', digest)).toEqual(blob);
    });

    it('decisions 3: all leases start anew at start-up', async () => {
      await pushBlob(test.store, 'a', bytesOf(1));
      test.time.now += 2 * LEASE;
      await test.reopen();
      expect((await collect()).blobs).toBe(0);
      test.time.now += LEASE - 1;
      expect((await collect()).blobs).toBe(0);
      test.time.now += 1;
      expect((await collect()).blobs).toBe(1);
    });

    it('decisions 3: what a manifest, an index in an index, or a subject keeps stays', async () => {
      const blobs = Array.from({ length: 6 }, (_, i) => bytesOf(i, i % 2 ? 100 : LARGE));
      const images = await Promise.all(
        [blobs.slice(0, 2), blobs.slice(2, 4)].map((part) => pushImage(test.store, 'a', part)),
      );
      const inner = indexOf(images);
      await pushManifest(test.store, 'a', inner);
      await pushManifest(test.store, 'a', indexOf([inner]), { tags: ['t'] });
      for (const bytes of blobs.slice(4)) await pushBlob(test.store, 'a', bytes);
      test.time.now += 3 * LEASE;
      expect(await collect()).toMatchObject({ blobs: 2, manifests: 0, scanned: 6 });
      for (const bytes of blobs.slice(0, 4)) {
        expect(await pullBlob(test.store, 'a', digestOf(bytes))).toEqual(bytes);
      }
      expect(test.store.totals()).toMatchObject({ manifests: 4, contents: 8 });
    });

    it('decisions 3: a blob that two manifests use goes after the second', async () => {
      const shared = bytesOf('shared', LARGE);
      const first = await pushImage(test.store, 'a', [shared, bytesOf(1)]);
      const second = await pushImage(test.store, 'a', [shared, bytesOf(2)]);
      test.time.now += 2 * LEASE;
      await deleteManifest(test.store.context, 'a', first.digest);
      expect(await collect()).toMatchObject({ blobs: 1 });
      expect(await pullBlob(test.store, 'a', digestOf(shared))).toEqual(shared);
      await deleteManifest(test.store.context, 'a', second.digest);
      test.time.now += 2 * LEASE;
      expect(await collect()).toMatchObject({ blobs: 2, bytes: LARGE + 100 });
      expect(test.store.totals()).toEqual(NO_TOTALS);
    });

    it('decisions 3: content stays while any repository holds it', async () => {
      const bytes = bytesOf('two homes', LARGE);
      const digest = await pushBlob(test.store, 'a', bytes);
      await mountBlob(test.store.context, { digest, from: ['a'], to: 'b' });
      await pushManifest(test.store, 'b', imageOf([bytes]));
      test.time.now += 2 * LEASE;
      // It goes from the one that does not use it; no byte is freed.
      expect(await collect()).toMatchObject({ blobs: 1, bytes: 0, repositories: 1 });
      expect(await pullBlob(test.store, 'a', digest)).toBeUndefined();
      expect(await pullBlob(test.store, 'b', digest)).toEqual(bytes);
    });

    it('decisions 3: two repositories lose one blob in one cycle', async () => {
      const bytes = bytesOf('both', LARGE);
      const digest = await pushBlob(test.store, 'a', bytes);
      await mountBlob(test.store.context, { digest, from: ['a'], to: 'b' });
      test.time.now += 2 * LEASE;
      expect(await collect()).toMatchObject({ blobs: 2, bytes: LARGE, repositories: 2 });
      expect(test.store.totals()).toEqual(NO_TOTALS);
    });

    it('decisions 3: never blocks a push: pushes go on while a cycle runs, and keep what they need', async () => {
      const blobs = Array.from({ length: 100 }, (_, i) => bytesOf(i));
      for (const bytes of blobs) await pushBlob(test.store, 'a', bytes);
      test.time.now += 2 * LEASE;
      const running = collect();
      const images = Array.from({ length: 25 }, (_, i) => {
        const part = blobs.slice(i * 4, i * 4 + 2);
        return pushImage(test.store, 'a', part, { tags: [`t${i}`] }).then((image) => ({
          part,
          image,
        }));
      });
      for (const { part, image } of await Promise.all(images)) {
        expect(await pullManifest(test.store, 'a', image.digest)).toEqual(image.bytes);
        for (const bytes of part) {
          expect(await pullBlob(test.store, 'a', digestOf(bytes))).toEqual(bytes);
        }
      }
      expect((await running).error).toBeUndefined();
      test.time.now += 2 * LEASE;
      await collect();
      expect(test.store.totals()).toMatchObject({ manifests: 25, contents: 75 });
    });

    it('a dry run says what would go and removes nothing', async () => {
      await pushBlob(test.store, 'a', bytesOf(1, LARGE));
      await pushBlob(test.store, 'b', bytesOf(1, LARGE));
      await pushBlob(test.store, 'c', bytesOf(2, 700));
      const kept = await pushImage(test.store, 'd', [bytesOf(3)]);
      test.time.now += 2 * LEASE;
      const before = test.store.totals();
      const dry = await collect(true);
      expect(dry).toMatchObject({ dryRun: true, blobs: 3, scanned: 4, total: 4 });
      expect(test.store.totals()).toEqual(before);
      expect(await pullManifest(test.store, 'd', kept.digest)).toEqual(kept.bytes);
      const wet = await collect();
      expect(wet).toMatchObject({ dryRun: false, blobs: 3, bytes: LARGE + 700, repositories: 3 });
      expect(test.store.totals()).toMatchObject({ repositories: 1, contents: 2 });
    });

    it('reports its phases, and the last cycle when none runs', async () => {
      expect(test.store.collector.report()).toBeUndefined();
      const running = collect();
      expect(test.store.collector.running).toBe(true);
      expect(test.store.collector.report()).toMatchObject({ dryRun: false });
      const report = await running;
      expect(report.phase).toBe(COLLECTION_PHASES.at(-1));
      expect(report).toMatchObject({ started: test.time.now, finished: test.time.now });
      expect(test.store.collector.report()).toEqual(report);
      expect(test.store.collector.running).toBe(false);
    });

    it('adds up its cycles, the running one included and dry runs aside', async () => {
      const { collector } = test.store;
      expect(collector.totals()).toEqual({ cycles: 0, blobs: 0, bytes: 0 });
      await pushBlob(test.store, 'a', bytesOf(1, 700));
      test.time.now += 2 * LEASE;
      await collect(true);
      expect(collector.totals()).toEqual({ cycles: 0, blobs: 0, bytes: 0 });
      await collect();
      expect(collector.totals()).toEqual({ cycles: 1, blobs: 1, bytes: 700 });
      await pushBlob(test.store, 'a', bytesOf(2, 300));
      test.time.now += 2 * LEASE;
      const running = collect();
      expect(collector.totals()).toEqual({ cycles: 1, blobs: 1, bytes: 700 });
      await running;
      await collect();
      expect(collector.totals()).toEqual({ cycles: 3, blobs: 2, bytes: 1000 });
    });

    it('whoever asks while it runs joins, and a dry run waits for its turn', async () => {
      const [first, second, dry] = await Promise.all([collect(), collect(), collect(true)]);
      expect(second).toBe(first);
      expect(dry.dryRun).toBe(true);
    });

    it('empty repositories go, those with an upload or anything deleted come back or stay', async () => {
      await pushBlob(test.store, 'gone', bytesOf(1));
      const digest = digestOf(bytesOf(1));
      await deleteBlob(test.store.context, 'gone', digest);
      const upload = startUpload(test.store, { repository: 'gone' });
      await append(upload, bytesOf(2), { persist: true });
      expect(await collect()).toMatchObject({ repositories: 1 });
      expect(hasRepository(test.store.context, 'gone')).toBe(false);
      await test.store.uploads.finish(upload, digestOf(bytesOf(2)));
      expect(hasRepository(test.store.context, 'gone')).toBe(true);
      await test.reopen({ options: { settings: { lease: LEASE, undo: HOUR } } });
      const image = await pushImage(test.store, 'kept', [bytesOf(3)]);
      await deleteManifest(test.store.context, 'kept', image.digest);
      await deleteBlob(test.store.context, 'kept', digestOf(bytesOf(3)));
      await collect();
      expect(hasRepository(test.store.context, 'kept')).toBe(true);
      test.time.now += HOUR;
      await collect();
      expect(hasRepository(test.store.context, 'kept')).toBe(false);
    });

    it('a cycle in the middle of an upload leaves the upload alone', async () => {
      const bytes = bytesOf('upload', LARGE);
      const upload = startUpload(test.store);
      await append(upload, bytes.subarray(0, 30_000), { persist: true });
      await test.reopen();
      const found = test.store.uploads.find(upload.id, { repository: 'a', subject: '' })!;
      await collect();
      await append(found, bytes.subarray(30_000), { persist: true });
      await collect();
      await test.store.uploads.finish(found, digestOf(bytes));
      await collect();
      expect(await pullBlob(test.store, 'a', digestOf(bytes))).toEqual(bytes);
      await test.reopen();
      await collect();
      expect(await pullBlob(test.store, 'a', digestOf(bytes))).toEqual(bytes);
    });

    it('decisions 3: a crash leaves at most a file too many, which the next start finds', async () => {
      const bytes = bytesOf('crash', LARGE);
      const digest = await pushBlob(test.store, 'a', bytes);
      const { record } = findBlob(test.store.context, 'a', digest)!;
      const writer = await test.store.context.target.create();
      await writer.write([Buffer.alloc(5000)], 0);
      await writer.close();
      // This process may still need it, so it is left alone.
      await collect();
      expect(await test.place.bytes(writer.id)).toHaveLength(5000);
      await test.reopen();
      const dry = await collect(true);
      expect(dry.files).toBeGreaterThanOrEqual(1);
      expect(dry.bytes).toBeGreaterThanOrEqual(5000);
      expect(await test.place.bytes(writer.id)).toHaveLength(5000);
      const report = await collect();
      expect(report.files).toBe(dry.files);
      expect(await test.place.bytes(writer.id)).toBeUndefined();
      expect(await test.place.bytes(record.file!)).toEqual(bytes);
      expect((await collect()).files).toBe(0);
    });

    it('decisions 3: a crash between the commit of a delete and the unlinking is made good', async () => {
      const bytes = bytesOf('dead', LARGE);
      const digest = await pushBlob(test.store, 'a', bytes);
      const { record } = findBlob(test.store.context, 'a', digest)!;
      await deleteBlob(test.store.context, 'a', digest);
      await test.reopen();
      // As power loss would bring it back.
      await test.place.damage(record.file!, bytes);
      const report = await collect();
      expect(report.files).toBeGreaterThanOrEqual(1);
      expect(await test.place.bytes(record.file!)).toBeUndefined();
      expect(test.store.context.kv.has(keys.deadFile(record.file!))).toBe(false);
    });

    it('stops when the store is closed, and leaves everything whole', async () => {
      for (let i = 0; i < 80; i++) await pushBlob(test.store, `r${i % 9}`, bytesOf(i));
      test.time.now += 2 * LEASE;
      const running = collect();
      await new Promise((resolve) => setImmediate(resolve));
      await test.reopen();
      await running;
      expect(findContradictions(test.store.context.kv)).toEqual([]);
      test.time.now += 2 * LEASE;
      await collect();
      expect(test.store.totals()).toEqual(NO_TOTALS);
    });
  },
);

describe('the collector when the disk fails', () => {
  it('decisions 2: says so, changes nothing, and a file that could not be removed goes later', async () => {
    const { place, faults } = failingPlace();
    const test = await openTestStore(place, { settings: { lease: LEASE, undo: 0 } });
    const digests: Digest[] = [];
    for (let i = 0; i < 3; i++) digests.push(await pushBlob(test.store, 'a', bytesOf(i, LARGE)));
    test.time.now += 2 * LEASE;
    faults.failing.add('commit');
    const failed = await test.store.collector.run({ dryRun: false });
    expect(failed).toMatchObject({ blobs: 0, bytes: 0 });
    expect(failed.error).toMatch('ENOSPC');
    faults.failing.clear();
    faults.failing.add('remove');
    const report = await test.store.collector.run({ dryRun: false });
    expect(report).toMatchObject({ blobs: 3, bytes: 3 * LARGE });
    expect(test.log.filter(({ message }) => message === 'file not removed')).toHaveLength(3);
    async function left(): Promise<number> {
      let count = 0;
      for await (const _ of test.store.context.target.files()) count++;
      return count;
    }
    expect(await left()).toBe(3);
    // Still none can be removed: the cycle ends there, and forgets none of them.
    expect((await test.store.collector.run({ dryRun: false })).error).toMatch('ENOSPC');
    faults.failing.clear();
    expect((await test.store.collector.run({ dryRun: false })).files).toBe(3);
    expect(await left()).toBe(0);
    expect(filesInUse(test.store.context.kv)).toEqual([]);
    await test.close();
  });
});

describe('the collector and a reader', () => {
  it('decisions 3: a look while the removal waits for its commit says that it is gone', async () => {
    const begun = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    let hold = false;
    const place = memoryPlace({
      engine: (inner) => ({
        ...inner,
        async commit(batch) {
          if (hold) begun.resolve();
          if (hold) await gate.promise;
          await inner.commit(batch);
        },
      }),
    });
    const test = await openTestStore(place, { settings: { lease: LEASE } });
    const bytes = bytesOf('about to go', LARGE);
    const digest = await pushBlob(test.store, 'a', bytes);
    test.time.now += 2 * LEASE;
    hold = true;
    const running = test.store.collector.run({ dryRun: false });
    await begun.promise;
    // Were it shown, its lease would be promised in vain.
    expect(findBlob(test.store.context, 'a', digest)).toBeUndefined();
    const mounting = mountBlob(test.store.context, { digest, from: ['a'], to: 'b' });
    const pushing = pushBlob(test.store, 'a', bytes);
    hold = false;
    gate.resolve();
    expect(await mounting).toBe(false);
    await pushing;
    expect((await running).blobs).toBe(1);
    expect(await pullBlob(test.store, 'a', digest)).toEqual(bytes);
    await test.close();
  });
});
