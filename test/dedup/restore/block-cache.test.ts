/** Which blocks are kept, and what frees them. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BLOCK_SIZE } from '../../../src/dedup/recipe/block-sums.ts';
import { BlockCache } from '../../../src/dedup/restore/block-cache.ts';
import { giveBackBlock, lendBlock, SharedBlock } from '../../../src/dedup/restore/shared-block.ts';

const block = (size = BLOCK_SIZE): SharedBlock => new SharedBlock(Buffer.allocUnsafeSlow(size));

/** Bytes of a layer that never fits. */
const LARGE = 1000 * BLOCK_SIZE;

/** Fills in blocks of a recipe as a restore does, which then holds them no more. */
function fill(
  cache: BlockCache,
  recipe: number,
  from: number,
  count: number,
  layerSize = LARGE,
): SharedBlock[] {
  return Array.from({ length: count }, (_, i) => {
    const made = block();
    cache.add(recipe, from + i, made, layerSize);
    made.drop();
    return made;
  });
}

/** How many blocks of a recipe are kept. */
function kept(cache: BlockCache, recipe: number): number {
  let count = 0;
  for (;;) {
    const found = cache.take(recipe, count);
    if (found === undefined) return count;
    found.drop();
    count++;
  }
}

describe('blocks that are kept', () => {
  it('are those of the begin, without holes, of the recipe that is asked for', () => {
    const cache = new BlockCache(16 * BLOCK_SIZE);
    const [first] = fill(cache, 1, 0, 1);
    fill(cache, 1, 2, 1);
    expect(cache.take(1, 0)).toBe(first);
    expect(cache.take(1, 1)).toBeUndefined();
    expect(cache.take(1, 2)).toBeUndefined();
    expect(cache.take(2, 0)).toBeUndefined();
  });

  it('take all of the room when nobody else does, and make way for others', () => {
    const cache = new BlockCache(16 * BLOCK_SIZE);
    fill(cache, 1, 0, 100);
    expect(kept(cache, 1)).toBe(16);
    fill(cache, 2, 0, 100);
    // A quarter is what others make room for.
    expect([kept(cache, 1), kept(cache, 2)]).toEqual([12, 4]);
    fill(cache, 3, 0, 2);
    // The least recently used one makes room, from its end.
    expect([kept(cache, 1), kept(cache, 2), kept(cache, 3)]).toEqual([10, 4, 2]);
    kept(cache, 1);
    fill(cache, 4, 0, 3);
    expect([1, 2, 3, 4].map((recipe) => kept(cache, recipe))).toEqual([10, 1, 2, 3]);
  });

  it('take the room of others when their layer is pulled again, and is not too large', () => {
    const cache = new BlockCache(16 * BLOCK_SIZE);
    for (const [recipe, blocks] of [
      [1, 12],
      [2, 13],
    ] as const) {
      fill(cache, 9, 0, 100);
      const size = blocks * BLOCK_SIZE;
      fill(cache, recipe, 0, blocks, size);
      expect(kept(cache, recipe)).toBe(4);
      // The pull after the first one, which found the begin.
      fill(cache, recipe, 4, blocks - 4, size);
      expect(kept(cache, recipe)).toBe(recipe === 1 ? 12 : 4);
      cache.clear();
    }
  });

  it('never take more than the size, whatever is added', () => {
    const adds = fc.array(fc.tuple(fc.nat({ max: 4 }), fc.integer({ min: 1, max: 3 })), {
      maxLength: 200,
    });
    fc.assert(
      fc.property(adds, (list) => {
        const size = 8 * BLOCK_SIZE;
        const cache = new BlockCache(size);
        for (const [recipe, share] of list) {
          const made = block(BLOCK_SIZE / share);
          cache.add(recipe, kept(cache, recipe), made, share === 3 ? LARGE : BLOCK_SIZE);
          made.drop();
          expect(cache.bytes).toBeLessThanOrEqual(size);
        }
        let sum = 0;
        for (let recipe = 0; recipe <= 4; recipe++) {
          for (let i = 0; i < kept(cache, recipe); i++) {
            const found = cache.take(recipe, i)!;
            sum += found.bytes.length;
            found.drop();
          }
        }
        expect(sum).toBe(cache.bytes);
      }),
      { numRuns: 50 },
    );
  });

  it('are none when nothing may be kept', () => {
    const cache = new BlockCache(0);
    fill(cache, 1, 0, 3);
    expect([kept(cache, 1), cache.bytes]).toEqual([0, 0]);
  });

  it('are freed when they were let go and no reader has them', () => {
    const cache = new BlockCache(BLOCK_SIZE);
    const [made] = fill(cache, 1, 0, 1);
    const reader = cache.take(1, 0)!;
    cache.clear();
    expect(made!.bytes.length).toBe(BLOCK_SIZE);
    reader.drop();
    expect(made!.bytes.length).toBe(0);
  });
});

describe('a block that is lent', () => {
  it('is freed when the last view was given back, each once', () => {
    const made = block(100);
    made.bytes.fill(7);
    const views = [lendBlock(made, 0, 100), lendBlock(made, 10, 20)];
    made.drop();
    giveBackBlock(views[0]!);
    // A second time, and with what was never lent, nothing happens.
    giveBackBlock(views[0]!);
    giveBackBlock(made.bytes);
    expect(views[1]).toEqual(Buffer.alloc(10, 7));
    giveBackBlock(views[1]!);
    expect(views.map(({ length }) => length)).toEqual([0, 0]);
  });
});
