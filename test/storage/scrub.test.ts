import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Digest, digestOf } from '../../src/oci/digest.ts';
import { deleteBlob } from '../../src/storage/blobs.ts';
import { findContent } from '../../src/storage/content.ts';
import { findContradictions } from './support/consistency.ts';
import { bytesOf, LARGE, pullBlob, pushBlob, pushImage } from './support/content.ts';
import { openTestStore, STORE_PLACES, type TestStore } from './support/stores.ts';

const DAY = 24 * 3_600_000;

describe.each(STORE_PLACES.map((make) => ({ name: make().name, make })))(
  'the scrub of a store in $name',
  ({ make }) => {
    let test: TestStore;
    beforeEach(async () => {
      test = await openTestStore(make());
    });
    afterEach(async () => {
      expect(findContradictions(test.store.context.kv)).toEqual([]);
      await test.close();
    });
    const scrub = () => test.store.scrub.run();
    const quarantined = () =>
      new Map([...test.store.scrub.quarantined()].map(({ digest, reason }) => [digest, reason]));
    const fileOf = (digest: Digest) => findContent(test.store.context, digest)!.record.file!;

    it('decisions 1: reads everything, and finds nothing wrong where nothing is', async () => {
      expect(test.store.scrub.report()).toBeUndefined();
      for (let i = 0; i < 10; i++) await pushBlob(test.store, 'a', bytesOf(i, i % 2 ? 100 : LARGE));
      await pushBlob(test.store, 'b', bytesOf('512', LARGE), 'sha512');
      await pushImage(test.store, 'b', [bytesOf(1, 100)]);
      const report = await scrub();
      const { contents, bytes } = test.store.totals();
      expect(report).toEqual({
        started: test.time.now,
        finished: test.time.now,
        contents,
        totalContents: contents,
        bytes,
        totalBytes: bytes,
        damaged: 0,
      });
      expect(test.store.scrub.report()).toEqual(report);
      expect(test.store.scrub.running).toBe(false);
      expect(quarantined().size).toBe(0);
    });

    it('decisions 1: finds a flipped bit, a short, a long and a missing file, and wrong small bytes', async () => {
      const large = Array.from({ length: 5 }, (_, i) => bytesOf(i, LARGE));
      const digests: Digest[] = [];
      for (const bytes of large) digests.push(await pushBlob(test.store, 'a', bytes));
      const [flipped, short, long, missing] = digests.map(fileOf);
      const small = await pushBlob(test.store, 'a', bytesOf('small'));
      const gone = await pushBlob(test.store, 'a', bytesOf('gone'));
      // In memory, where the scrub must not look.
      expect(await pullBlob(test.store, 'a', small)).toEqual(bytesOf('small'));
      await test.reopen({
        work: (engine) =>
          engine.commit(
            new Map([
              [`i ${small}`, bytesOf('other')],
              [`i ${gone}`, null],
            ]),
          ),
      });
      const changed = Buffer.from(large[0]!);
      changed[LARGE - 1]! ^= 0x80;
      await test.place.damage(flipped!, changed);
      await test.place.damage(short!, large[1]!.subarray(0, LARGE - 1));
      await test.place.damage(long!, Buffer.concat([large[2]!, Buffer.from('x')]));
      await test.place.damage(missing!, undefined);
      const report = await scrub();
      expect(report).toMatchObject({ damaged: 6, contents: 7 });
      expect(report.error).toBeUndefined();
      expect(quarantined()).toEqual(
        new Map([
          [digests[0], 'its bytes have another digest'],
          [digests[1], 'its file has another length'],
          [digests[2], 'its file has another length'],
          [digests[3], 'its file is missing'],
          [small, 'its bytes have another digest'],
          [gone, 'its bytes are missing'],
        ]),
      );
      for (const digest of digests.slice(0, 4)) {
        expect(await pullBlob(test.store, 'a', digest)).toBeUndefined();
      }
      expect(await pullBlob(test.store, 'a', digests[4]!)).toEqual(large[4]);
      // What is known to be damaged is not found again, and heals by being pushed.
      expect((await scrub()).damaged).toBe(0);
      for (const bytes of large) await pushBlob(test.store, 'a', bytes);
      for (const text of ['small', 'gone']) await pushBlob(test.store, 'a', bytesOf(text));
      expect(await scrub()).toMatchObject({ damaged: 0, contents: 7 });
      expect(quarantined().size).toBe(0);
      for (const [i, digest] of digests.entries()) {
        expect(await pullBlob(test.store, 'a', digest)).toEqual(large[i]);
      }
      expect(await pullBlob(test.store, 'a', small)).toEqual(bytesOf('small'));
    });

    it('adds up what its passes have read', async () => {
      await pushBlob(test.store, 'a', bytesOf(1, LARGE));
      await pushBlob(test.store, 'a', bytesOf(2, 100));
      expect(test.store.scrub.totals()).toEqual({ contents: 0, bytes: 0, damaged: 0 });
      await scrub();
      await scrub();
      const bytes = 2 * (LARGE + 100);
      expect(test.store.scrub.totals()).toEqual({ contents: 4, bytes, damaged: 0 });
    });

    it('whoever asks while it runs gets the same pass', async () => {
      await pushBlob(test.store, 'a', bytesOf(1, LARGE));
      const [first, second] = await Promise.all([scrub(), scrub()]);
      expect(second).toBe(first);
      expect(await scrub()).not.toBe(first);
    });

    it('deletes and pushes while it runs do not disturb it, nor cut it short', async () => {
      const digests: Digest[] = [];
      for (let i = 0; i < 30; i++) digests.push(await pushBlob(test.store, 'a', bytesOf(i)));
      const order = [...digests].sort();
      const running = scrub();
      // What it would come to next is being deleted at every moment.
      const deletes = order
        .slice(0, 20)
        .map((digest) => deleteBlob(test.store.context, 'a', digest));
      await pushBlob(test.store, 'a', bytesOf('new', LARGE));
      await Promise.all(deletes);
      const report = await running;
      expect(report).toMatchObject({ damaged: 0 });
      expect(report.error).toBeUndefined();
      expect(report.contents).toBeGreaterThanOrEqual(10);
    });

    it('stops when the store is closed', async () => {
      await test.reopen({ options: { scrubRate: 1000 } });
      for (let i = 0; i < 5; i++) await pushBlob(test.store, 'a', bytesOf(i, LARGE));
      const running = scrub();
      await new Promise((resolve) => setImmediate(resolve));
      expect(test.store.scrub.running).toBe(true);
      await test.reopen({ options: { scrubRate: Number.MAX_SAFE_INTEGER } });
      const report = await running;
      expect(report.error).toBeDefined();
      expect(report.contents).toBeLessThan(5);
    });
  },
);

