/** Whatever happens to the bytes of segments: a group is read right or not at all. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { GroupDamagedError, GroupMissingError } from '../../../src/storage/segments/errors.ts';
import { GROUP_HEADER, SEGMENT_HEADER } from '../../../src/storage/segments/layout.ts';
import { rebuildSegmentIndex } from '../../../src/storage/segments/store.ts';
import type { NewGroup, Placement } from '../../../src/storage/segments/types.ts';
import { findContradictions } from './support/consistency.ts';
import {
  bytesOf,
  memoryPlace,
  openTestSegments,
  release,
  SEGMENT_PLACES,
  storeGroups,
  type TestSegments,
} from './support/places.ts';

interface Stored {
  readonly test: TestSegments;
  readonly groups: readonly NewGroup[];
  readonly placements: readonly Placement[];
}

const makeGroups = (lengths: readonly number[]): NewGroup[] =>
  lengths.map((length, i) => ({ kind: i % 256, bytes: bytesOf(i, length) }));

/** Reads every group in every way; returns which ones were right. */
async function readRight({ test, groups, placements }: Stored): Promise<boolean[]> {
  const right: boolean[] = [];
  for (const [i, { id }] of placements.entries()) {
    const { kind, bytes } = groups[i]!;
    const check = (found: NewGroup): void => {
      if (found.kind !== kind || !Buffer.from(bytes).equals(found.bytes)) {
        throw new Error(`group ${id} has wrong bytes`);
      }
    };
    try {
      check(await test.store.read(id));
      for await (const found of test.store.readMany([id])) check(found);
      right.push(true);
    } catch (error) {
      const isSaid = error instanceof GroupDamagedError || error instanceof GroupMissingError;
      if (!isSaid) throw error;
      right.push(false);
    }
  }
  return right;
}

/**
 * Reads, scrubs, compacts and rebuilds what is damaged.
 * @param isFindable - whether sound groups can be found without the index
 */
async function expectNothingWrong(stored: Stored, isFindable: boolean): Promise<void> {
  const { test, groups } = stored;
  // By many at once first, since a damaged group is not read again.
  const ids = stored.placements.map(({ id }) => id);
  let i = 0;
  try {
    for await (const { bytes } of test.store.readMany(ids)) {
      expect(Buffer.from(groups[i++]!.bytes).equals(bytes)).toBe(true);
    }
  } catch (error) {
    expect(error).toBeInstanceOf(GroupDamagedError);
  }
  const right = await readRight(stored);
  const count = right.filter((is) => is).length;
  const report = await test.store.scrub(() => Number.MAX_SAFE_INTEGER);
  expect(report).toMatchObject({ groups: count, damaged: groups.length - count });
  await test.store.compact();
  expect(await readRight(stored)).toEqual(right);
  expect(findContradictions(test.kv)).toEqual([]);
  await test.reopen({}, async () => {
    const parts = await test.place.start();
    await rebuildSegmentIndex(parts, { signal: new AbortController().signal });
    await parts.close();
  });
  const rebuilt = await readRight(stored);
  // What could be read can be read again.
  if (isFindable) for (const [n, was] of right.entries()) expect(rebuilt[n] || !was).toBe(true);
  expect(findContradictions(test.kv)).toEqual([]);
}

async function storeSome(lengths: readonly number[]): Promise<Stored> {
  const test = await openTestSegments(memoryPlace(), { rules: { minLive: 1.1 } });
  const groups = makeGroups([...lengths, 5]);
  const placements = await storeGroups(test, groups);
  // So that there is something to compact.
  await release(test, [placements.at(-1)!.id]);
  return { test, groups: groups.slice(0, -1), placements: placements.slice(0, -1) };
}

/** Something that happens to the bytes of a file. */
type Damage =
  | { readonly how: 'flip'; readonly bits: readonly number[] }
  | { readonly how: 'fill'; readonly at: number; readonly length: number; readonly byte: number }
  | { readonly how: 'cut'; readonly at: number }
  | { readonly how: 'copy'; readonly from: number; readonly to: number; readonly length: number };

