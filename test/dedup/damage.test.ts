/** Whatever is damaged, no wrong byte comes out. */
import { crc32, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GROUP_KIND } from '../../src/dedup/context.ts';
import { LayerDamagedError } from '../../src/dedup/errors.ts';
import { openLayers } from '../../src/dedup/layers.ts';
import type { ByteRange } from '../../src/dedup/restore/checked-blocks.ts';
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
const SECOND = makeTar([{ path: 'new', bytes: noise(700) }, ...SHARED.toReversed()]);
/** Either has gaps and new files of its own, the first one patches as well. */
const SECONDS = [
  ['gzip', gzipSync(SECOND)],
  ['plain', SECOND],
] as const;
const NOISE = makeTar([{ path: 'noise', bytes: noise(4000) }]);

/** Bytes of a packed group before those that its own checksum covers; it ends with that. */
const CHECKED = 6;

let store: TestLayers;

beforeEach(async () => {
  store = await openTestLayers();
});

afterEach(() => store.close());

/** All that comes of a layer, or a stretch of it, until it ends or fails, and how it failed. */
async function readAll(layers: TestLayers['layers'], digest: string, range?: ByteRange) {
  const options = { signal: GO_ON, ...(range !== undefined && { range }) };
  const blocks: Buffer[] = [];
  let error: unknown;
  try {
    for await (const block of layers.restore(digest, options)) blocks.push(block);
  } catch (caught) {
    error = caught;
  }
  return { bytes: Buffer.concat(blocks), error };
}

describe('decisions 1: damage', () => {
  it.each(SECONDS)(
    'of any byte on the disk cuts a %s layer off before it, and those that need it are known',
    async (_, second) => {
      await store.add(FIRST);
      const digest = await store.add(second);
      const [segment = 0] = await store.segments.place.segments();
      const sound = await store.segments.place.bytes(segment);
      let failures = 0;
      const stride = isLong ? 1 : 197;
      for (let at = 32; at < sound.length; at += stride) {
        const damaged = Buffer.from(sound);
        damaged[at]! ^= 1 << (at % 8);
        await store.segments.place.damage(segment, damaged);
        const { bytes, error } = await readAll(store.layers, digest);
        expect(second.subarray(0, bytes.length).equals(bytes)).toBe(true);
        if (error === undefined) expect(bytes.length).toBe(second.length);
        else expect(error).toBeInstanceOf(LayerDamagedError);
        const groups = new Set([...store.segments.store.damaged()].map(({ id }) => id));
        if (error !== undefined) {
          failures++;
          const affected = await store.layers.affected(groups, GO_ON);
          expect(affected.map((layer) => layer.digest)).toContain(digest);
        }
        await store.close();
        store = await openTestLayers();
        await store.add(FIRST);
        await store.add(second);
      }
      expect(failures).toBeGreaterThan(5);
    },
    300_000,
  );

  it.each([
    // Another literal makes as many bits: only the bytes themselves are wrong.
    ['in stored blocks', gzipSync(NOISE, { level: 0 })],
    ['in a plain layer', NOISE],
  ])('that no checksum of a group sees does not come out either, %s', async (_, file) => {
    const digest = await store.add(file);
    const { store: sound, kv } = store.segments;
    let at = 0;
    let spoiled = 0;
    /** Changes a byte of what is compressed or literal, and puts the right checksum in front. */
    const spoil = (group: Group): Group => {
      if (group.kind !== GROUP_KIND.base) return group;
      // By itself, like what comes from a segment: who reads groups may free them by hand.
      const bytes = Buffer.from(Uint8Array.from(group.bytes).buffer);
      const body = bytes.subarray(CHECKED);
      body[at % body.length]! ^= 1 << (at % 8);
      bytes.writeUInt32LE(crc32(body), CHECKED - 4);
      spoiled++;
      return { ...group, bytes };
    };
    const layers = openLayers(
      {
        kv,
        segments: {
          ...sound,
          async *readMany(ids, signal) {
            for await (const group of sound.readMany(ids, signal)) yield spoil(group);
          },
        },
        // Nothing may be remembered from one turn to the next.
        rebuilders: { ...localRebuilders(), rebuild: (job) => localRebuilders().rebuild(job) },
        takers: localTakers(),
      },
      { source: () => undefined, memory: { cache: 0 } },
    );
    let wrongBytes = 0;
    for (let turn = 0; turn < (isLong ? 4000 : 120); turn++) {
      at = turn * 37;
      // Of a stretch no digest is known: it is the checksum of the block that has to see it.
      const range = { start: turn % 2, end: file.length };
      const { bytes, error } = await readAll(layers, digest, range);
      const wanted = file.subarray(range.start);
      expect(wanted.subarray(0, bytes.length).equals(bytes)).toBe(true);
      if (error === undefined) expect(bytes.length).toBe(wanted.length);
      else expect(error).toBeInstanceOf(LayerDamagedError);
      const { message } = ((error as Error | undefined)?.cause ?? {}) as { message?: string };
      if (message?.includes('block 0 is wrong')) wrongBytes++;
    }
    expect(spoiled).toBeGreaterThanOrEqual(120);
    // Those that nothing but the checksum of the block has seen.
    expect(wrongBytes).toBeGreaterThan(60);
    await layers.close();
  });

  it('is not what a rebuilder says that has failed for another reason', async () => {
    const digest = await store.add(FIRST);
    const told: unknown[] = [];
    const layers = openLayers(
      {
        ...{ kv: store.segments.kv, segments: store.segments.store, takers: localTakers() },
        rebuilders: {
          ...localRebuilders(),
          rebuild: () => Promise.reject(new RangeError('Array buffer allocation failed')),
        },
      },
      { source: () => undefined, onDamage: (error) => told.push(error) },
    );
    expect((await readAll(layers, digest)).error).toBeInstanceOf(RangeError);
    await layers.close();
    expect(told).toEqual([]);
    expect((await store.get(digest)).equals(FIRST)).toBe(true);
  });

  it.each([
    ['gzip', FIRST],
    ['plain', SECOND],
  ])(
    'of a base is healed by ingesting a %s layer that brings the files again',
    async (_, again) => {
      const digest = await store.add(FIRST);
      const [segment = 0] = await store.segments.place.segments();
      const bytes = await store.segments.place.bytes(segment);
      bytes[100]! ^= 1;
      await store.segments.place.damage(segment, bytes);
      expect((await readAll(store.layers, digest)).error).toBeInstanceOf(LayerDamagedError);
      await store.drop(digest);
      expect((await store.get(await store.add(again))).equals(again)).toBe(true);
    },
  );
});
