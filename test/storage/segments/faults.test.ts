import { describe, expect, it } from 'vitest';
import { change } from '../../../src/storage/metadata/changes.ts';
import type { SegmentFaultPoint } from '../../../src/storage/segments/context.ts';
import type { Placement } from '../../../src/storage/segments/types.ts';
import { findContradictions } from './support/consistency.ts';
import {
  bytesOf,
  memoryPlace,
  openTestSegments,
  release,
  storeGroups,
  type TestSegments,
} from './support/places.ts';

const LENGTH = 6 * 1024;
const group = (seed: number) => ({ kind: 1, bytes: bytesOf(seed, LENGTH) });

/** What leads to a named place. */
interface Case {
  readonly point: SegmentFaultPoint;
  readonly what: string;
  readonly deed: (test: TestSegments, groups: readonly Placement[]) => Promise<unknown>;
  /** Which of the 15 groups have to be there afterwards. */
  readonly kept: readonly number[];
}

const ALL = Array.from({ length: 15 }, (_, i) => i);
const ODD = ALL.filter((i) => i % 2 === 1);
const EVEN = ALL.filter((i) => i % 2 === 0);
const pick = (groups: readonly Placement[], which: readonly number[]) =>
  which.map((i) => groups[i]!.id);

const compactOdd: Case['deed'] = async (test, groups) => {
  await release(test, pick(groups, ODD));
  await test.store.compact();
};

const CASES: readonly Case[] = [
  {
    point: 'segment.synced',
    what: 'an append',
    deed: (test) => storeGroups(test, [group(20), group(21)]),
    kept: ALL,
  },
  {
    point: 'segment.cut',
    what: 'a writer that gives up',
    async deed(test) {
      const writer = await test.store.begin();
      await writer.append([group(20), group(21)]);
      await writer.sync();
      await writer.close();
    },
    kept: ALL,
  },
  {
    point: 'segment.dead',
    what: 'letting a whole segment go',
    deed: (test, groups) => release(test, pick(groups, ALL)),
    kept: [],
  },
  {
    point: 'segment.unlinked',
    what: 'letting a whole segment go',
    deed: (test, groups) => release(test, pick(groups, ALL)),
    kept: [],
  },
  { point: 'compaction.copied', what: 'compaction', deed: compactOdd, kept: EVEN },
  { point: 'compaction.swapped', what: 'compaction', deed: compactOdd, kept: EVEN },
  { point: 'segment.dead', what: 'compaction', deed: compactOdd, kept: EVEN },
  { point: 'segment.unlinked', what: 'compaction', deed: compactOdd, kept: EVEN },
];

describe('a segment store that dies at a named place', () => {
  for (const power of [false, true]) {
    it.each(CASES)(
      `decisions 2: $point in $what${power ? ', with the power' : ''}`,
      async ({ point, deed, kept }) => {
        const place = memoryPlace();
        let reached: (() => void) | undefined;
        const died = new Promise<void>((resolve) => {
          reached = resolve;
        });
        let armed = false;
        const options = {
          segmentSize: 64 * 1024,
          faultPoint: (name: SegmentFaultPoint) => {
            if (!armed || name !== point) return;
            reached!();
            // Nothing that comes after ever happens.
            return new Promise<void>(() => undefined);
          },
        };
        const victim = await openTestSegments(place, options);
        const groups = await storeGroups(victim, ALL.map(group));
        armed = true;
        void deed(victim, groups);
        await died;
        if (power) place.losePower();

        const next = await openTestSegments(place, { segmentSize: 64 * 1024 });
        const expectKept = async (): Promise<void> => {
          for (const i of ALL) {
            const read = next.store.read(groups[i]!.id);
            if (kept.includes(i)) expect(bytesOf(i, LENGTH).equals((await read).bytes)).toBe(true);
            else await expect(read).rejects.toThrow('is not there');
          }
          expect(next.store.figures()).toMatchObject({ groups: kept.length, damaged: 0 });
          expect(findContradictions(next.kv)).toEqual([]);
        };
        await expectKept();
        await next.store.compact();
        await expectKept();
        // Nothing is left over: what lies there is what the index knows.
        const { live, dead, segments } = next.store.figures();
        const files = await place.segments();
        let bytes = 0;
        for (const segment of files) bytes += (await place.bytes(segment)).length;
        expect(files).toHaveLength(segments);
        expect(bytes).toBe(live + dead + segments * 32);
        expect([...next.kv.keys({ from: 'sx ', to: 'sx!' })]).toEqual([]);
        const more = await storeGroups(next, [group(30)]);
        expect(ALL.map((i) => groups[i]!.id)).not.toContain(more[0]!.id);
        await expectKept().catch(() => undefined);
        await next.store.read(more[0]!.id);
        await next.close();
      },
    );
  }

  it('decisions 2: every named place is among them', () => {
    const places: Readonly<Record<SegmentFaultPoint, true>> = {
      'segment.synced': true,
      'segment.cut': true,
      'segment.dead': true,
      'segment.unlinked': true,
      'compaction.copied': true,
      'compaction.swapped': true,
    };
    expect(new Set(CASES.map(({ point }) => point))).toEqual(new Set(Object.keys(places)));
  });

  it('decisions 2: what was not synced is lost with the power, so that the tests can fail', async () => {
    const place = memoryPlace();
    const test = await openTestSegments(place, { segmentSize: 8 * 1024 * 1024 });
    const writer = await test.store.begin();
    const [one] = await writer.append([group(1)]);
    await writer.sync();
    await change(test.kv, (changes) => test.store.addGroups(changes, [one!]));
    const [two] = await writer.append([group(2)]);
    await writer.append(Array.from({ length: 400 }, (_, i) => group(i)));
    expect((await place.bytes(two!.segment)).length).toBeGreaterThan(two!.position);
    place.losePower();
    const next = await openTestSegments(place);
    expect((await place.bytes(one!.segment)).length).toBe(two!.position);
    expect((await next.store.read(one!.id)).bytes.length).toBe(LENGTH);
    await next.close();
  });
});
