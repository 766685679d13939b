/** Layer stores that tests run on: everything in memory, and all work on this thread. */

import { MAX_VARIANTS } from '../../../src/dedup/catalog/part-index.ts';
import type { LayerSource } from '../../../src/dedup/ingest/ingest.ts';
import { createLayerTaker } from '../../../src/dedup/ingest/take-apart.ts';
import type { LayerTakers } from '../../../src/dedup/ingest/takers.ts';
import { type LayerOptions, type Layers, openLayers } from '../../../src/dedup/layers.ts';
import { createRebuildBench } from '../../../src/dedup/restore/rebuild-job.ts';
import type { Rebuilders } from '../../../src/dedup/restore/rebuilders.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { change } from '../../../src/storage/metadata/changes.ts';
import {
  memoryPlace,
  openTestSegments,
  type SegmentPlace,
  type TestSegments,
} from '../../storage/segments/support/places.ts';

/** Rebuilds on this thread. */
export function localRebuilders(count = 2): Rebuilders {
  const bench = createRebuildBench();
  return {
    count,
    rebuild: async (job) => bench(job),
    close: async () => undefined,
  };
}

/** Takes apart on this thread. */
export function localTakers(count = 2): LayerTakers {
  return {
    count,
    use: (_, work) => work(createLayerTaker({ maxVariants: MAX_VARIANTS, level: 3 })),
    close: async () => undefined,
  };
}

/** A file in memory, in chunks. */
export function sourceOf(file: Uint8Array, chunkSize = 100_000): LayerSource {
  return async function* read(signal) {
    for (let at = 0; at < file.length; at += chunkSize) {
      signal.throwIfAborted();
      yield file.subarray(at, at + chunkSize);
    }
  };
}

/** A store of layers under test. */
export interface TestLayers {
  readonly segments: TestSegments;
  readonly layers: Layers;
  /** Layers that can be ingested from the queue, by digest. */
  readonly files: Map<string, Buffer>;
  /** Ingests a file. @returns its digest */
  add(file: Buffer): Promise<string>;
  /** The bytes of a layer. */
  get(digest: string, start?: number, end?: number): Promise<Buffer>;
  drop(digest: string): Promise<void>;
  /** Puts a layer into the queue. */
  enqueue(digest: string): Promise<void>;
  /** Bytes of all groups that are alive. */
  bytes(): number;
  close(): Promise<void>;
}

/** Never aborted. */
export const { signal: GO_ON } = new AbortController();

/** Opens an empty store. */
export async function openTestLayers(
  options: Partial<LayerOptions> = {},
  place: SegmentPlace = memoryPlace(),
): Promise<TestLayers> {
  const segments = await openTestSegments(place, { segmentSize: 8 * 1024 * 1024 });
  const { kv, store } = segments;
  const files = new Map<string, Buffer>();
  const layers = openLayers(
    { kv, segments: store, rebuilders: localRebuilders(), takers: localTakers() },
    {
      source(digest) {
        const file = files.get(digest);
        return file === undefined ? undefined : sourceOf(file);
      },
      ...options,
    },
  );
  return {
    segments,
    layers,
    files,
    async add(file) {
      const digest = digestOf(file);
      await layers.ingest(digest, sourceOf(file), GO_ON);
      return digest;
    },
    async get(digest, start = 0, end = layers.sizeOf(digest)!) {
      const blocks: Buffer[] = [];
      const range = { start, end };
      for await (const block of layers.restore(digest, { range, signal: GO_ON }))
        blocks.push(block);
      return Buffer.concat(blocks);
    },
    async drop(digest) {
      await change(kv, (changes) => layers.removeRecipe(changes, digest));
    },
    async enqueue(digest) {
      await change(kv, (changes) => layers.queue.add(changes, digest));
    },
    bytes: () => store.figures().live,
    async close() {
      await layers.close();
      await segments.close();
    },
  };
}
