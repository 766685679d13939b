import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type LayerStore, openLayerStore } from '../../../src/dedup/layer-store.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { findContent } from '../../../src/storage/content.ts';
import { FORMAT } from '../../../src/storage/format.ts';
import { ranges } from '../../../src/storage/metadata/keys.ts';
import { openStore } from '../../../src/storage/store.ts';
import { pullManifest } from '../../storage/support/content.ts';
import { makeTemporary, removeTemporary } from '../../support/temporary.ts';
import { AT_ONCE } from '../support/layer-store.ts';
import { GO_ON } from '../support/layers.ts';

const SAVED = resolve(import.meta.dirname, '../directories');

let folder: string;
beforeEach(async () => {
  folder = await makeTemporary('formats');
});
afterEach(() => removeTemporary(folder));

async function unpack(name: string): Promise<void> {
  execFileSync('tar', ['-xzf', join(SAVED, name), '-C', folder]);
}

const formatOf = async (): Promise<unknown> =>
  JSON.parse(await readFile(join(folder, 'format.json'), 'utf8'));

/** Digest of the bytes that a layer which is kept as a recipe comes back with. */
async function restoredDigest(layers: LayerStore, digest: string, size: number): Promise<string> {
  const blocks: Buffer[] = [];
  const range = { start: 0, end: size };
  for await (const block of layers.restore(digest, { range, signal: GO_ON })) blocks.push(block);
  return digestOf(Buffer.concat(blocks));
}

describe('decisions 7: a data directory of an older format', () => {
  it('1 becomes one of today, and its layers are taken apart', async () => {
    await unpack('format-1.tar.gz');
    expect(await formatOf()).toEqual({ format: 1 });

    const store = await openStore(folder, { collectEvery: 0, scrubPeriod: 0 });
    expect(await formatOf()).toEqual({ format: FORMAT });
    const layers = await openLayerStore(store, folder, { policy: AT_ONCE });
    await layers.settled();
    const { recipeContents, recipeBytes } = store.totals();
    expect([recipeContents, recipeBytes]).toEqual([1, 28_350]);
    const [key = ''] = store.context.kv.keys(ranges.recipes());
    const digest = key.slice('yr '.length);
    expect(findContent(store.context, digest)?.record.recipe).toBe(true);
    expect(await restoredDigest(layers, digest, 28_350)).toBe(digest);
    expect((await pullManifest(store, 'team/app', 'v1'))?.toString()).toContain(digest);
    // The config is no gzip file.
    expect(layers.figures().totals).toMatchObject({ 'refused format': 1 });
    await layers.close();
    await store.close();
  });

  it('2 becomes one of today, and the plain layers that it refused are taken apart', async () => {
    await unpack('format-2.tar.gz');
    expect(await formatOf()).toEqual({ format: 2 });

    const store = await openStore(folder, { collectEvery: 0, scrubPeriod: 0 });
    expect(await formatOf()).toEqual({ format: FORMAT });
    const layers = await openLayerStore(store, folder, { policy: AT_ONCE });
    expect(layers.figures().totals).toMatchObject({ layers: 1, 'refused format': 2 });
    const { bases } = layers.figures().totals;
    await layers.settled();
    expect(layers.figures().totals).toMatchObject({ layers: 2, 'refused format': 1 });
    // Twelve of thirteen files were there.
    expect(layers.figures().totals.bases - bases).toBeLessThan(4000);
    for (const key of store.context.kv.keys(ranges.recipes())) {
      const digest = key.slice('yr '.length);
      const { size } = findContent(store.context, digest)!;
      expect(await restoredDigest(layers, digest, size)).toBe(digest);
    }
    await layers.close();
    await store.close();
  });
});
