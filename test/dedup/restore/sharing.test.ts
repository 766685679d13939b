/** Readers of layers at the same time: what they share, and that each gets its bytes all the same. */
import { setImmediate as turn } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LayerDamagedError, LayerUnknownError } from '../../../src/dedup/errors.ts';
import type { LayerOptions } from '../../../src/dedup/layers.ts';
import { BLOCK_SIZE } from '../../../src/dedup/recipe/block-sums.ts';
import type { ByteRange } from '../../../src/dedup/restore/checked-blocks.ts';
import { giveBackBlock } from '../../../src/dedup/restore/shared-block.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { noise, text } from '../../codec/support/content.ts';
import { isLong } from '../../codec/support/effort.ts';
import { makeTar } from '../../support/tar.ts';
import { GO_ON, openTestLayers, type TestLayers } from '../support/layers.ts';

const SHARED = { path: 'shared', bytes: noise(1_100_000, 7) };
/** Of 21, 11 and 1 blocks. */
const LAYERS = [
  gzipSync(makeTar([SHARED, { path: 'own', bytes: noise(4_200_000, 1) }]), { level: 0 }),
  gzipSync(makeTar([{ path: 'own', bytes: noise(1_500_000, 2) }, SHARED]), { level: 0 }),
  gzipSync(makeTar([{ path: 'small', bytes: text(50_000, 3) }])),
];
const [LAYER] = LAYERS as [Buffer];
/** Nothing is kept but the block that was made last. */
const NOTHING_KEPT = { cache: 0, window: 0 };

/** How a reader goes about it. */
interface Manner {
  readonly range?: ByteRange;
  readonly signal?: AbortSignal;
  /** Turns of the event loop before each block. */
  readonly pause?: number;
  /** Blocks after which it leaves. */
  readonly leavesAfter?: number;
}

/**
 * Reads, and holds each block for a while, as a connection does: it has to be what it was by then.
 * @returns all that came, and the error with which it ended
 */
async function readSlowly(store: TestLayers, digest: string, manner: Manner = {}) {
  const { range, signal = GO_ON, pause = 0, leavesAfter = Number.POSITIVE_INFINITY } = manner;
  const bytes: Buffer[] = [];
  let held: Buffer | undefined;
  const settle = (): void => {
    if (held === undefined) return;
    bytes.push(Buffer.from(held));
    giveBackBlock(held);
    held = undefined;
  };
  let error: unknown;
  try {
    const options = { signal, ...(range !== undefined && { range }) };
    for await (const block of store.layers.restore(digest, options)) {
      settle();
      held = block;
      if (bytes.length + 1 >= leavesAfter) break;
      for (let i = 0; i < pause; i++) await turn();
    }
  } catch (caught) {
    error = caught;
  }
  settle();
  return { bytes: Buffer.concat(bytes), error };
}

/** A store with the layers; `files` are the digests of them. */
async function openFilled(options: Partial<LayerOptions> = {}, files: readonly Buffer[] = [LAYER]) {
  const store = await openTestLayers(options);
  const digests: string[] = [];
  for (const file of files) digests.push(await store.add(file));
  return { store, digests, digest: digests[0]! };
}