describe('decisions 7: the scrub', () => {
  it('reads no faster than it is told to, however small what it reads', async () => {
    const [make] = STORE_PLACES;
    const rate = 2 ** 20;
    const test = await openTestStore(make!(), { scrubRate: rate });
    for (let i = 0; i < 8; i++) await pushBlob(test.store, 'a', bytesOf(i, LARGE));
    for (let i = 0; i < 100; i++) await pushBlob(test.store, 'a', bytesOf(`tiny ${i}`, 10));
    const began = performance.now();
    const { bytes, contents } = await test.store.scrub.run();
    // Looking at one costs as much as reading 1 KiB.
    const least = ((bytes + contents * 1024) / rate) * 1000;
    expect(least).toBeGreaterThan(400);
    // Debts below 10 ms are not paid, and timers may be a millisecond early.
    expect(performance.now() - began).toBeGreaterThan(least * 0.9 - 10);
    await test.close();
  });
});

describe('the scrub that runs by itself', () => {
  it('decisions 1: gets through within its period, and goes on where it stopped', async () => {
    const [make] = STORE_PLACES;
    const test = await openTestStore(make!());
    for (let i = 0; i < 8; i++) await pushBlob(test.store, 'a', bytesOf(i, LARGE));
    // It waits as long as its period before it begins; this one is over in a moment.
    await test.reopen({ options: { scrubPeriod: 200 } });
    const began = performance.now();
    while (test.store.scrub.report()?.finished === undefined) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      expect(performance.now() - began).toBeLessThan(10_000);
    }
    expect(test.store.scrub.report()).toMatchObject({ contents: 8, damaged: 0 });
    // Half of the next pass, as a server that is stopped would leave it.
    const digests = Array.from({ length: 8 }, (_, i) => digestOf(bytesOf(i, LARGE))).sort();
    const note = { last: digests[3], started: test.time.now - DAY };
    await test.reopen({
      options: { scrubPeriod: 200 },
      work: (engine) => engine.commit(new Map([['z scrub', Buffer.from(JSON.stringify(note))]])),
    });
    while (test.store.scrub.report()?.finished === undefined) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(test.store.scrub.report()).toMatchObject({ contents: 4, started: note.started });
    await test.close();
  });
});
