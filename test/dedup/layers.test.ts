/** Layers in a store: taken apart, given back, shared, dropped and collected. */
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NO_DEDUP_TOTALS } from '../../src/dedup/catalog/records.ts';
import { LayerRefusedError, LayerUnknownError } from '../../src/dedup/errors.ts';
import { digestOf } from '../../src/oci/digest.ts';
import { mixture, noise, text } from '../codec/support/content.ts';
import { makeTar, type TarEntry } from '../support/tar.ts';
import { GO_ON, openTestLayers, sourceOf, type TestLayers } from './support/layers.ts';

/** Files of a layer; those of one seed have the same bytes. */
function files(count: number, size: number, firstSeed = 1): TarEntry[] {
  return Array.from({ length: count }, (_, i) => ({
    path: `dir/file-${firstSeed + i}`,
    bytes: text(size + 7 * i, firstSeed + i),
  }));
}

let store: TestLayers;

beforeEach(async () => {
  store = await openTestLayers();
});

afterEach(() => store.close());

describe('a layer', () => {
  it('comes back with its digest', async () => {
    const file = gzipSync(makeTar(files(300, 40_000)));
    const digest = await store.add(file);
    expect(store.layers.sizeOf(digest)).toBe(file.length);
    expect((await store.get(digest)).equals(file)).toBe(true);
  });

  it('comes back in any stretch', async () => {
    const file = gzipSync(makeTar([...files(200, 40_000), { path: 'n', bytes: noise(3_000_000) }]));
    const digest = await store.add(file);
    const stretches = [
      [0, 1],
      [file.length - 1, file.length],
      [262_143, 262_145],
      [5, 5],
    ];
    for (let i = 0; i < 40; i++) {
      const start = (i * 7_919_993) % file.length;
      stretches.push([start, Math.min(file.length, start + 1 + ((i * 104_729) % 900_000))]);
    }
    for (const [start = 0, end = 0] of stretches) {
      const part = await store.get(digest, start, end);
      expect(part.equals(file.subarray(start, end))).toBe(true);
    }
  });

  it('is stored once, and the second version of it costs little', async () => {
    const first = gzipSync(makeTar(files(200, 20_000)));
    const second = gzipSync(makeTar([...files(1, 30_000, 900), ...files(200, 20_000)]));
    await store.add(first);
    const before = store.bytes();
    expect(before).toBeLessThan(1.1 * first.length);
    const digest = await store.add(second);
    expect(store.bytes() - before).toBeLessThan(0.05 * second.length);
    expect((await store.get(digest)).equals(second)).toBe(true);
    const { layers, size, bases, structure, gaps, patches, index, trees } = store.layers.figures();
    expect({ layers, size }).toEqual({ layers: 2, size: first.length + second.length });
    const { groups, live } = store.segments.store.figures();
    // Section groups have three lengths besides their pieces, all groups a header.
    const sum = bases + structure + gaps + patches + index + trees;
    expect(sum).toBeLessThanOrEqual(live - groups * 28);
    expect(sum).toBeGreaterThan(live - groups * 48);
  });

  it('is not ingested twice', async () => {
    const file = gzipSync(makeTar(files(20, 4_000)));
    const digest = await store.add(file);
    const before = store.bytes();
    expect(await store.layers.ingest(digest, sourceOf(file), GO_ON)).toBe('known');
    expect(store.bytes()).toBe(before);
  });

  it('is unknown before it comes', async () => {
    await expect(store.get(digestOf(Buffer.from('x')), 0, 1)).rejects.toThrow(LayerUnknownError);
  });
});

