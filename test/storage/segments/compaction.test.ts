import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { change } from '../../../src/storage/metadata/changes.ts';
import type { SegmentFaultPoint } from '../../../src/storage/segments/context.ts';
import { GroupMissingError } from '../../../src/storage/segments/errors.ts';
import { GROUP_HEADER } from '../../../src/storage/segments/layout.ts';
import type { Placement } from '../../../src/storage/segments/types.ts';
import { findContradictions } from './support/consistency.ts';
import {
  bytesOf,
  openTestSegments,
  release,
  SEGMENT_PLACES,
  storeGroups,
  storeNumbered,
  type TestSegments,
} from './support/places.ts';

const KIB = 1024;
const SEGMENT = 64 * KIB;
const DAY = 24 * 3_600_000;
const LENGTH = 6 * KIB;
/** Groups that fill a segment. */
const FULL = 10;

describe.each(SEGMENT_PLACES.map((make) => ({ name: make().name, make })))(
  'compaction of segments in $name',
  ({ make }) => {
    let test: TestSegments;
    /** What happens at a named place, once. */
    let hooks: Partial<Record<SegmentFaultPoint, () => unknown>>;
    beforeEach(async () => {
      hooks = {};
      test = await openTestSegments(make(), {
        segmentSize: SEGMENT,
        async faultPoint(name) {
          const hook = hooks[name];
          delete hooks[name];
          await hook?.();
        },
      });
    });
    afterEach(async () => {
      expect(findContradictions(test.kv)).toEqual([]);
      await test.close();
    });

    const fill = (count: number): Promise<Placement[]> => storeNumbered(test, count, LENGTH);
    const idsOf = (placements: readonly Placement[]) => placements.map(({ id }) => id);
    /** Whether groups of {@link fill} can be read, in their order. */
    async function expectGroups(placements: readonly (Placement | undefined)[]): Promise<void> {
      for (const [i, placement] of placements.entries()) {
        if (placement === undefined) continue;
        const { bytes, kind } = await test.store.read(placement.id);
        expect(kind).toBe(1);
        expect(bytesOf(i, LENGTH).equals(bytes), `group ${i}`).toBe(true);
      }
    }
    const without = (placements: readonly Placement[], gone: readonly number[]) =>
      placements.map((placement, i) => (gone.includes(i) ? undefined : placement));
    const pick = (placements: readonly Placement[], which: readonly number[]) =>
      which.map((i) => placements[i]!.id);

    it('leaves alone what is alive enough, and compacts what is not', async () => {
      const groups = await fill(FULL);
      const [segment] = await test.place.segments();
      await release(test, pick(groups, [0, 5]));
      expect(await test.store.compact()).toEqual({
        segments: 0,
        damaged: 0,
        groups: 0,
        bytes: 0,
        leftovers: { files: 0, bytes: 0 },
      });
      expect(await test.place.segments()).toEqual([segment]);
      await release(test, pick(groups, [2, 9]));
      const size = LENGTH + GROUP_HEADER;
      expect(test.store.figures()).toMatchObject({ live: 6 * size, dead: 4 * size });
      expect(await test.store.compact()).toMatchObject({ segments: 1, groups: 6, bytes: 6 * size });
      expect(test.store.figures()).toMatchObject({ segments: 1, live: 6 * size, dead: 0 });
      expect(await test.place.segments()).not.toContain(segment);
      await expectGroups(without(groups, [0, 2, 5, 9]));
      await test.reopen();
      await expectGroups(without(groups, [0, 2, 5, 9]));
      expect(await test.store.compact()).toMatchObject({ segments: 0 });
    });

    it('decisions 3: dead bytes go within their age, whatever the live share', async () => {
      const groups = await fill(FULL);
      test.time.now += DAY;
      await release(test, pick(groups, [3]));
      test.time.now += 5 * DAY;
      await release(test, pick(groups, [4]));
      test.time.now += 2 * DAY - 1;
      expect(await test.store.compact()).toMatchObject({ segments: 0 });
      test.time.now += 1;
      expect(await test.store.compact()).toMatchObject({ segments: 1, groups: 8 });
      expect(test.store.figures().dead).toBe(0);
      await expectGroups(without(groups, [3, 4]));
    });

    it('obeys its rules as they are set', async () => {
      await test.reopen({ rules: { minLive: 0.95, maxAge: Number.POSITIVE_INFINITY } });
      const groups = await fill(FULL);
      await release(test, pick(groups, [3]));
      expect(await test.store.compact()).toMatchObject({ segments: 1 });
      await test.reopen({ rules: { minLive: 0, maxAge: 10 } });
      await release(test, pick(groups, [4]));
      expect(await test.store.compact()).toMatchObject({ segments: 0 });
      test.time.now += 10;
      expect(await test.store.compact()).toMatchObject({ segments: 1 });
    });

    it('keeps the order of groups, and gathers small rests in few segments', async () => {
      const groups = await fill(4 * FULL);
      expect(await test.place.segments()).toHaveLength(4);
      const gone = Array.from({ length: 4 * FULL }, (_, i) => i).filter((i) => i % 4 !== 0);
      await release(test, pick(groups, gone));
      expect(await test.store.compact()).toMatchObject({ segments: 4, groups: FULL });
      expect(await test.place.segments()).toHaveLength(1);
      await expectGroups(without(groups, gone));
    });

    it('decisions 3: does not bring back what is let go while it is copied', async () => {
      const groups = await fill(FULL);
      await release(test, pick(groups, [0, 1, 2, 3]));
      hooks['compaction.copied'] = () => release(test, pick(groups, [4, 5]));
      expect(await test.store.compact()).toMatchObject({ segments: 1, groups: 4 });
      await expectGroups(without(groups, [0, 1, 2, 3, 4, 5]));
      await expect(test.store.read(groups[4]!.id)).rejects.toThrow(GroupMissingError);
      expect(test.store.figures()).toMatchObject({ groups: 4 });
    });

    it('leaves nothing when all of it is let go while it is copied', async () => {
      const groups = await fill(FULL);
      await release(test, pick(groups, [0, 1, 2, 3]));
      hooks['compaction.copied'] = () => release(test, idsOf(groups));
      await test.store.compact();
      expect(await test.place.segments()).toEqual([]);
      expect(test.store.figures()).toMatchObject({ segments: 0, groups: 0 });
    });

    it('readers go on, before and after the places are swapped and when the file goes', async () => {
      const groups = await fill(FULL);
      const live = [1, 2, 3, 4, 5];
      const early = test.store.readMany(pick(groups, live));
      await early.next();
      await release(test, pick(groups, [0, 6, 7, 8, 9]));
      const seen: string[] = [];
      const look = (name: SegmentFaultPoint) => async () => {
        await expectGroups(without(groups, [0, 6, 7, 8, 9]));
        seen.push(name);
      };
      for (const name of [
        'compaction.copied',
        'segment.dead',
        'segment.unlinked',
        'compaction.swapped',
      ] as const) {
        hooks[name] = look(name);
      }
      const late = (async () => {
        for (let i = 0; i < 50; i++) await expectGroups(without(groups, [0, 6, 7, 8, 9]));
      })();
      expect(await test.store.compact()).toMatchObject({ segments: 1 });
      await late;
      expect(seen).toEqual([
        'compaction.copied',
        'segment.dead',
        'segment.unlinked',
        'compaction.swapped',
      ]);
      for (const i of live.slice(1)) {
        const { value } = await early.next();
        expect(bytesOf(i, LENGTH).equals((value as { bytes: Buffer }).bytes)).toBe(true);
      }
    });

    it('decisions 3: writers go on; a segment that is written is not touched', async () => {
      const groups = await fill(5);
      await release(test, pick(groups, [0, 1, 2]));
      const writer = await test.store.begin();
      const more = await writer.append([{ kind: 1, bytes: bytesOf(5, LENGTH) }]);
      expect(more[0]!.segment).toBe(groups[0]!.segment);
      expect(await test.store.compact()).toMatchObject({ segments: 0 });
      await writer.sync();
      await change(test.kv, (changes) => test.store.addGroups(changes, more));
      await writer.close();
      expect(await test.store.compact()).toMatchObject({ segments: 1, groups: 3 });
      await expectGroups(without([...groups, more[0]!], [0, 1, 2]));
    });

    it('appends meanwhile go to other segments', async () => {
      const groups = await fill(5);
      await release(test, pick(groups, [0, 1, 2]));
      let more: Placement[] = [];
      hooks['compaction.copied'] = async () => {
        more = await storeGroups(test, [{ kind: 1, bytes: bytesOf(5, LENGTH) }]);
        expect(more[0]!.segment).not.toBe(groups[0]!.segment);
      };
      expect(await test.store.compact()).toMatchObject({ segments: 1, groups: 2 });
      await expectGroups(without([...groups, more[0]!], [0, 1, 2]));
    });

    it('decisions 1: a damaged group is not copied, and its segment stays until it is let go', async () => {
      const groups = await fill(FULL);
      const { segment, position } = groups[7]!;
      await release(test, pick(groups, [0, 1, 2, 3]));
      const bytes = await test.place.bytes(segment);
      bytes[position + GROUP_HEADER]! ^= 1;
      await test.place.damage(segment, bytes);
      expect(await test.store.compact()).toMatchObject({ segments: 0, damaged: 1 });
      expect([...test.store.damaged()].map(({ id }) => id)).toEqual([groups[7]!.id]);
      expect(await test.place.segments()).toContain(segment);
      await expectGroups(without(groups, [0, 1, 2, 3, 7]));
      // It is not tried again and again.
      expect(await test.store.compact()).toMatchObject({ segments: 0, damaged: 0 });
      await release(test, pick(groups, [7]));
      await test.store.compact();
      expect(await test.place.segments()).not.toContain(segment);
      await expectGroups(without(groups, [0, 1, 2, 3, 7]));
    });

    it('stops when it is told to, and goes on where it was', async () => {
      const groups = await fill(2 * FULL);
      const gone = [0, 1, 2, 3, 4, 10, 11, 12, 13, 14];
      await release(test, pick(groups, gone));
      const stop = new AbortController();
      hooks['compaction.swapped'] = () => stop.abort(new Error('no more'));
      await expect(test.store.compact(stop.signal)).rejects.toThrow('no more');
      await expectGroups(without(groups, gone));
      expect(findContradictions(test.kv)).toEqual([]);
      await expect(test.store.compact(AbortSignal.abort())).rejects.toThrow();
      expect(await test.store.compact()).toMatchObject({ segments: 1 });
      await expectGroups(without(groups, gone));
      expect(test.store.figures().dead).toBe(0);
    });

    it('is joined by those who come while it runs, and ended by closing', async () => {
      const groups = await fill(FULL);
      await release(test, pick(groups, [0, 1, 2, 3]));
      const [a, b] = await Promise.all([test.store.compact(), test.store.compact()]);
      expect(a).toBe(b);
      await release(test, pick(groups, [4, 5, 6]));
      const running = test.store.compact().catch((error: Error) => error.message);
      await test.reopen();
      expect(await running).toBe('the store is being closed');
      await expectGroups(without(groups, [0, 1, 2, 3, 4, 5, 6]));
      expect(await test.store.compact()).toMatchObject({ segments: 1, groups: 3 });
    });

    it('finds what an earlier run has left, once, and calls nothing of it damage', async () => {
      const groups = await fill(5);
      const { segment } = groups[0]!;
      const sound = await test.place.bytes(segment);
      const writer = await test.store.begin();
      const lost = await writer.append(
        Array.from({ length: 12 }, () => ({ kind: 1, bytes: bytesOf(1, LENGTH) })),
      );
      await writer.sync();
      const other = lost.at(-1)!.segment;
      expect(other).not.toBe(segment);
      // As if the process had ended here: the writer is never closed.
      await test.reopen();
      expect((await test.place.bytes(segment)).length).toBeGreaterThan(sound.length);
      expect(await test.place.segments()).toEqual([segment, other]);
      const report = await test.store.compact();
      expect(report.leftovers.bytes).toBe(
        lost.filter((one) => one.segment === segment).length * (LENGTH + GROUP_HEADER) +
          32 +
          lost.filter((one) => one.segment === other).length * (LENGTH + GROUP_HEADER),
      );
      expect(report.leftovers.files).toBeGreaterThanOrEqual(1);
      expect(await test.place.segments()).toEqual([segment]);
      expect(await test.place.bytes(segment)).toEqual(sound);
      expect((await test.store.compact()).leftovers).toEqual({ files: 0, bytes: 0 });
      await expectGroups(groups);
      expect([...test.store.damaged()]).toEqual([]);
    });

    it('leaves alone the empty files that were made ahead in this run', async () => {
      await test.reopen();
      await test.store.compact();
      const groups = await fill(3 * FULL);
      await test.reopen();
      await expectGroups(groups);
    });

    it('a writer may take a segment with leftovers before they are found', async () => {
      const groups = await fill(3);
      const writer = await test.store.begin();
      await writer.append([{ kind: 1, bytes: bytesOf(9, LENGTH) }]);
      await writer.sync();
      await test.reopen();
      const more = await storeGroups(test, [{ kind: 1, bytes: bytesOf(3, LENGTH) }]);
      expect(more[0]!.segment).toBe(groups[0]!.segment);
      expect(more[0]!.position).toBe(groups[2]!.position + LENGTH + GROUP_HEADER);
      await test.store.compact();
      await expectGroups([...groups, more[0]!]);
    });
  },
);
