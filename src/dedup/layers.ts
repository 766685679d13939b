/**
 * Layers that are kept as recipes: taken apart into files that are stored once, and given back bit
 * for bit. This is what the floors above see of this one.
 */
import { freeBytes } from '../lib/free-bytes.ts';
import type { Digest } from '../oci/digest.ts';
import { SILENT, type StoreLogger } from '../storage/context.ts';
import type { KeyValueStore } from '../storage/kv/types.ts';
import type { Clock } from '../storage/leases.ts';
import type { Changes } from '../storage/metadata/changes.ts';
import type { Pace } from '../storage/pace.ts';
import type { SegmentStore } from '../storage/segments/store.ts';
import type { GroupId } from '../storage/segments/types.ts';
import { type AffectedLayer, findAffected } from './catalog/affected.ts';
import {
  collectRecipes,
  type DedupCollection,
  findRecipe,
  looseRecipe,
} from './catalog/recipes.ts';
import type { DedupTotals } from './catalog/records.ts';
import { readTotals } from './catalog/totals.ts';
import { removeDamagedTrees } from './catalog/trees.ts';
import type { DedupContext } from './context.ts';
import { LayerDamagedError, LayersClosedError } from './errors.ts';
import { createStoredFiles, type StoredFiles } from './files/stored-layer.ts';
import { type IngestGate, OPEN_GATE } from './ingest/gate.ts';
import { type IngestResult, ingestLayer, type LayerSource } from './ingest/ingest.ts';
import { type IngestQueue, type QueueWork, startQueue } from './ingest/queue.ts';
import { createReservations } from './ingest/reservations.ts';
import { sniffLayer } from './ingest/sniff.ts';
import type { LayerTakers } from './ingest/takers.ts';
import type { ByteRange } from './restore/checked-blocks.ts';
import { createRecipeOpener } from './restore/open-recipe.ts';
import type { Rebuilders } from './restore/rebuilders.ts';
import { createRestores, type RestoreMemory, type RestoreWork } from './restore/restore.ts';
import { restoreWhole } from './restore/restore-whole.ts';
import type { ReadyRecipe } from './restore/sections.ts';

/** What layers are kept in, and who works on them. */
export interface LayerParts {
  /** Neither is closed with the layers. */
  readonly kv: KeyValueStore;
  readonly segments: SegmentStore;
  /** Closed with the layers. */
  readonly rebuilders: Rebuilders;
  readonly takers: LayerTakers;
}

/** How layers are opened. */
export interface LayerOptions {
  readonly clock?: Clock;
  readonly logger?: StoreLogger;
  /** Gives the bytes of layers that are in the queue; see `QueueWork`. */
  readonly source: QueueWork['source'];
  /** Looks at the bytes of a layer that did not come back. Default: they are sound. */
  readonly isIntact?: QueueWork['isIntact'];
  /** Called when a layer of the queue has got a recipe. */
  readonly onStored?: QueueWork['stored'];
  /** When ingest may work. Default: at any time. */
  readonly gate?: IngestGate;
  /** Called when a restore has found that a layer cannot be rebuilt. */
  readonly onDamage?: (error: LayerDamagedError) => void;
  /** Called when a group cannot be had that a file or a tree needs. */
  readonly onGroupDamage?: () => void;
  readonly faultPoint?: DedupContext['faultPoint'];
  /** Bytes of restored blocks that are kept in memory; tests and benchmarks set others. */
  readonly memory?: RestoreMemory;
}

/** What ingest has done since the layers were opened. */
export interface LayerWork {
  /** Layers, their bytes, and the seconds that it took. */
  readonly layers: number;
  readonly bytes: number;
  readonly seconds: number;
}

/** Layers as recipes. */
export interface Layers {
  /** Bytes of a layer that has a recipe; undefined when it has none. */
  sizeOf(digest: Digest): number | undefined;
  /** Layers that wait to be ingested. */
  readonly queue: Pick<IngestQueue, 'add' | 'requeue' | 'idle' | 'isIdle' | 'resting'>;
  /**
   * Ingests a layer now. Does nothing when it has a recipe.
   * @throws LayerRefusedError when it is to stay as it is; what the source throws, CommitError, errors
   *   of the disk, the signal's reason
   */
  ingest(digest: Digest, source: LayerSource, signal: AbortSignal): Promise<IngestResult>;
  /**
   * The bytes of a layer, or of a stretch of it, each checked before it is given. Nobody changes or
   * frees what is given, for others may have it too; `giveBackBlock` is for those who need it no more.
   * @param range - inside of the layer; default all of it
   * @throws LayerUnknownError, LayerDamagedError instead of wrong bytes, the signal's reason
   */
  restore(
    digest: Digest,
    options: { readonly range?: ByteRange; readonly signal: AbortSignal },
  ): AsyncGenerator<Buffer, void>;
  /**
   * Rebuilds a layer from what is stored of it, and compares it with its digest. Damage is told of.
   * @param pace - slows it down
   * @throws LayerUnknownError, the signal's reason, errors of the system that say nothing about it
   */
  isSound(digest: Digest, pace: Pace, signal: AbortSignal): Promise<boolean>;
  /** Takes the recipe from a layer, as a part of a transaction; nothing happens when it has none. */
  removeRecipe(changes: Changes, digest: Digest): void;
  /**
   * Frees what no layer needs. Its space comes back by the compaction of the segments.
   * @throws the signal's reason, CommitError; what was done until then stays
   */
  collect(signal: AbortSignal): Promise<DedupCollection>;
  figures(): DedupTotals;
  /** The layers that cannot be rebuilt without these groups. @throws the signal's reason */
  affected(groups: ReadonlySet<GroupId>, signal: AbortSignal): Promise<AffectedLayer[]>;
  /** Files of the layers that have a tree. */
  readonly files: StoredFiles;
  /** Takes the trees away that need these groups. @throws the signal's reason, CommitError */
  removeDamagedTrees(groups: ReadonlySet<GroupId>, signal: AbortSignal): Promise<void>;
  /** Layers ingested, and layers and stretches of them restored; what broke off counts with its bytes. */
  work(): { readonly ingested: LayerWork; readonly restored: RestoreWork };
  /** Ends what is under way; layers in the queue stay there. */
  close(): Promise<void>;
}

