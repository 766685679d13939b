/** Stores with layers that tests run on: everything in memory, and all work on this thread. */
import {
  assembleLayerStore,
  type LayerStore,
  type LayerStoreOptions,
} from '../../../src/dedup/layer-store.ts';
import type { DedupPolicy } from '../../../src/dedup/policy.ts';
import { findBlob } from '../../../src/storage/blobs.ts';
import { findContent, readContent } from '../../../src/storage/content.ts';
import type { StoreSettings } from '../../../src/storage/context.ts';
import type { Store, StoreOptions } from '../../../src/storage/store.ts';
import { createMemoryFiles, createMemoryTarget } from '../../../src/storage/target/memory.ts';
import { findContradictions } from '../../storage/support/consistency.ts';
import { pushBlob } from '../../storage/support/content.ts';
import {
  memoryPlace,
  openTestStore,
  type StorePlace,
  type TestStore,
} from '../../storage/support/stores.ts';
import { GO_ON, localRebuilders, localTakers } from './layers.ts';

/** Everything is taken apart, and no intact copy stays. */
export const AT_ONCE: DedupPolicy = {
  minSize: 0,
  minAge: 0,
  intactBudget: 0,
  allows: () => true,
  everywhere: true,
};

/** Nothing is taken apart. */
export const OFF: DedupPolicy = { ...AT_ONCE, allows: () => false, everywhere: false };

/** A store with layers under test. */
export interface TestLayerStore {
  readonly test: TestStore;
  readonly store: Store;
  readonly layers: LayerStore;
  /** Files of the segments. */
  readonly segments: ReturnType<typeof createMemoryFiles>;
  push(repository: string, bytes: Uint8Array): Promise<string>;
  /** What a GET gives; undefined when the blob counts as absent. */
  pull(repository: string, digest: string): Promise<Buffer | undefined>;
  /** Whether the layer is kept as a recipe only; undefined when it counts as absent. */
  isRecipe(digest: string): boolean | undefined;
  /** Waits until what can be ingested and dropped has been. */
  settled(): Promise<void>;
  /** Damages all segments by flipping a bit in each of their bytes behind the header. */
  spoilSegments(): void;
  reopen(options?: Partial<LayerStoreOptions>): Promise<void>;
  /** What contradicts what in the database. */
  contradictions(): string[];
  close(): Promise<void>;
}

/** How it is opened. */
export interface TestLayerStoreOptions {
  readonly place?: StorePlace;
  readonly store?: StoreOptions;
  readonly settings?: Partial<StoreSettings>;
  readonly layers?: Partial<LayerStoreOptions>;
}

/** Opens a store with layers; leases never end, deletes are final. */
export async function openTestLayerStore({
  place = memoryPlace(),
  store: storeOptions = {},
  settings = {},
  layers: layerOptions = {},
}: TestLayerStoreOptions = {}): Promise<TestLayerStore> {
  const segments = createMemoryFiles();
  const test = await openTestStore(place, {
    settings: { lease: 1e12, undo: 0, reserve: 0, ...settings },
    ...storeOptions,
  });
  let used: LayerStoreOptions = { policy: AT_ONCE, ...layerOptions };
  const open = (): Promise<LayerStore> =>
    assembleLayerStore(
      test.store,
      {
        openTarget: async (allocate) => createMemoryTarget({ files: segments, allocate }),
        rebuilders: localRebuilders(),
        takers: localTakers(),
      },
      used,
    );
  let layers = await open();
  return {
    test,
    get store() {
      return test.store;
    },
    get layers() {
      return layers;
    },
    segments,
    push: (repository, bytes) => pushBlob(test.store, repository, bytes),
    async pull(repository, digest) {
      let content = findBlob(test.store.context, repository, digest);
      if (content !== undefined && content.record.recipe !== true) {
        const bytes = await readContent(test.store.context, content);
        if (bytes !== undefined) return bytes;
        // Dropped meanwhile: looks again, as a GET does.
        content = findBlob(test.store.context, repository, digest);
      }
      if (content?.record.recipe !== true) return undefined;
      const blocks: Buffer[] = [];
      const range = { start: 0, end: content.size };
      for await (const block of layers.restore(digest, { range, signal: GO_ON })) {
        blocks.push(Buffer.from(block));
      }
      return Buffer.concat(blocks);
    },
    isRecipe(digest) {
      const content = findContent(test.store.context, digest);
      return content && content.record.recipe === true;
    },
    settled: () => layers.settled(),
    spoilSegments() {
      for (const [id, bytes] of segments.written) {
        const spoiled = Buffer.from(bytes);
        for (let at = 32; at < spoiled.length; at++) spoiled[at]! ^= 1;
        segments.written.set(id, spoiled);
      }
    },
    async reopen(others = {}) {
      await layers.close();
      await test.reopen();
      used = { ...used, ...others };
      layers = await open();
    },
    contradictions: () => findContradictions(test.store.context.kv),
    async close() {
      await layers.close();
      await test.close();
    },
  };
}
