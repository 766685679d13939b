/** Whatever is damaged, no wrong byte comes out. */
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LayerDamagedError } from '../../src/dedup/errors.ts';
import { openLayers } from '../../src/dedup/layers.ts';
import type { Group } from '../../src/storage/segments/types.ts';
import { noise, text } from '../codec/support/content.ts';
import { isLong } from '../codec/support/effort.ts';
import { makeTar } from '../support/tar.ts';
import {
  GO_ON,
  localRebuilders,
  localTakers,
  openTestLayers,
  type TestLayers,
} from './support/layers.ts';

const SHARED = Array.from({ length: 12 }, (_, i) => ({
  path: `file-${i}`,
  bytes: text(9000 + 50 * i, i + 1),
}));
const FIRST = gzipSync(makeTar(SHARED));
/** Has patches, gaps and new files of its own. */
const SECOND = gzipSync(makeTar([{ path: 'new', bytes: noise(700) }, ...SHARED.toReversed()]));

let store: TestLayers;

beforeEach(async () => {
  store = await openTestLayers();
});

afterEach(() => store.close());

/** All that comes of a layer until it ends or fails, and how it failed. */
async function readAll(layers: TestLayers['layers'], digest: string) {
  const blocks: Buffer[] = [];
  let error: unknown;
  try {
    for await (const block of layers.restore(digest, { signal: GO_ON })) blocks.push(block);
  } catch (caught) {
    error = caught;
  }
  return { bytes: Buffer.concat(blocks), error };
}

describe('decisions 1: damage', () => {
  it('of any byte on the disk cuts the layer off before it, and the layers that need it are known', async () => {
    await store.add(FIRST);
    const digest = await store.add(SECOND);
    const [segment = 0] = await store.segments.place.segments();
    const sound = await store.segments.place.bytes(segment);
    let failures = 0;
    const stride = isLong ? 1 : 197;
    for (let at = 32; at < sound.length; at += stride) {
      const damaged = Buffer.from(sound);
      damaged[at]! ^= 1 << (at % 8);
      await store.segments.place.damage(segment, damaged);
      const { bytes, error } = await readAll(store.layers, digest);
      expect(SECOND.subarray(0, bytes.length).equals(bytes)).toBe(true);
      if (error === undefined) expect(bytes.length).toBe(SECOND.length);
      else expect(error).toBeInstanceOf(LayerDamagedError);
      const groups = new Set([...store.segments.store.damaged()].map(({ id }) => id));
      if (error !== undefined) {
        failures++;
        expect(await store.layers.affected(groups, GO_ON)).toContain(digest);
      }
      await store.close();
      store = await openTestLayers();
      await store.add(FIRST);
      await store.add(SECOND);
    }
    expect(failures).toBeGreaterThan(5);
  }, 300_000);

  it('that no checksum of a group sees does not come out either', async () => {
    await store.add(FIRST);
    const digest = await store.add(SECOND);
    let turn = 0;
    const spoil = (group: Group): Group => {
      const bytes = Uint8Array.from(group.bytes);
      bytes[(turn * 7919) % bytes.length]! ^= 1 << (turn % 8);
      return { ...group, bytes };
    };
    const { store: sound, kv } = store.segments;
    let victim = 0;
    const layers = openLayers(
      {
        kv,
        segments: {
          ...sound,
          async *readMany(ids, signal) {
            let number = 0;
            for await (const group of sound.readMany(ids, signal)) {
              yield number++ === victim ? spoil(group) : group;
            }
          },
        },
        rebuilders: localRebuilders(),
        takers: localTakers(),
      },
      { source: () => undefined },
    );
    let failures = 0;
    for (turn = 0; turn < (isLong ? 3000 : 150); turn++) {
      victim = turn % 3;
      const { bytes, error } = await readAll(layers, digest);
      expect(SECOND.subarray(0, bytes.length).equals(bytes)).toBe(true);
      if (error === undefined) expect(bytes.length).toBe(SECOND.length);
      else {
        failures++;
        expect(error).toBeInstanceOf(LayerDamagedError);
      }
    }
    expect(failures).toBeGreaterThan(20);
    await layers.close();
  });

  it('of a base is healed by ingesting a layer that brings the files again', async () => {
    const digest = await store.add(FIRST);
    const [segment = 0] = await store.segments.place.segments();
    const bytes = await store.segments.place.bytes(segment);
    bytes[100]! ^= 1;
    await store.segments.place.damage(segment, bytes);
    expect((await readAll(store.layers, digest)).error).toBeInstanceOf(LayerDamagedError);
    await store.drop(digest);
    const again = await store.add(FIRST);
    expect((await store.get(again)).equals(FIRST)).toBe(true);
  });
});