/** Opens the layers of a store, and goes on with the queue. */
export function openLayers(parts: LayerParts, options: LayerOptions): Layers {
  const { kv, segments, rebuilders, takers } = parts;
  const context: DedupContext = {
    kv,
    segments,
    rebuilders,
    clock: options.clock ?? Date.now,
    logger: options.logger ?? SILENT,
    pins: new Map(),
    readers: new Map(),
    running: new Set(),
    faultPoint: options.faultPoint ?? (() => undefined),
  };
  const reservations = createReservations();
  const recipes = createRecipeOpener(context);
  const restores = createRestores(context, options.memory);
  /** Damage that was told of: all readers of a restore get the same error. */
  const told = new WeakSet<LayerDamagedError>();
  const files = createStoredFiles(context, recipes, options.onGroupDamage ?? (() => undefined));
  const stop = new AbortController();
  const underWay = new Set<Promise<unknown>>();

  /** Work that `close` ends and waits for. */
  function track<T>(signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const result = work(AbortSignal.any([signal, stop.signal]));
    const settled = result.catch(() => undefined).finally(() => underWay.delete(settled));
    underWay.add(settled);
    return result;
  }

  const gate = options.gate ?? OPEN_GATE;
  const ingested = { layers: 0, bytes: 0, seconds: 0 };
  const secondsSince = (began: number): number => (performance.now() - began) / 1000;

  const ingest: Layers['ingest'] = (digest, source, signal) =>
    track(signal, async (both) => {
      if (findRecipe(kv, digest) !== undefined) return 'known';
      const format = await sniffLayer(source, both);
      const turn = gate.enter();
      try {
        const began = performance.now();
        const result = await takers.use(both, (taker) => {
          const tools = { taker, reservations, turn };
          return ingestLayer(context, { digest, format, source }, { tools, signal: both });
        });
        if (result === 'stored') {
          ingested.layers++;
          ingested.bytes += findRecipe(kv, digest)?.size ?? 0;
          ingested.seconds += secondsSince(began);
        }
        return result;
      } finally {
        turn.leave();
      }
    });
  /** Works with the recipe of a layer, and tells of damage that it meets. */
  async function* withRecipe<T>(
    digest: Digest,
    signal: AbortSignal,
    work: (recipe: ReadyRecipe) => AsyncIterable<T>,
  ): AsyncGenerator<T, void> {
    let recipe: ReadyRecipe | undefined;
    try {
      recipe = await recipes.open(digest, signal);
      yield* work(recipe);
    } catch (error) {
      if (error instanceof LayerDamagedError && !told.has(error)) {
        told.add(error);
        options.onDamage?.(error);
      }
      throw error;
    } finally {
      if (recipe !== undefined) recipes.release(recipe);
    }
  }

  const queue: IngestQueue = startQueue(context, {
    source: options.source,
    ingest,
    isIntact: options.isIntact ?? (async () => true),
    stored: options.onStored ?? (() => undefined),
    gate,
    concurrency: takers.count,
  });

  return {
    sizeOf: (digest) => findRecipe(kv, digest)?.size,
    queue,
    ingest,
    async *restore(digest, { range, signal }) {
      const both = AbortSignal.any([signal, stop.signal]);
      both.throwIfAborted();
      yield* withRecipe(digest, both, (recipe) => {
        const all = { start: 0, end: recipe.index.size };
        return restores.read(recipe, { digest, range: range ?? all, signal: both });
      });
    },
    isSound: (digest, pace, signal) =>
      track(signal, async (both) => {
        both.throwIfAborted();
        const options = { digest, signal: both };
        try {
          for await (const block of withRecipe(digest, both, (recipe) =>
            restoreWhole(context, recipe, options),
          )) {
            freeBytes(block);
            if (pace.due()) await pace.rest();
          }
          return true;
        } catch (error) {
          if (error instanceof LayerDamagedError) return false;
          throw error;
        }
      }),
    removeRecipe: looseRecipe,
    collect: (signal) => track(signal, (both) => collectRecipes(context, both)),
    figures: () => readTotals(kv),
    affected: (groups, signal) => track(signal, (both) => findAffected(context, groups, both)),
    files,
    removeDamagedTrees: (groups, signal) =>
      track(signal, (both) => removeDamagedTrees(context, groups, both)),
    work: () => ({ ingested: { ...ingested }, restored: restores.work() }),
    async close() {
      stop.abort(new LayersClosedError());
      await queue.close();
      await restores.close();
      await Promise.all(underWay);
      await Promise.all([takers.close(), rebuilders.close()]);
    },
  };
}
