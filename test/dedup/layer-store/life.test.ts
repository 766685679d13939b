/** The life of a layer in a store that takes layers apart. */
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { releaseOrphans } from '../../../src/dedup/catalog/orphans.ts';
import { addLink, deleteBlob, findBlob } from '../../../src/storage/blobs.ts';
import { addContent, change } from '../../../src/storage/metadata/changes.ts';
import { keys, ranges } from '../../../src/storage/metadata/keys.ts';
import { noise, text } from '../../codec/support/content.ts';
import { bytesOf, LARGE } from '../../storage/support/content.ts';
import { memoryPlace } from '../../storage/support/stores.ts';
import { makeTar } from '../../support/tar.ts';
import { AT_ONCE, OFF, openTestLayerStore, type TestLayerStore } from '../support/layer-store.ts';
import { GO_ON } from '../support/layers.ts';

const FILES = Array.from({ length: 30 }, (_, i) => ({
  path: `file-${i}`,
  bytes: text(4000 + 60 * i, i + 1),
}));
const LAYER = gzipSync(makeTar(FILES));
const OTHER = gzipSync(makeTar([...FILES.toReversed(), { path: 'own', bytes: noise(30_000) }]));
const SMALL = gzipSync(makeTar([{ path: 'small', bytes: text(200, 1) }]));

let it_: TestLayerStore;
beforeEach(async () => {
  it_ = await openTestLayerStore();
});
afterEach(async () => {
  await it_.settled();
  expect(it_.contradictions()).toEqual([]);
  await it_.close();
});

const collect = () => it_.store.collector.run({ dryRun: false });

