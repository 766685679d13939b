/** An empty store of layers on a real folder, as the benchmarks use it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTakerThreads } from '../../src/dedup/ingest/taker-threads.ts';
import { type Layers, openLayers } from '../../src/dedup/layers.ts';
import { createRebuildPool } from '../../src/dedup/restore/rebuild-pool.ts';
import { openLmdbEngine } from '../../src/storage/kv/lmdb.ts';
import { openKeyValueStore } from '../../src/storage/kv/store.ts';
import type { KeyValueStore } from '../../src/storage/kv/types.ts';
import { openSegmentStore } from '../../src/storage/segments/store.ts';
import { openFileSystemTarget } from '../../src/storage/target/file-system.ts';

/** The metadata in the folder of a store. */
export const DATABASE = 'stowage.mdb';

/** Settings of a server that takes layers of any size apart at once, and keeps no copy as it was pushed. */
export const AT_ONCE = {
  STOWAGE_DEDUP__MIN_AGE: '0s',
  STOWAGE_DEDUP__MIN_SIZE: '0',
  STOWAGE_DEDUP__INTACT_BUDGET: '0',
};

/** A store and the folder that it lies in. */
export interface BenchStore {
  readonly folder: string;
  readonly kv: KeyValueStore;
  readonly layers: Layers;
}

/** Opens the store in a folder, which may be empty. `await using` closes it. */
export async function openBenchStore(
  folder: string,
  threads: number,
): Promise<BenchStore & AsyncDisposable> {
  const kv = openKeyValueStore(openLmdbEngine(join(folder, DATABASE)));
  const segments = await openSegmentStore({
    kv,
    openTarget: (allocate) => openFileSystemTarget({ root: join(folder, 'segments'), allocate }),
  });
  const layers = openLayers(
    {
      kv,
      segments,
      rebuilders: createRebuildPool(threads),
      takers: createTakerThreads(threads),
    },
    // What is measured is restoring.
    { source: () => undefined, memory: { cache: 0 } },
  );
  return {
    folder,
    kv,
    layers,
    async [Symbol.asyncDispose]() {
      await layers.close();
      await segments.close();
      await kv.close();
    },
  };
}

/** Runs `work` with an empty store in a new folder, which is removed afterwards. */
export async function withStore(
  threads: number,
  work: (store: BenchStore) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'stowage-bench-dedup-'));
  try {
    await using store = await openBenchStore(folder, threads);
    await work(store);
  } finally {
    await rm(folder, { recursive: true });
  }
}