const position = fc.nat(5000);
const damage: fc.Arbitrary<Damage> = fc.oneof(
  fc.record({
    how: fc.constant('flip' as const),
    bits: fc.array(fc.nat(40_000), { minLength: 1, maxLength: 9 }),
  }),
  fc.record({
    how: fc.constant('fill' as const),
    at: position,
    length: fc.integer({ min: 1, max: 600 }),
    byte: fc.constantFrom(0, 255, 83),
  }),
  fc.record({ how: fc.constant('cut' as const), at: position }),
  fc.record({
    how: fc.constant('copy' as const),
    from: position,
    to: position,
    length: fc.integer({ min: 1, max: 600 }),
  }),
);

function apply(bytes: Buffer, one: Damage): Buffer {
  const { length } = bytes;
  switch (one.how) {
    case 'flip':
      for (const bit of one.bits) bytes[(bit >> 3) % length]! ^= 1 << (bit & 7);
      return bytes;
    case 'fill':
      return bytes.fill(
        one.byte,
        one.at % length,
        Math.min(length, (one.at % length) + one.length),
      );
    case 'cut':
      return bytes.subarray(0, one.at % length);
    case 'copy': {
      const from = one.from % length;
      Buffer.from(bytes.subarray(from, from + one.length)).copy(bytes, one.to % length);
      return bytes;
    }
  }
}

describe('decisions 1: damage in segments', () => {
  beforeAll(() => {
    // No work ever takes so long that it has to rest.
    vi.useFakeTimers({ toFake: ['performance'] });
  });
  afterAll(() => {
    vi.useRealTimers();
  });

  it('any bit of a segment: exactly the group that it belongs to is damaged', async () => {
    const lengths = [16, 1];
    const sample = await storeSome(lengths);
    const [segment] = await sample.test.place.segments();
    const bits = (await sample.test.place.bytes(segment!)).length * 8;
    const owners = Array.from({ length: bits }, (_, bit) =>
      sample.placements.findIndex(
        ({ position: at, length }) => bit >> 3 >= at && bit >> 3 < at + GROUP_HEADER + length,
      ),
    );
    await sample.test.close();
    expect(new Set(owners)).toEqual(new Set([-1, 0, 1]));
    for (let bit = 0; bit < bits; bit++) {
      const stored = await storeSome(lengths);
      const bytes = await stored.test.place.bytes(segment!);
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      await stored.test.place.damage(segment!, bytes);
      const right = await readRight(stored);
      expect(right, `bit ${bit}`).toEqual(lengths.map((_, i) => i !== owners[bit]));
      await stored.test.close();
    }
  });

  it('any damage, read, scrubbed, compacted and rebuilt: right bytes or none', async () => {
    const lengths = fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(
        lengths,
        fc.array(damage, { minLength: 1, maxLength: 3 }),
        async (some, damages) => {
          const stored = await storeSome(some);
          const [segment] = await stored.test.place.segments();
          const sound = await stored.test.place.bytes(segment!);
          let bytes: Buffer = Buffer.from(sound);
          for (const one of damages) if (bytes.length > 0) bytes = apply(bytes, one);
          await stored.test.place.damage(segment!, bytes);
          const isSound = (from: number, to: number): boolean =>
            sound.subarray(from, to).equals(bytes.subarray(from, to));
          const firstGroup = SEGMENT_HEADER + GROUP_HEADER;
          const hasMark = isSound(0, SEGMENT_HEADER) || isSound(SEGMENT_HEADER, firstGroup);
          // A header in a wrong place is believed, and may hide what lies behind it.
          const isMisplaced = damages.some(({ how }) => how === 'copy');
          await expectNothingWrong(stored, hasMark && !isMisplaced);
          await stored.test.close();
        },
      ),
      { numRuns: Number(process.env.MODEL_RUNS ?? 200) },
    );
  });

  it('one segment in the place of another', async () => {
    for (const make of SEGMENT_PLACES) {
      const test = await openTestSegments(make());
      const groups = makeGroups(Array.from({ length: 40 }, () => 6000));
      const placements = await storeGroups(test, groups);
      const [a, b, c] = await test.place.segments();
      const [first, second] = [await test.place.bytes(a!), await test.place.bytes(b!)];
      await test.reopen({}, async () => {
        await test.place.damage(a!, second);
        await test.place.damage(b!, first);
      });
      const right = await readRight({ test, groups, placements });
      for (const [i, { segment }] of placements.entries()) {
        expect(right[i]).toBe(segment !== a && segment !== b);
      }
      expect(c).toBeDefined();
      await test.close();
    }
  });
});