describe('decisions 3: a layer that was pushed', () => {
  it('loses its file when its recipe is verified, and is given back exactly', async () => {
    for (const layer of [LAYER, OTHER, SMALL]) {
      const digest = await it_.push('a', layer);
      expect((await it_.pull('a', digest))?.equals(layer)).toBe(true);
      await it_.settled();
      expect(it_.isRecipe(digest)).toBe(true);
      expect((await it_.pull('a', digest))?.equals(layer)).toBe(true);
    }
    const { recipeContents, recipeBytes, contents, bytes } = it_.store.totals();
    expect([recipeContents, recipeBytes]).toEqual([3, LAYER.length + OTHER.length + SMALL.length]);
    expect([contents, bytes]).toEqual([recipeContents, recipeBytes]);
    expect([...it_.store.context.kv.keys({ from: 'f ', to: 'f!' })]).toEqual([]);
    expect([...it_.store.context.kv.keys({ from: 'i ', to: 'i!' })]).toEqual([]);
    expect(it_.layers.figures()).toMatchObject({
      totals: { layers: 3, copies: 0, copyBytes: 0, queued: 0 },
      ingested: { layers: 3, bytes: recipeBytes },
      isWorking: false,
    });
  });

  it('is no gzip file: it stays as it is, with the reason, and the reason goes with it', async () => {
    const digest = await it_.push('a', bytesOf('no layer', LARGE));
    // Seen by its first bytes, and noted by the push itself.
    expect(it_.layers.figures().totals).toMatchObject({ 'refused format': 1, queued: 0 });
    await it_.settled();
    expect(it_.isRecipe(digest)).toBe(false);
    expect(it_.layers.figures().totals).toMatchObject({ 'refused format': 1, queued: 0 });
    await it_.reopen();
    await it_.settled();
    expect(it_.layers.figures().totals).toMatchObject({ 'refused format': 1, queued: 0 });
    await deleteBlob(it_.store.context, 'a', digest);
    await collect();
    expect(it_.layers.figures().totals).toMatchObject({ 'refused format': 0 });
    expect(it_.store.context.kv.has(keys.refusedLayer(digest))).toBe(false);
  });

  it('was pushed when nobody looked, and is no gzip file: it is refused when it is looked at', async () => {
    await it_.reopen({ policy: OFF });
    await it_.push('a', bytesOf('no layer', LARGE));
    expect(it_.layers.figures().totals).toMatchObject({ 'refused format': 0 });
    await it_.reopen({ policy: AT_ONCE });
    await it_.settled();
    expect(it_.layers.figures().totals).toMatchObject({ 'refused format': 1, queued: 0 });
  });

  it('and deleted everywhere leaves nothing behind', async () => {
    const digest = await it_.push('a', LAYER);
    await it_.settled();
    await deleteBlob(it_.store.context, 'a', digest);
    const report = await collect();
    expect(report).toMatchObject({ recipes: 1 });
    expect(report.error).toBeUndefined();
    expect(it_.layers.figures()).toMatchObject({ segments: { live: 0, dead: 0, groups: 0 } });
    expect([...it_.segments.written.values()].reduce((sum, { length }) => sum + length, 0)).toBe(0);
    expect(it_.store.totals()).toMatchObject({ contents: 0, recipeContents: 0, recipeBytes: 0 });
    expect([...it_.store.context.kv.keys({ from: 'y', to: 'z' })]).toEqual([]);
  });

  it('and pushed again before the collector comes uses the recipe that is there', async () => {
    const digest = await it_.push('a', LAYER);
    await it_.settled();
    await deleteBlob(it_.store.context, 'a', digest);
    expect(await it_.push('b', LAYER)).toBe(digest);
    await it_.settled();
    expect(it_.isRecipe(digest)).toBe(true);
    expect(it_.layers.figures().ingested.layers).toBe(1);
    await collect();
    expect((await it_.pull('b', digest))?.equals(LAYER)).toBe(true);
  });

  it('is in the queue by the same commit, which no push has more of', async () => {
    const counted: number[] = [];
    for (const policy of [OFF, AT_ONCE]) {
      let commits = 0;
      const place = memoryPlace({
        engine: (engine) => ({
          ...engine,
          async commit(batch) {
            commits++;
            await engine.commit(batch);
          },
        }),
      });
      const world = await openTestLayerStore({ place, layers: { policy, background: false } });
      await world.push('a', LAYER);
      await world.store.context.kv.settled();
      commits = 0;
      await world.push('a', OTHER);
      counted.push(commits);
      expect(world.layers.figures().totals.queued).toBe(policy === OFF ? 0 : 2);
      await world.close();
    }
    expect(counted[1]).toBe(counted[0]);
  });

  it('and whose push waits for its commit keeps the recipe that the collector finds unneeded', async () => {
    const digest = await it_.push('a', LAYER);
    await it_.settled();
    await deleteBlob(it_.store.context, 'a', digest);
    const { context } = it_.store;
    const pushed = change(context.kv, (changes) => {
      addContent(changes, digest, { inline: LAYER }, context.clock());
      addLink(context, changes, 'b', { digest, size: LAYER.length });
    });
    await Promise.all([pushed, releaseOrphans(context, GO_ON)]);
    expect(context.kv.has(keys.recipe(digest))).toBe(true);
  });

  it('outlives a restart, in the queue and as a recipe', async () => {
    await it_.reopen({ background: false });
    const digest = await it_.push('a', LAYER);
    await it_.settled();
    expect(it_.isRecipe(digest)).toBe(false);
    expect(it_.layers.figures().totals.queued).toBe(1);
    await it_.reopen({ background: true });
    await it_.settled();
    expect(it_.isRecipe(digest)).toBe(true);
    await it_.reopen();
    expect((await it_.pull('a', digest))?.equals(LAYER)).toBe(true);
  });
});

describe('decisions 3: an existing registry', () => {
  it('has its backlog ingested', async () => {
    await it_.reopen({ policy: OFF });
    const digests = [await it_.push('a', LAYER), await it_.push('a', OTHER)];
    await it_.settled();
    expect([...it_.store.context.kv.keys(ranges.queuedLayers())]).toEqual([]);
    await it_.reopen({ policy: AT_ONCE });
    await it_.settled();
    expect(digests.map((digest) => it_.isRecipe(digest))).toEqual([true, true]);
  });
});

