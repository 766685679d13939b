/** What is done ahead of the first pull. */
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deleteBlob } from '../../../src/storage/blobs.ts';
import { noise } from '../../codec/support/content.ts';
import { makeTar } from '../../support/tar.ts';
import { openTestLayerStore, type TestLayerStore } from '../support/layer-store.ts';

const layerOf = (size: number): Buffer =>
  gzipSync(makeTar([{ path: 'file', bytes: noise(size, size) }]), { level: 0 });
const SMALL = layerOf(100_000);
const LARGE = layerOf(9_000_000);

describe('getting ready for the first pull', () => {
  let world: TestLayerStore;

  beforeEach(async () => {
    world = await openTestLayerStore();
  });
  afterEach(() => world.close());

  it('does nothing in an empty store, and nothing when it is not asked for', async () => {
    await world.reopen({ warmsUp: true });
    await world.settled();
    expect(world.layers.figures().restored.layers).toBe(0);
    await world.push('a', LARGE);
    await world.settled();
    await world.reopen({ warmsUp: false });
    await world.settled();
    expect(world.layers.figures().restored.layers).toBe(0);
  });

  it('restores the begin of a layer that is large enough, else all of the largest', async () => {
    await world.push('a', SMALL);
    await world.settled();
    await world.reopen({ warmsUp: true });
    await world.settled();
    expect(world.layers.figures().restored).toMatchObject({ layers: 1, bytes: SMALL.length });
    const digest = await world.push('a', LARGE);
    await world.settled();
    await world.reopen();
    await world.settled();
    const { layers, bytes } = world.layers.figures().restored;
    expect(layers).toBe(1);
    expect(bytes).toBeGreaterThan(5_000_000);
    expect(bytes).toBeLessThan(7_000_000);
    expect((await world.pull('a', digest))?.equals(LARGE)).toBe(true);
  });

  it('leaves a layer alone that nobody holds, and waits for the collector', async () => {
    const digest = await world.push('a', LARGE);
    await world.settled();
    await deleteBlob(world.store.context, 'a', digest);
    await world.reopen({ warmsUp: true });
    await world.settled();
    expect(world.layers.figures().restored.layers).toBe(0);
  });

  it('takes damage for what it is', async () => {
    const digest = await world.push('a', LARGE);
    await world.settled();
    world.spoilSegments();
    await world.reopen({ warmsUp: true });
    await world.settled();
    expect(world.layers.figures().damaged).toBe(1);
    expect(await world.pull('a', digest)).toBeUndefined();
    await world.push('a', LARGE);
    await world.settled();
    expect((await world.pull('a', digest))?.equals(LARGE)).toBe(true);
  });
});