describe('readers of one layer', () => {
  it('share one restore', async () => {
    const memory = { cache: 0, window: 2 * LAYER.length };
    const { store, digest } = await openFilled({ memory });
    const results = await Promise.all(
      Array.from({ length: 8 }, (_, i) => readSlowly(store, digest, { pause: i % 3 })),
    );
    for (const { bytes, error } of results) {
      expect(error).toBeUndefined();
      expect(bytes.equals(LAYER)).toBe(true);
    }
    const { layers, bytes, joined } = store.layers.work().restored;
    expect({ layers, bytes, joined }).toEqual({ layers: 1, bytes: LAYER.length, joined: 7 });
    await store.close();
  });

  it('get one of their own when they fall behind, and do not hold up others', async () => {
    const { store, digest } = await openFilled({ memory: NOTHING_KEPT });
    const slow = store.layers.restore(digest, { signal: GO_ON });
    const first = (await slow.next()).value as Buffer;
    const quick = await readSlowly(store, digest);
    expect(quick.bytes.equals(LAYER)).toBe(true);
    const blocks = [Buffer.from(first)];
    for await (const block of slow) blocks.push(Buffer.from(block));
    expect(Buffer.concat(blocks).equals(LAYER)).toBe(true);
    const { layers, joined, behind } = store.layers.work().restored;
    expect({ layers, joined, behind }).toEqual({ layers: 2, joined: 1, behind: 1 });
    await store.close();
  });

  it('go on when the one leaves who began', async () => {
    const { store, digest } = await openFilled({ memory: { cache: 0 } });
    const gone = new AbortController();
    const leader = store.layers.restore(digest, { signal: gone.signal });
    await leader.next();
    const other = readSlowly(store, digest, { pause: 1 });
    await turn();
    gone.abort(new Error('gone'));
    await expect(leader.next()).rejects.toThrow('gone');
    expect((await other).bytes.equals(LAYER)).toBe(true);
    expect(store.layers.work().restored).toMatchObject({ layers: 1, joined: 1 });
    await store.close();
  });

  it('of another time are served from memory', async () => {
    const { store, digest } = await openFilled();
    for (let i = 0; i < 3; i++) {
      expect((await readSlowly(store, digest)).bytes.equals(LAYER)).toBe(true);
    }
    const range = { start: BLOCK_SIZE - 10, end: 2 * BLOCK_SIZE + 10 };
    const part = await readSlowly(store, digest, { range });
    expect(part.bytes.equals(LAYER.subarray(range.start, range.end))).toBe(true);
    const { layers, bytes, cachedBytes } = store.layers.work().restored;
    expect({ layers, bytes }).toEqual({ layers: 1, bytes: LAYER.length });
    expect(cachedBytes).toBe(2 * LAYER.length + 3 * BLOCK_SIZE);
    await store.close();
  });

  it('wait for a place when as many restores run as may, and join one that waits', async () => {
    const files = Array.from({ length: 17 }, (_, i) =>
      gzipSync(makeTar([{ path: 'f', bytes: noise(600_000, i + 1) }]), { level: 0 }),
    );
    const { store, digests } = await openFilled({ memory: NOTHING_KEPT }, files);
    const last = digests.pop()!;
    const holders = digests.map((digest) => store.layers.restore(digest, { signal: GO_ON }));
    for (const holder of holders) await holder.next();
    const waiting = [readSlowly(store, last), readSlowly(store, last)];
    for (let i = 0; i < 50; i++) await turn();
    expect(store.layers.work().restored).toMatchObject({ layers: 16, joined: 1 });
    await holders[0]!.return(undefined);
    for (const { bytes } of await Promise.all(waiting)) {
      expect(bytes.equals(files[16]!)).toBe(true);
    }
    expect(store.layers.work().restored.layers).toBe(17);
    for (const holder of holders) await holder.return(undefined);
    await store.close();
  });
});

describe('decisions 1: damage of a layer with several readers', () => {
  it('is told of once, and reaches all of them behind the bytes that are right', async () => {
    const told: LayerDamagedError[] = [];
    const { store, digest } = await openFilled({ onDamage: (error) => void told.push(error) });
    const [segment = 0] = await store.segments.place.segments();
    const bytes = await store.segments.place.bytes(segment);
    bytes[Math.floor(bytes.length * 0.95)]! ^= 1;
    await store.segments.place.damage(segment, bytes);
    const results = await Promise.all(
      Array.from({ length: 5 }, (_, i) => readSlowly(store, digest, { pause: i })),
    );
    for (const result of results) {
      expect(result.error).toBeInstanceOf(LayerDamagedError);
      expect(result.bytes.length).toBeGreaterThan(0);
      expect(result.bytes.length).toBeLessThan(LAYER.length);
      expect(LAYER.subarray(0, result.bytes.length).equals(result.bytes)).toBe(true);
    }
    expect(told.length).toBe(1);
    for (const { error } of results) expect(error).toBe(told[0]);
    await store.close();
  });

  it('that only the digest shows keeps the last block from everybody', async () => {
    const told: LayerDamagedError[] = [];
    const { store, digest } = await openFilled({ onDamage: (error) => void told.push(error) });
    // The recipe of this layer, entered for another digest: all checksums are right.
    const other = digestOf(Buffer.from('other'));
    const { kv } = store.segments;
    const record = kv.bytes(`yr ${digest}`)!;
    await kv.transact((tx) => tx.put(`yr ${other}`, record));
    const results = await Promise.all([
      readSlowly(store, other),
      readSlowly(store, other, { pause: 2 }),
    ]);
    results.push(await readSlowly(store, other));
    for (const { error, bytes } of results) {
      expect(error).toMatchObject({ cause: { message: expect.stringContaining('digest') } });
      expect(bytes.length).toBeLessThan(LAYER.length);
    }
    expect(told.length).toBe(1);
    for (const { error } of results) expect(error).toBe(told[0]);
    await store.close();
  });
});