describe('a plain layer', () => {
  it('comes back with its digest, whole and in any stretch', async () => {
    const file = makeTar([...files(100, 40_000), { path: 'n', bytes: noise(3_000_000) }]);
    const digest = await store.add(file);
    expect(store.layers.sizeOf(digest)).toBe(file.length);
    expect((await store.get(digest)).equals(file)).toBe(true);
    for (let i = 0; i < 40; i++) {
      const start = (i * 7_919_993) % file.length;
      const end = Math.min(file.length, start + 1 + ((i * 104_729) % 900_000));
      const part = await store.get(digest, start, end);
      expect(part.equals(file.subarray(start, end))).toBe(true);
    }
  });

  it('hardly takes room when its files came by gzip', async () => {
    const shared = files(200, 20_000);
    const first = gzipSync(makeTar(shared));
    await store.add(first);
    const before = store.bytes();
    const plain = makeTar([...files(1, 30_000, 900), ...shared]);
    const digest = await store.add(plain);
    // Trees are the most of it.
    const { trees, patches } = store.layers.figures();
    expect(store.bytes() - before - trees / 2).toBeLessThan(0.03 * first.length);
    expect(patches).toBe(0);
    expect((await store.get(digest)).equals(plain)).toBe(true);
  });

  it('that came first costs gzip layers nothing but what it takes itself', async () => {
    const shared = files(40, 20_000);
    const plain = makeTar(shared);
    const layers = [6, 1, 9, 4, 6, 1].map((level, i) =>
      gzipSync(makeTar([...files(1, 5_000, 800 + i), ...shared]), { level }),
    );
    const apart: number[] = [];
    for (const file of layers) {
      const before = store.bytes();
      await store.add(file);
      apart.push(store.bytes() - before);
    }
    await store.close();
    store = await openTestLayers();
    await store.add(plain);
    for (const [i, file] of layers.entries()) {
      const before = store.bytes();
      const digest = await store.add(file);
      // Its own tokens, or a patch against those of another gzip layer, as if nothing had been there.
      expect(store.bytes() - before).toBeLessThan(1.02 * apart[i]! + 1000);
      expect((await store.get(digest)).equals(file)).toBe(true);
    }
  });
});

describe('what is refused leaves nothing', () => {
  it.each<[string, string, () => Buffer]>([
    ['format', 'noise', () => noise(1000)],
    ['format', 'JSON', () => Buffer.from(JSON.stringify({ files: text(9000).toString() }))],
    ['format', 'nothing', () => Buffer.alloc(0)],
    ['format', 'an image of a disk', () => Buffer.concat([Buffer.alloc(1024), noise(100_000)])],
    ['zstd', 'a tar by zstd', () => zstdCompressSync(makeTar(files(3, 9000)))],
    ['broken', 'a file cut short', () => gzipSync(mixture(300_000)).subarray(0, -9)],
    ['not-worth-it', 'no tar', () => gzipSync(noise(100_000), { level: 0 })],
    [
      'structure',
      'a million empty blocks',
      () => {
        // Empty blocks with fixed codes: 10 bits each, 5 bytes for four of them.
        const four = Buffer.from([0x02, 0x08, 0x20, 0x80, 0x00]);
        const head = Buffer.from([31, 139, 8, 0, 0, 0, 0, 0, 0, 255]);
        const blocks = Buffer.concat(Array.from({ length: 250_000 }, () => four));
        return Buffer.concat([head, blocks, Buffer.from([3, 0]), Buffer.alloc(8)]);
      },
    ],
  ])('%s: %s', async (reason, _, make) => {
    const file = make();
    await expect(store.add(file)).rejects.toThrow(
      expect.objectContaining({ name: LayerRefusedError.name, reason }) as Error,
    );
    await store.layers.collect(GO_ON);
    expect(store.segments.store.figures()).toMatchObject({ groups: 0, live: 0 });
    expect(store.layers.figures()).toEqual(NO_DEDUP_TOTALS);
  });

  it('a digest that is not that of the bytes', async () => {
    const file = gzipSync(makeTar(files(20, 4_000)));
    const other = digestOf(Buffer.from('other'));
    await expect(store.layers.ingest(other, sourceOf(file), GO_ON)).rejects.toThrow(
      expect.objectContaining({ reason: 'not-exact' }) as Error,
    );
    expect(store.layers.sizeOf(other)).toBeUndefined();
    await store.layers.collect(GO_ON);
    expect(store.bytes()).toBe(0);
  });

  it('an ingest that was broken off', async () => {
    const stop = new AbortController();
    const file = gzipSync(makeTar(files(400, 40_000)));
    const source = async function* read(): AsyncGenerator<Uint8Array> {
      yield file.subarray(0, 3_000_000);
      stop.abort(new Error('enough'));
      yield file.subarray(3_000_000);
    };
    await expect(store.layers.ingest(digestOf(file), source, stop.signal)).rejects.toThrow(
      'enough',
    );
    await store.layers.collect(GO_ON);
    expect(store.bytes()).toBe(0);
  });
});