describe('decisions 3: an intact copy', () => {
  it('stays for the least age after a push or pull', async () => {
    await it_.reopen({ policy: { ...AT_ONCE, minAge: 3_600_000, intactBudget: 1e9 } });
    const [first, second] = [await it_.push('a', LAYER), await it_.push('a', OTHER)];
    it_.test.time.now += 3_000_000;
    await it_.settled();
    expect(it_.layers.figures().totals).toMatchObject({ copies: 2 });
    expect((await it_.pull('a', second))?.equals(OTHER)).toBe(true);
    it_.test.time.now += 600_000;
    await it_.settled();
    expect([it_.isRecipe(first), it_.isRecipe(second)]).toEqual([true, false]);
    it_.test.time.now += 3_000_000;
    await it_.settled();
    expect(it_.isRecipe(second)).toBe(true);
  });

  it('used longest ago goes first when all are more than the budget', async () => {
    const intactBudget = OTHER.length + 10;
    await it_.reopen({ policy: { ...AT_ONCE, minAge: 3_600_000, intactBudget } });
    const first = await it_.push('a', LAYER);
    it_.test.time.now += 1000;
    const second = await it_.push('a', OTHER);
    await it_.settled();
    expect([it_.isRecipe(first), it_.isRecipe(second)]).toEqual([true, false]);
    expect(it_.layers.figures().totals.copyBytes).toBe(OTHER.length);
    // All count as used at the start.
    await it_.reopen();
    await it_.settled();
    expect(it_.isRecipe(second)).toBe(false);
  });

  it('of a layer below the least size stays, and is not even queued', async () => {
    await it_.reopen({ policy: { ...AT_ONCE, minSize: LAYER.length } });
    const [small, large] = [await it_.push('a', SMALL), await it_.push('a', LAYER)];
    await it_.settled();
    expect([it_.isRecipe(small), it_.isRecipe(large)]).toEqual([false, true]);
  });

  it('stays as long as one of its repositories wants it so', async () => {
    const allows = (repository: string): boolean => repository !== 'kept';
    await it_.reopen({ policy: { ...AT_ONCE, allows, everywhere: undefined } });
    const [first, second] = [await it_.push('kept', LAYER), await it_.push('a', OTHER)];
    await it_.settled();
    await it_.push('a', LAYER);
    await it_.settled();
    expect([it_.isRecipe(first), it_.isRecipe(second)]).toEqual([false, true]);
    await deleteBlob(it_.store.context, 'kept', first);
    await it_.reopen();
    await it_.settled();
    expect(it_.isRecipe(first)).toBe(true);
  });

  it('stays when a repository that wants it so has come to hold it before the drop', async () => {
    const allows = (repository: string): boolean => repository !== 'kept';
    const policy = { ...AT_ONCE, minAge: 3_600_000, intactBudget: 1e9, allows };
    await it_.reopen({ policy: { ...policy, everywhere: undefined } });
    const digest = await it_.push('a', LAYER);
    await it_.settled();
    await it_.push('kept', LAYER);
    it_.test.time.now += 7_200_000;
    await it_.settled();
    expect(it_.layers.figures().totals.copies).toBe(1);
    expect(it_.isRecipe(digest)).toBe(false);
  });

  it('stays when it is asked for while others are dropped', async () => {
    const layers = Array.from({ length: 20 }, (_, i) =>
      gzipSync(makeTar([{ path: `${i}`, bytes: text(500, i + 1) }])),
    );
    let hasBegun = false;
    await it_.reopen({
      policy: { ...AT_ONCE, minAge: 3_600_000, intactBudget: 1e9 },
      faultPoint(name) {
        if (name !== 'drop.committed' || hasBegun) return;
        hasBegun = true;
        for (const digest of digests) findBlob(it_.store.context, 'a', digest);
      },
    });
    const digests: string[] = [];
    for (const layer of layers) digests.push(await it_.push('a', layer));
    await it_.settled();
    it_.test.time.now += 3_600_000;
    await it_.settled();
    // Those of the first commit were gone by then.
    const dropped = digests.filter((digest) => it_.isRecipe(digest)).length;
    expect(hasBegun).toBe(true);
    expect(dropped).toBeGreaterThan(0);
    expect(dropped).toBeLessThan(layers.length);
  });

  it('that is damaged is replaced by the recipe', async () => {
    await it_.reopen({ policy: { ...AT_ONCE, minAge: 3_600_000, intactBudget: 1e9 } });
    const digest = await it_.push('a', LAYER);
    await it_.settled();
    const [[file] = []] = [[...it_.store.context.kv.keys({ from: 'f ', to: 'f!' })]];
    const id = Number.parseInt(file!.slice(2), 16);
    await it_.test.place.damage(id, noise(LAYER.length));
    const report = await it_.store.scrub.run();
    expect(report.damaged).toBe(1);
    expect(it_.isRecipe(digest)).toBe(true);
    expect((await it_.pull('a', digest))?.equals(LAYER)).toBe(true);
    expect(await it_.test.place.bytes(id)).toBeUndefined();
  });

  it('that was damaged before its ingest is quarantined, not refused', async () => {
    await it_.reopen({ background: false });
    const digest = await it_.push('a', LAYER);
    const [file = ''] = it_.store.context.kv.keys({ from: 'f ', to: 'f!' });
    await it_.test.place.damage(
      Number.parseInt(file.slice(2), 16),
      OTHER.subarray(0, LAYER.length),
    );
    await it_.reopen({ background: true });
    await it_.settled();
    expect(it_.isRecipe(digest)).toBeUndefined();
    expect(it_.store.context.kv.has(keys.refusedLayer(digest))).toBe(false);
    await it_.push('a', LAYER);
    await it_.settled();
    expect(it_.isRecipe(digest)).toBe(true);
  });
});