describe('layers that go while they are read', () => {
  it('are not served from memory any more', async () => {
    const { store, digest } = await openFilled();
    await readSlowly(store, digest);
    await store.drop(digest);
    const { error, bytes } = await readSlowly(store, digest);
    expect(error).toBeInstanceOf(LayerUnknownError);
    expect(bytes.length).toBe(0);
    await store.layers.collect(GO_ON);
    expect(store.bytes()).toBe(0);
    // What comes back is another recipe, of which nothing is kept.
    await store.add(LAYER);
    const { cachedBytes } = store.layers.work().restored;
    expect((await readSlowly(store, digest)).bytes.equals(LAYER)).toBe(true);
    expect(store.layers.work().restored.cachedBytes).toBe(cachedBytes);
    await store.close();
  });

  const readers = fc.array(
    fc.record({
      layer: fc.nat({ max: LAYERS.length - 1 }),
      /** Shares of the layer, or all of it. */
      stretch: fc.option(fc.tuple(fc.nat({ max: 999 }), fc.nat({ max: 1000 }))),
      begin: fc.nat({ max: 30 }),
      pause: fc.nat({ max: 4 }),
      leaves: fc.option(fc.integer({ min: 1, max: 6 })),
      aborts: fc.option(fc.nat({ max: 40 })),
    }),
    { minLength: 2, maxLength: 8 },
  );
  /** Turns after which a layer is dropped, collected and ingested again. */
  const drops = fc.array(fc.tuple(fc.nat({ max: LAYERS.length - 1 }), fc.nat({ max: 40 })), {
    maxLength: 2,
  });
  const memories = [
    { cache: 0, window: 0 },
    { cache: 3 * BLOCK_SIZE, window: 2 * BLOCK_SIZE },
    { cache: 64 * BLOCK_SIZE, window: 16 * BLOCK_SIZE },
  ];

  it.each(memories)(
    'give each reader exactly its bytes, whatever others do, and leave nothing: %j',
    {
      timeout: 600_000,
    },
    async (memory) => {
      const { store, digests } = await openFilled({ memory }, LAYERS);

      async function dropAndAdd([layer, after]: readonly [number, number]): Promise<void> {
        for (let i = 0; i < after; i++) await turn();
        await store.drop(digests[layer]!);
        await store.layers.collect(GO_ON);
        await store.add(LAYERS[layer]!);
      }

      await fc.assert(
        fc.asyncProperty(readers, drops, async (plans, dropped) => {
          const work = plans.map(async ({ layer, stretch, begin, pause, leaves, aborts }) => {
            const file = LAYERS[layer]!;
            const [a, b] = stretch ?? [0, 1000];
            const start = Math.floor((a / 1000) * file.length);
            const end = Math.max(start, Math.floor((b / 1000) * file.length));
            const stop = new AbortController();
            for (let i = 0; i < begin; i++) await turn();
            const reading = readSlowly(store, digests[layer]!, {
              pause,
              range: { start, end },
              signal: stop.signal,
              ...(leaves !== null && { leavesAfter: leaves }),
            });
            if (aborts !== null) {
              for (let i = 0; i < aborts; i++) await turn();
              stop.abort(new Error('gone'));
            }
            const { bytes, error } = await reading;
            const wanted = file.subarray(start, end);
            expect(wanted.subarray(0, bytes.length).equals(bytes)).toBe(true);
            if (error instanceof LayerUnknownError) {
              expect(dropped.some(([gone]) => gone === layer)).toBe(true);
              expect(bytes.length).toBe(0);
            } else if (error !== undefined) expect(error).toMatchObject({ message: 'gone' });
            else if (leaves === null) expect(bytes.length).toBe(wanted.length);
          });
          await Promise.all([
            ...work,
            (async () => {
              for (const drop of dropped) await dropAndAdd(drop);
            })(),
          ]);
        }),
        { numRuns: isLong ? 400 : 12 },
      );
      // Nothing is lent any more.
      for (const digest of digests) await store.drop(digest);
      await store.layers.collect(GO_ON);
      expect(store.bytes()).toBe(0);
      await store.close();
    },
  );
});