describe('layers that go', () => {
  it('leave to others what these need', async () => {
    const shared = files(150, 20_000);
    const first = gzipSync(makeTar(shared));
    const second = gzipSync(makeTar([...files(3, 20_000, 700), ...shared]));
    const one = await store.add(first);
    const two = await store.add(second);
    await store.drop(one);
    expect(store.layers.sizeOf(one)).toBeUndefined();
    expect(await store.layers.collect(GO_ON)).toMatchObject({ recipes: 1 });
    expect((await store.get(two)).equals(second)).toBe(true);
    await store.drop(two);
    await store.layers.collect(GO_ON);
    expect(store.bytes()).toBe(0);
    const rest = [...store.segments.kv.keys({ from: 'y', to: 'z' })];
    expect(rest).toEqual([]);
    // What is gone from the index is stored anew.
    expect((await store.get(await store.add(first))).equals(first)).toBe(true);
  });

  it('stay while they are restored', async () => {
    const file = gzipSync(makeTar(files(400, 40_000)));
    const digest = await store.add(file);
    const blocks = store.layers.restore(digest, { signal: GO_ON });
    const read: Buffer[] = [(await blocks.next()).value as Buffer];
    await store.drop(digest);
    await store.layers.collect(GO_ON);
    for await (const block of blocks) read.push(block);
    expect(Buffer.concat(read).equals(file)).toBe(true);
    await store.layers.collect(GO_ON);
    expect(store.bytes()).toBe(0);
  });
});

describe('at the same time', () => {
  it('two layers with the same new files store them once', async () => {
    const shared = files(200, 20_000);
    const first = gzipSync(makeTar(shared));
    const second = gzipSync(makeTar([...files(1, 10_000, 800), ...shared]));
    const digests = await Promise.all([store.add(first), store.add(second)]);
    expect(store.bytes()).toBeLessThan(1.15 * first.length);
    expect((await store.get(digests[0])).equals(first)).toBe(true);
    expect((await store.get(digests[1])).equals(second)).toBe(true);
  });

  it('decisions 3: the collector leaves alone what an ingest has found and not entered', async () => {
    await store.close();
    const collected: number[] = [];
    store = await openTestLayers({
      async faultPoint(name) {
        if (name !== 'ingest.written') return;
        collected.push((await store.layers.collect(GO_ON)).bases);
      },
    });
    const shared = files(60, 20_000);
    const one = await store.add(gzipSync(makeTar(shared)));
    await store.drop(one);
    const before = store.layers.figures().bases;
    collected.length = 0;
    const second = gzipSync(makeTar([...shared, ...files(1, 10_000, 800)]));
    const two = await store.add(second);
    expect(collected).toEqual([0]);
    // Only the file that is new has come to the bases.
    expect(store.layers.figures().bases - before).toBeLessThan(10_000);
    expect((await store.get(two)).equals(second)).toBe(true);
  });

  it('ingest of what was just dropped and is being collected', async () => {
    const shared = files(300, 20_000);
    const first = gzipSync(makeTar(shared));
    const second = gzipSync(makeTar([...files(1, 10_000, 800), ...shared]));
    const one = await store.add(first);
    await store.drop(one);
    const [two] = await Promise.all([store.add(second), store.layers.collect(GO_ON)]);
    await store.layers.collect(GO_ON);
    expect((await store.get(two)).equals(second)).toBe(true);
  });
});

describe('the queue', () => {
  it('ingests what is put into it, and notes what is refused', async () => {
    const good = gzipSync(makeTar(files(20, 4_000)));
    const bad = noise(1000);
    for (const file of [good, bad]) {
      store.files.set(digestOf(file), file);
      await store.enqueue(digestOf(file));
    }
    await store.enqueue(digestOf(Buffer.from('nobody has it')));
    await store.layers.queue.idle();
    expect((await store.get(digestOf(good))).equals(good)).toBe(true);
    const keys = [...store.segments.kv.keys({ from: 'yq ', to: 'yy' })];
    expect(keys.filter((key) => !key.startsWith('yr') && !key.startsWith('yu'))).toEqual(
      expect.arrayContaining([`yx ${digestOf(bad)}`]),
    );
    expect(keys.some((key) => key.startsWith('yq '))).toBe(false);
  });

  it('is not idle while somebody is told of a layer that has left it', async () => {
    const seen: unknown[] = [];
    const store: TestLayers = await openTestLayers({
      onStored() {
        const { queue, figures } = store.layers;
        seen.push({ queued: figures().queued, isIdle: queue.isIdle });
      },
    });
    const file = gzipSync(makeTar([{ path: 'file', bytes: text(9000) }]));
    store.files.set(digestOf(file), file);
    await store.enqueue(digestOf(file));
    await store.layers.queue.idle();
    expect(seen).toEqual([{ queued: 0, isIdle: false }]);
    expect(store.layers.queue.isIdle).toBe(true);
    await store.close();
  });
});