describe('decisions 1: damage', () => {
  it('found by a restore quarantines the layer, and a push heals it', async () => {
    const digest = await it_.push('a', LAYER);
    const other = await it_.push('a', OTHER);
    await it_.settled();
    it_.spoilSegments();
    for (const lost of [digest, other]) {
      await expect(it_.pull('a', lost)).rejects.toThrow('cannot be rebuilt');
      await it_.settled();
      expect(it_.isRecipe(lost)).toBeUndefined();
    }
    expect([...it_.store.scrub.quarantined()].map((entry) => entry.digest).sort()).toEqual(
      [digest, other].sort(),
    );
    expect(it_.layers.figures()).toMatchObject({ damaged: 2, totals: { layers: 0 } });
    expect(it_.contradictions()).toEqual([]);

    for (const layer of [LAYER, OTHER]) await it_.push('a', layer);
    await it_.settled();
    expect([it_.isRecipe(digest), it_.isRecipe(other)]).toEqual([true, true]);
    expect((await it_.pull('a', digest))?.equals(LAYER)).toBe(true);
    expect((await it_.pull('a', other))?.equals(OTHER)).toBe(true);
    await collect();
    expect((await it_.pull('a', other))?.equals(OTHER)).toBe(true);
    expect(it_.layers.figures().segments.damaged).toBe(0);
  });

  it('found by the scrub marks every layer that needs what is damaged', async () => {
    const digests = [await it_.push('a', LAYER), await it_.push('a', OTHER)];
    await it_.settled();
    it_.spoilSegments();
    const report = await it_.store.scrub.run();
    expect(report.damaged).toBeGreaterThan(0);
    expect(digests.map((digest) => it_.isRecipe(digest))).toEqual([undefined, undefined]);
  });

  it('found by the scrub in a recipe whose groups are sound', async () => {
    const digest = await it_.push('a', LAYER);
    const other = await it_.push('a', OTHER);
    await it_.settled();
    await change(it_.store.context.kv, (changes) => {
      const [one, two] = [digest, other].map((of) => changes.record<object>(keys.recipe(of))!);
      changes.put(keys.recipe(digest), two!);
      changes.put(keys.recipe(other), one!);
    });
    expect((await it_.store.scrub.run()).damaged).toBe(1);
    await it_.settled();
    expect([...it_.store.scrub.quarantined()]).toHaveLength(1);
  });

  it('of a recipe whose layer is there as it was pushed has the layer ingested anew', async () => {
    await it_.reopen({ policy: { ...AT_ONCE, minAge: 3_600_000, intactBudget: 1e9 } });
    const digest = await it_.push('a', LAYER);
    await it_.settled();
    it_.spoilSegments();
    await it_.store.scrub.run();
    expect(it_.isRecipe(digest)).toBe(false);
    await it_.settled();
    it_.test.time.now += 3_600_000;
    await it_.settled();
    expect(it_.isRecipe(digest)).toBe(true);
    expect((await it_.pull('a', digest))?.equals(LAYER)).toBe(true);
  });
});

