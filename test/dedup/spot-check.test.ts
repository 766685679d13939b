/** Whole rebuilds of some layers: what the checksums of groups cannot tell. */
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RecipeRecord } from '../../src/dedup/catalog/records.ts';
import { LayerDamagedError } from '../../src/dedup/errors.ts';
import { chooseLayers, spotCheck } from '../../src/dedup/spot-check.ts';
import { digestOf } from '../../src/oci/digest.ts';
import { change } from '../../src/storage/metadata/changes.ts';
import { keys } from '../../src/storage/metadata/keys.ts';
import { decode } from '../../src/storage/metadata/records.ts';
import { noise } from '../codec/support/content.ts';
import { startRandom } from '../support/random.ts';
import { makeTar } from '../support/tar.ts';
import { GO_ON, openTestLayers, type TestLayers } from './support/layers.ts';

describe('the spot check', () => {
  const told: LayerDamagedError[] = [];
  let store: TestLayers;
  beforeEach(async () => {
    told.length = 0;
    store = await openTestLayers({ onDamage: (error) => told.push(error) });
  });
  afterEach(() => store.close());

  const layerOf = (size: number): Buffer =>
    gzipSync(makeTar([{ path: 'file', bytes: noise(size) }]));
  const check = (): Promise<number> => spotCheck(store.segments.kv, store.layers, GO_ON);

  it('finds nothing in an empty store, and nothing wrong with a sound layer', async () => {
    expect(await check()).toBe(0);
    await store.add(layerOf(400_000));
    expect(await check()).toBe(0);
    expect(told).toEqual([]);
  });

  it('finds a layer whose groups are sound and make something else', async () => {
    const { kv } = store.segments;
    const digest = await store.add(layerOf(400_000));
    const other = digestOf(Buffer.from('another layer'));
    await change(kv, (changes) => {
      const record = kv.read(keys.recipe(digest), decode<RecipeRecord>)!;
      changes.put(keys.recipe(other), record);
      changes.tx.remove(keys.recipe(digest));
    });
    expect(await check()).toBe(1);
    expect(told).toHaveLength(1);
    expect(told[0]).toBeInstanceOf(LayerDamagedError);
    expect(told[0]!.digest).toBe(other);
  });

  it('leaves out a layer that goes meanwhile', async () => {
    await store.add(layerOf(1000));
    const gone = {
      figures: store.layers.figures,
      async isSound(digest: string, ...rest: [never, never]) {
        await store.drop(digest);
        return store.layers.isSound(digest, ...rest);
      },
    };
    expect(await spotCheck(store.segments.kv, gone as never, GO_ON)).toBe(0);
  });

  it('ends with its signal', async () => {
    await store.add(layerOf(1000));
    const reason = new Error('enough');
    await expect(
      spotCheck(store.segments.kv, store.layers, AbortSignal.abort(reason)),
    ).rejects.toBe(reason);
  });
});

describe('the choice of layers', () => {
  it('is one of all, each as likely as any other', async () => {
    const store = await openTestLayers();
    const { kv } = store.segments;
    const digests = Array.from({ length: 250 }, (_, i) => digestOf(Buffer.from(`${i}`)));
    await change(kv, (changes) => {
      for (const digest of digests) changes.put(keys.recipe(digest), {});
    });
    const random = startRandom(7);
    const share = (): number => random.below(2 ** 30) / 2 ** 30;
    const counts = new Map<string, number>();
    for (let round = 0; round < 400; round++) {
      const chosen = await chooseLayers(kv, { count: 3, random: share }, GO_ON);
      expect(new Set(chosen).size).toBe(3);
      for (const digest of chosen) counts.set(digest, (counts.get(digest) ?? 0) + 1);
    }
    // 1,200 choices of 250 layers: 4.8 each; more than 20 would come once in ten million layers.
    expect(Math.max(...counts.values())).toBeLessThan(20);
    expect(counts.size).toBeGreaterThan(235);
    await store.close();
  });
});
