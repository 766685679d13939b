/** Layers on a real folder, taken apart and rebuilt by threads. */
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LayerRefusedError, RecipeError } from '../../src/dedup/errors.ts';
import type { IngestHost, TakenApart } from '../../src/dedup/ingest/take-apart.ts';
import { createTakerThreads } from '../../src/dedup/ingest/taker-threads.ts';
import type { LayerTakers } from '../../src/dedup/ingest/takers.ts';
import { type Layers, openLayers } from '../../src/dedup/layers.ts';
import type { RebuildJob } from '../../src/dedup/restore/rebuild-job.ts';
import { createRebuildPool } from '../../src/dedup/restore/rebuild-pool.ts';
import type { Rebuilders } from '../../src/dedup/restore/rebuilders.ts';
import { sleep } from '../../src/lib/sleep.ts';
import { digestOf } from '../../src/oci/digest.ts';
import { openLmdbEngine } from '../../src/storage/kv/lmdb.ts';
import { openKeyValueStore } from '../../src/storage/kv/store.ts';
import { openSegmentStore } from '../../src/storage/segments/store.ts';
import { openFileSystemTarget } from '../../src/storage/target/file-system.ts';
import { text } from '../codec/support/content.ts';
import { makeTar } from '../support/tar.ts';
import { makeTemporary, removeTemporary } from '../support/temporary.ts';
import { GO_ON, sourceOf } from './support/layers.ts';

/** A layer of many sections; those of one seed share all files but one. */
function makeTarOf(seed: number): Buffer {
  const shared = Array.from({ length: 300 }, (_, i) => ({
    path: `file-${i}`,
    bytes: text(50_000 + i, i),
  }));
  return makeTar([{ path: 'own', bytes: text(10_000, 1000 + seed) }, ...shared]);
}

const makeLayer = (seed: number): Buffer => gzipSync(makeTarOf(seed));

/** Takes a layer apart, and throws away what it gives. */
async function takeApart(takers: LayerTakers, file: Buffer): Promise<TakenApart> {
  const host: IngestHost = {
    find: async (hashes) => hashes.map(() => []),
    read: async () => new Map(),
    writeBases: async (bases) => bases.map((_, i) => i + 1),
    storeSection: async () => true,
    storeTree: async () => undefined,
  };
  const chunks = sourceOf(file)(GO_ON);
  return await takers.use(GO_ON, (taker) => taker.take({ format: 'gzip', chunks }, host));
}