describe('decisions 3: undo', () => {
  it('writes layers back when they may not be taken apart any more, and frees their recipes', async () => {
    const layers = [LAYER, OTHER, SMALL];
    const digests: string[] = [];
    for (const layer of layers) digests.push(await it_.push('a', layer));
    await it_.settled();
    await it_.reopen({ policy: OFF });
    const bytes = layers.reduce((sum, { length }) => sum + length, 0);
    expect(await it_.layers.undo.run()).toMatchObject({ layers: 3, bytes, totalBytes: bytes });
    expect(digests.map((digest) => it_.isRecipe(digest))).toEqual([false, false, false]);
    expect(it_.contradictions()).toEqual([]);
    for (const [i, digest] of digests.entries()) {
      expect((await it_.pull('a', digest))?.equals(layers[i]!)).toBe(true);
    }
    await collect();
    expect(it_.layers.figures()).toMatchObject({ segments: { live: 0, dead: 0 } });
  });

  it('takes nothing from who reads a layer meanwhile', async () => {
    const large = gzipSync(makeTar([{ path: 'file', bytes: noise(13_000_000) }]), { level: 0 });
    const digest = await it_.push('a', large);
    await it_.settled();
    await it_.reopen({ policy: OFF, memory: { cache: 0 } });
    const range = { start: 0, end: large.length };
    const reader = it_.layers.restore(digest, { range, signal: GO_ON });
    const blocks: Buffer[] = [];
    const take = async (): Promise<boolean> => {
      const { value, done } = await reader.next();
      if (value instanceof Buffer) blocks.push(Buffer.from(value));
      return done !== true;
    };
    await take();
    expect(await it_.layers.undo.run()).toMatchObject({ layers: 1 });
    await collect();
    expect(it_.layers.figures().segments.live).toBeGreaterThan(12_000_000);
    while (await take());
    expect(Buffer.concat(blocks).equals(large)).toBe(true);
    await collect();
    expect(it_.layers.figures().segments.live).toBe(0);
    expect((await it_.pull('a', digest))?.equals(large)).toBe(true);
  });

  it('does nothing to layers that may be taken apart', async () => {
    const digest = await it_.push('a', LAYER);
    await it_.settled();
    expect(await it_.layers.undo.run()).toMatchObject({ layers: 0, totalBytes: 0 });
    expect(it_.isRecipe(digest)).toBe(true);
  });

  it('is refused when there is no room', async () => {
    const digest = await it_.push('a', LAYER);
    await it_.settled();
    await it_.reopen({ policy: OFF });
    const { context } = it_.store;
    (context.target as { space: unknown }).space = async () => ({ free: 10, total: 100 });
    await it_.store.space.look();
    expect(await it_.layers.undo.run()).toMatchObject({
      layers: 0,
      error: 'free space is below the reserve',
    });
    expect(it_.isRecipe(digest)).toBe(true);
  });
});
