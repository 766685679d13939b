import { crc32 } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { change } from '../../../src/storage/metadata/changes.ts';
import { keys } from '../../../src/storage/metadata/keys.ts';
import { IndexIncompleteError, SegmentVersionError } from '../../../src/storage/segments/errors.ts';
import {
  encodeGroupHeader,
  GROUP_HEADER,
  SEGMENT_HEADER,
} from '../../../src/storage/segments/layout.ts';
import { openSegmentStore, rebuildSegmentIndex } from '../../../src/storage/segments/store.ts';
import type { Placement } from '../../../src/storage/segments/types.ts';
import { findContradictions } from './support/consistency.ts';
import {
  bytesOf,
  openTestSegments,
  release,
  SEGMENT_PLACES,
  storeGroups,
  type TestSegments,
} from './support/places.ts';

const never = new AbortController().signal;
const ALL = { from: ' ', to: '~' };

describe.each(SEGMENT_PLACES.map((make) => ({ name: make().name, make })))(
  'design 6: rebuilding the index of segments in $name',
  ({ make }) => {
    let test: TestSegments;
    beforeEach(async () => {
      test = await openTestSegments(make());
    });
    afterEach(async () => {
      expect(findContradictions(test.kv)).toEqual([]);
      await test.close();
    });

    const lengthOf = (i: number): number => 1 + ((i * 977) % 9000);
    const fill = (count: number): Promise<Placement[]> =>
      storeGroups(
        test,
        Array.from({ length: count }, (_, i) => ({
          kind: i % 256,
          bytes: bytesOf(i, lengthOf(i)),
        })),
      );
    /** Rebuilds while the store is closed, without what the database knew when `lost`. */
    async function rebuild(lost: boolean, signal = never, meanwhile = async () => undefined) {
      let report: unknown;
      await test.reopen({}, async () => {
        await (meanwhile as () => Promise<void>)();
        const parts = await test.place.start();
        if (lost) {
          await parts.kv.transact((tx) => {
            for (const key of tx.keys(ALL)) tx.remove(key);
          });
        }
        try {
          report = await rebuildSegmentIndex(parts, { signal });
        } finally {
          await parts.close();
        }
      });
      return report;
    }
    async function expectGroups(placements: readonly (Placement | undefined)[]): Promise<void> {
      for (const [i, placement] of placements.entries()) {
        if (placement === undefined) continue;
        const { bytes, kind } = await test.store.read(placement.id);
        expect(kind).toBe(i % 256);
        expect(bytesOf(i, lengthOf(i)).equals(bytes), `group ${i}`).toBe(true);
      }
    }
    const dump = () =>
      [...test.kv.entries({ from: 's', to: 't' })].map(([key, value]) => [key, String(value)]);

    it('enters every group where it lies, also after the whole database was lost', async () => {
      const groups = await fill(60);
      const before = dump();
      for (const lost of [false, true]) {
        expect(await rebuild(lost)).toEqual({
          segments: new Set(groups.map(({ segment }) => segment)).size,
          groups: 60,
        });
        expect(dump()).toEqual(before);
        await expectGroups(groups);
      }
      const more = await storeGroups(test, [{ kind: 0, bytes: bytesOf(0, 70_000) }]);
      expect(groups.map(({ id }) => id)).not.toContain(more[0]!.id);
      expect(groups.map(({ segment }) => segment)).not.toContain(more[0]!.segment);
    });

    it('brings back what was let go and lies there still, for its owner to decide', async () => {
      const groups = await fill(10);
      await release(test, [groups[2]!.id]);
      expect(await rebuild(true)).toMatchObject({ groups: 10 });
      await expectGroups(groups);
    });

    it('forgets quarantine: what is damaged is found again', async () => {
      const groups = await fill(10);
      const { segment, position } = groups[5]!;
      await test.reopen({}, async () => {
        const bytes = await test.place.bytes(segment);
        bytes[position + GROUP_HEADER]! ^= 1;
        await test.place.damage(segment, bytes);
      });
      await expect(test.store.read(groups[5]!.id)).rejects.toThrow('damaged');
      await rebuild(false);
      expect([...test.store.damaged()]).toEqual([]);
      await expect(test.store.read(groups[5]!.id)).rejects.toThrow('damaged');
      await release(test, [groups[5]!.id]);
    });

    it('goes on behind damaged headers, whether of groups or of the segment', async () => {
      const groups = await fill(20);
      const { segment } = groups[0]!;
      const list = groups.filter((group) => group.segment === segment);
      await rebuild(true, never, async () => {
        const bytes = await test.place.bytes(segment);
        bytes[14]! ^= 1;
        bytes[list[2]!.position + 9]! ^= 1;
        bytes[list[4]!.position]! ^= 1;
        await test.place.damage(segment, bytes);
        return undefined;
      });
      const lost = [list[2], list[4]].map((group) => groups.indexOf(group!));
      await expectGroups(groups.map((group, i) => (lost.includes(i) ? undefined : group)));
      for (const i of lost)
        await expect(test.store.read(groups[i]!.id)).rejects.toThrow('not there');
    });

    it('leaves out a group that is cut short at the end, and that is no damage', async () => {
      const groups = await fill(5);
      const { segment } = groups[0]!;
      await rebuild(true, never, async () => {
        const bytes = await test.place.bytes(segment);
        await test.place.damage(segment, bytes.subarray(0, -1));
        return undefined;
      });
      expect(test.store.figures()).toMatchObject({ groups: 4, damaged: 0 });
      await expectGroups(groups.slice(0, 4));
    });

    it('of two copies takes the sound one, wherever it lies', async () => {
      const groups = await fill(8);
      for (const damaged of ['the old', 'the new', 'neither']) {
        const [from] = await test.place.segments();
        const old = await test.place.bytes(from!);
        // Compaction moves them; then the old segment is back, as after power loss.
        await release(
          test,
          (await storeGroups(test, [{ kind: 1, bytes: bytesOf(1, 30_000) }])).map(({ id }) => id),
        );
        await test.reopen({ rules: { minLive: 1.1 } });
        await test.store.compact();
        const [to] = await test.place.segments();
        expect(to).not.toBe(from);
        await rebuild(true, never, async () => {
          const current = await test.place.bytes(to!);
          const victim = damaged === 'the old' ? old : current;
          if (damaged !== 'neither') victim[SEGMENT_HEADER + GROUP_HEADER]! ^= 1;
          await test.place.damage(to!, current);
          await test.place.damage(from!, old);
          return undefined;
        });
        await expectGroups(groups);
        expect(test.store.figures()).toMatchObject({ groups: 8, damaged: 0 });
        await test.store.compact();
      }
    });

    it('decisions 1: takes nothing for a group that somebody put into one', async () => {
      const forged = { id: 1, kind: 1, bytes: Buffer.from('forged') };
      const inner = Buffer.concat([encodeGroupHeader(forged, Buffer.alloc(8)), forged.bytes]);
      const [one, two] = await storeGroups(test, [
        { kind: 0, bytes: Buffer.concat([inner, inner]) },
        { kind: 1, bytes: bytesOf(1, lengthOf(1)) },
      ]);
      await rebuild(true, never, async () => {
        const bytes = await test.place.bytes(one!.segment);
        bytes[one!.position + 9]! ^= 1;
        await test.place.damage(one!.segment, bytes);
        return undefined;
      });
      expect(test.store.figures().groups).toBe(1);
      await expectGroups([undefined, two]);
    });

    it('refuses segments of a newer version, and the store while the index is half built', async () => {
      const groups = await fill(3);
      const { segment } = groups[0]!;
      const sound = await test.place.bytes(segment);
      const newer = Buffer.from(sound);
      newer.writeUInt32BE(2, 8);
      newer.writeUInt32BE(crc32(newer.subarray(0, 28)), 28);
      const refused = rebuild(false, never, async () => {
        await test.place.damage(segment, newer);
        return undefined;
      });
      await expect(refused).rejects.toThrow(SegmentVersionError);
      const parts = await test.place.start();
      expect(parts.kv.has(keys.segmentRebuild)).toBe(true);
      await expect(openSegmentStore(parts)).rejects.toThrow(IndexIncompleteError);
      await test.place.damage(segment, sound);
      await expect(
        rebuildSegmentIndex(parts, { signal: AbortSignal.abort(new Error('stop')) }),
      ).rejects.toThrow('stop');
      await expect(openSegmentStore(parts)).rejects.toThrow(IndexIncompleteError);
      await rebuildSegmentIndex(parts, { signal: never });
      await parts.close();
      const next = await openTestSegments(test.place);
      test = next;
      await expectGroups(groups);
    });

    it('knows what transactions do with rebuilt groups', async () => {
      const groups = await fill(30);
      await rebuild(true);
      await release(
        test,
        groups.filter((_, i) => i % 3 !== 0).map(({ id }) => id),
      );
      await test.store.compact();
      await expectGroups(groups.map((group, i) => (i % 3 === 0 ? group : undefined)));
      await change(test.kv, (changes) =>
        test.store.releaseGroups(
          changes,
          groups.map(({ id }) => id),
        ),
      );
      expect(await test.place.segments()).toEqual([]);
    });
  },
);
