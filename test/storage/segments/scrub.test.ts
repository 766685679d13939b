import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GROUP_HEADER } from '../../../src/storage/segments/layout.ts';
import type { Placement } from '../../../src/storage/segments/types.ts';
import { findContradictions } from './support/consistency.ts';
import {
  openTestSegments,
  release,
  SEGMENT_PLACES,
  storeNumbered,
  type TestSegments,
} from './support/places.ts';

const LENGTH = 6 * 1024;
const SIZE = LENGTH + GROUP_HEADER;
const unlimited = (): number => Number.MAX_SAFE_INTEGER;

describe.each(SEGMENT_PLACES.map((make) => ({ name: make().name, make })))(
  'the scrub of segments in $name',
  ({ make }) => {
    let test: TestSegments;
    beforeEach(async () => {
      test = await openTestSegments(make());
    });
    afterEach(async () => {
      expect(findContradictions(test.kv)).toEqual([]);
      await test.close();
    });
    const fill = (count: number): Promise<Placement[]> => storeNumbered(test, count, LENGTH);

    it('decisions 1: reads everything that is alive, and finds nothing wrong where nothing is', async () => {
      const groups = await fill(35);
      await release(test, [groups[3]!.id, groups[20]!.id]);
      expect(await test.store.scrub(unlimited)).toEqual({
        started: test.time.now,
        groups: 33,
        bytes: 33 * SIZE,
        damaged: 0,
      });
      expect([...test.store.damaged()]).toEqual([]);
    });

    it('decisions 1: finds flipped bits, short and missing segments, and says which groups they hit', async () => {
      const groups = await fill(45);
      const bySegment = Map.groupBy(groups, ({ segment }) => segment);
      const [flipped, headers, short, missing] = [...bySegment.keys()];
      const damage = async (segment: number, how: (bytes: Buffer) => Buffer): Promise<void> => {
        await test.place.damage(segment, how(await test.place.bytes(segment)));
      };
      const expected = new Map<number, string>();
      const first = bySegment.get(flipped!)!;
      await test.reopen({}, async () => {
        await damage(flipped!, (bytes) => {
          bytes[first[2]!.position + GROUP_HEADER + 77]! ^= 8;
          return bytes;
        });
        await damage(headers!, (bytes) => {
          bytes[bySegment.get(headers!)![4]!.position + 12]! ^= 1;
          return bytes;
        });
        await damage(short!, (bytes) => bytes.subarray(0, -2 * SIZE));
        await test.place.damage(missing!, undefined);
      });
      expected.set(first[2]!.id, 'its bytes have another checksum');
      expected.set(bySegment.get(headers!)![4]!.id, 'its header is damaged');
      for (const { id } of bySegment.get(short!)!.slice(-2))
        expected.set(id, 'its segment is short');
      for (const { id } of bySegment.get(missing!)!) expected.set(id, 'its segment is missing');
      const report = await test.store.scrub(unlimited);
      expect(report).toMatchObject({ damaged: expected.size, groups: 45 - expected.size });
      const found = [...test.store.damaged()];
      expect(new Map(found.map(({ id, reason }) => [id, reason]))).toEqual(expected);
      expect(test.store.figures().damaged).toBe(expected.size);
      // Known ones are counted again, without being read.
      expect(await test.store.scrub(unlimited)).toMatchObject({ damaged: expected.size });
    });

    it('keeps to its rate', async () => {
      await fill(10);
      const began = performance.now();
      await test.store.scrub(() => 10 * SIZE * 10);
      expect(performance.now() - began).toBeGreaterThan(90);
    });

    it('decisions 1: goes on where it was cut short', async () => {
      await fill(1100);
      const stop = new AbortController();
      let left = 1060;
      const rate = (): number => {
        if (--left === 0) stop.abort(new Error('enough'));
        return Number.MAX_SAFE_INTEGER;
      };
      await expect(test.store.scrub(rate, stop.signal)).rejects.toThrow('enough');
      const { now } = test.time;
      test.time.now += 1000;
      await test.reopen();
      expect(await test.store.scrub(unlimited)).toMatchObject({
        started: now,
        groups: 1100 - 1024,
      });
      expect(await test.store.scrub(unlimited)).toMatchObject({
        started: now + 1000,
        groups: 1100,
      });
    });

    it('goes on beside compaction and releases', async () => {
      const groups = await fill(60);
      const gone = groups.filter((_, i) => i % 2 === 0).map(({ id }) => id);
      const scrubbing = test.store.scrub(unlimited);
      await release(test, gone);
      await test.store.compact();
      expect(await scrubbing).toMatchObject({ damaged: 0 });
      expect([...test.store.damaged()]).toEqual([]);
    });

    it('ends when the store is closed', async () => {
      await fill(20);
      const scrubbing = test.store.scrub(() => 1).catch((error: Error) => error.message);
      await new Promise((resolve) => setImmediate(resolve));
      await test.reopen();
      expect(await scrubbing).toBe('the store is being closed');
    });
  },
);
