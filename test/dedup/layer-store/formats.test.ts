import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openLayerStore } from '../../../src/dedup/layer-store.ts';
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

describe('decisions 7: a data directory of an older format', () => {
  it('1 becomes one of today, and its layers are taken apart', async () => {
    execFileSync('tar', ['-xzf', join(SAVED, 'format-1.tar.gz'), '-C', folder]);
    const note = (): Promise<string> => readFile(join(folder, 'format.json'), 'utf8');
    expect(JSON.parse(await note())).toEqual({ format: 1 });

    const store = await openStore(folder, { collectEvery: 0, scrubPeriod: 0 });
    expect(JSON.parse(await note())).toEqual({ format: FORMAT });
    const layers = await openLayerStore(store, folder, { policy: AT_ONCE });
    await layers.settled();
    const { recipeContents, recipeBytes } = store.totals();
    expect([recipeContents, recipeBytes]).toEqual([1, 28_350]);
    const [key = ''] = store.context.kv.keys(ranges.recipes());
    const digest = key.slice('yr '.length);
    expect(findContent(store.context, digest)?.record.recipe).toBe(true);
    const blocks: Buffer[] = [];
    const range = { start: 0, end: 28_350 };
    for await (const block of layers.restore(digest, { range, signal: GO_ON })) blocks.push(block);
    expect(digestOf(Buffer.concat(blocks))).toBe(digest);
    expect((await pullManifest(store, 'team/app', 'v1'))?.toString()).toContain(digest);
    // The config is no gzip file.
    expect(layers.figures().totals).toMatchObject({ 'refused format': 1 });
    await layers.close();
    await store.close();
  });
});