describe('layers by threads', { timeout: 120_000 }, () => {
  let folder: string;
  let layers: Layers;
  /** Sections that were rebuilt by those who do it for clients. */
  let rebuilt: number;
  let closeAll: () => Promise<void>;

  beforeEach(async () => {
    folder = await makeTemporary('dedup-threads');
    const kv = openKeyValueStore(openLmdbEngine(join(folder, 'stowage.mdb')));
    const segments = await openSegmentStore({
      kv,
      openTarget: (allocate) => openFileSystemTarget({ root: join(folder, 'segments'), allocate }),
    });
    rebuilt = 0;
    const pool = createRebuildPool(2);
    const rebuilders: Rebuilders = {
      ...pool,
      rebuild(job) {
        rebuilt++;
        return pool.rebuild(job);
      },
    };
    const parts = { kv, segments, rebuilders, takers: createTakerThreads(2) };
    layers = openLayers(parts, { source: () => undefined });
    closeAll = async () => {
      await layers.close();
      await segments.close();
      await kv.close();
    };
  });
  afterEach(async () => {
    await closeAll();
    await removeTemporary(folder);
  });

  async function read(file: Buffer, range?: { start: number; end: number }): Promise<Buffer> {
    const blocks: Buffer[] = [];
    const options = { signal: GO_ON, ...(range && { range }) };
    for await (const block of layers.restore(digestOf(file), options)) blocks.push(block);
    return Buffer.concat(blocks);
  }

  it('come back bit for bit, whole and in part, several at the same time', async () => {
    const ingest = (file: Buffer): Promise<unknown> =>
      layers.ingest(digestOf(file), sourceOf(file), GO_ON);
    const files = [makeLayer(1), makeLayer(2), makeLayer(3)];
    await Promise.all(files.map(ingest));
    files.push(makeTarOf(4), makeTarOf(5));
    await Promise.all(files.slice(-2).map(ingest));
    const middle = { start: 1_000_000, end: 1_300_000 };
    await Promise.all(
      files.map(async (file) => {
        expect((await read(file)).equals(file)).toBe(true);
        expect((await read(file, middle)).equals(file.subarray(middle.start, middle.end))).toBe(
          true,
        );
      }),
    );
    const { bases, structure, gaps, patches, index } = layers.figures();
    expect(bases + structure + gaps + patches + index).toBeLessThan(1.3 * files[0]!.length);
  });

  it('are verified by the threads that took them apart, which let clients go first', async () => {
    const file = makeLayer(6);
    expect(await layers.ingest(digestOf(file), sourceOf(file), GO_ON)).toBe('stored');
    expect(rebuilt).toBe(0);
    expect((await read(file)).equals(file)).toBe(true);
    expect(rebuilt).toBeGreaterThan(0);
  });

  it('that are refused, or broken off, leave the threads fit for the next', async () => {
    const file = makeLayer(4);
    const cut = file.subarray(0, file.length / 2);
    await expect(layers.ingest(digestOf(cut), sourceOf(cut), GO_ON)).rejects.toThrow(
      LayerRefusedError,
    );
    const stop = new AbortController();
    const broken = layers.ingest(digestOf(file), sourceOf(file), stop.signal);
    setTimeout(() => stop.abort(new Error('no time')), 50);
    await expect(broken).rejects.toThrow('no time');
    await layers.ingest(digestOf(file), sourceOf(file), GO_ON);
    expect((await read(file)).equals(file)).toBe(true);
  });
});

describe('threads that take layers apart', { timeout: 120_000 }, () => {
  /** Threads that are started for two layers, one after the other. */
  async function startedFor(takers: LayerTakers): Promise<number> {
    let started = 0;
    const count = (): void => void started++;
    process.on('worker', count);
    try {
      for (const seed of [1, 2]) {
        const { isOpaque } = await takeApart(takers, makeLayer(seed));
        expect(isOpaque).toBe(false);
      }
    } finally {
      process.off('worker', count);
      await takers.close();
    }
    return started;
  }

  it('take one layer after the other', async () => {
    expect(await startedFor(createTakerThreads(1))).toBe(1);
  });

  /** A layer that nothing makes, and the sections that do not make it. */
  const EXPECTED = { digest: digestOf(Buffer.from('x')), size: 1, sums: new Uint8Array(16) };
  async function* nonsense(): AsyncGenerator<RebuildJob, void> {
    for (;;) {
      yield { bases: [], section: [new Uint8Array(100).fill(255)], startBit: 0, endBit: 80 };
    }
  }

  it('say what does not come back, or what the sections throw', async () => {
    const takers = createTakerThreads(1);
    await takers.use(GO_ON, async (taker) => {
      await expect(taker.verify(EXPECTED, nonsense())).rejects.toThrow(RecipeError);
    });
    const lost = nonsense();
    lost.next = () => Promise.reject(new Error('cannot be read'));
    await takers.use(GO_ON, async (taker) => {
      await expect(taker.verify(EXPECTED, lost)).rejects.toThrow('cannot be read');
    });
    expect(await startedFor(takers)).toBe(1);
  });

  it('leave nobody waiting when they end', async () => {
    const takers = createTakerThreads(1);
    await takers.use(GO_ON, async (taker) => {
      const silent = nonsense();
      silent.next = async () => {
        await sleep(500, GO_ON);
        return { done: true, value: undefined };
      };
      const verified = taker.verify(EXPECTED, silent);
      verified.catch(() => undefined);
      await takers.close();
      await expect(verified).rejects.toThrow('an ingesting thread ended');
    });
  });

  it('end after a layer that has left too much', async () => {
    expect(await startedFor(createTakerThreads(1, 1024))).toBe(2);
  });
});
