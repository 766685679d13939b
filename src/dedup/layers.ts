/**
 * Layers that are kept as recipes: taken apart into files that are stored once, and given back bit
 * for bit. This is what the floors above see of this one.
 */
import type { Digest } from '../oci/digest.ts';
import { SILENT, type StoreLogger } from '../storage/context.ts';
import type { KeyValueStore } from '../storage/kv/types.ts';
import type { Clock } from '../storage/leases.ts';
import type { Changes } from '../storage/metadata/changes.ts';
import type { SegmentStore } from '../storage/segments/store.ts';
import type { GroupId } from '../storage/segments/types.ts';
import { findAffected } from './catalog/affected.ts';
import {
  collectRecipes,
  type DedupCollection,
  findRecipe,
  looseRecipe,
} from './catalog/recipes.ts';
import type { DedupTotals } from './catalog/records.ts';
import { readTotals } from './catalog/totals.ts';
import type { DedupContext } from './context.ts';
import { LayerDamagedError } from './errors.ts';
import { type IngestResult, ingestLayer, type LayerSource } from './ingest/ingest.ts';
import { type IngestQueue, type QueueWork, startQueue } from './ingest/queue.ts';
import { createReservations } from './ingest/reservations.ts';
import type { LayerTakers } from './ingest/takers.ts';
import { createRecipeOpener } from './restore/open-recipe.ts';
import type { Rebuilders } from './restore/rebuilders.ts';
import { type ByteRange, restoreRecipe } from './restore/restore.ts';

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
  /** Called when a restore has found that a layer cannot be rebuilt. */
  readonly onDamage?: (error: LayerDamagedError) => void;
  readonly faultPoint?: DedupContext['faultPoint'];
}

/** Layers as recipes. */
export interface Layers {
  /** Bytes of a layer that has a recipe; undefined when it has none. */
  sizeOf(digest: Digest): number | undefined;
  /** Puts a layer into the queue, unless it has a recipe or was refused. */
  enqueue(digest: Digest): Promise<void>;
  /** Resolves when nothing in the queue can be worked on. */
  idle(): Promise<void>;
  /**
   * Ingests a layer now. Does nothing when it has a recipe.
   * @throws LayerRefusedError when it is to stay as it is; what the source throws, CommitError, errors
   *   of the disk, the signal's reason
   */
  ingest(digest: Digest, source: LayerSource, signal: AbortSignal): Promise<IngestResult>;
  /**
   * The bytes of a layer, or of a stretch of it, each checked before it is given.
   * @param range - inside of the layer; default all of it
   * @throws LayerUnknownError, LayerDamagedError instead of wrong bytes, the signal's reason
   */
  restore(
    digest: Digest,
    options: { readonly range?: ByteRange; readonly signal: AbortSignal },
  ): AsyncGenerator<Buffer, void>;
  /** Takes the recipe from a layer, as a part of a transaction; nothing happens when it has none. */
  removeRecipe(changes: Changes, digest: Digest): void;
  /**
   * Frees what no layer needs. Its space comes back by the compaction of the segments.
   * @throws the signal's reason, CommitError; what was done until then stays
   */
  collect(signal: AbortSignal): Promise<DedupCollection>;
  figures(): DedupTotals;
  /** The layers that cannot be rebuilt without these groups. @throws the signal's reason */
  affected(groups: ReadonlySet<GroupId>, signal: AbortSignal): Promise<Digest[]>;
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
  const stop = new AbortController();
  const underWay = new Set<Promise<unknown>>();

  /** Work that `close` ends and waits for. */
  function track<T>(signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const result = work(AbortSignal.any([signal, stop.signal]));
    const settled = result.catch(() => undefined).finally(() => underWay.delete(settled));
    underWay.add(settled);
    return result;
  }

  const ingest: Layers['ingest'] = (digest, source, signal) =>
    track(signal, (both) =>
      takers.use(both, (taker) =>
        ingestLayer(context, { digest, source }, { tools: { taker, reservations }, signal: both }),
      ),
    );
  const queue: IngestQueue = startQueue(context, {
    source: options.source,
    ingest,
    concurrency: takers.count,
  });

  return {
    sizeOf: (digest) => findRecipe(kv, digest)?.size,
    enqueue: (digest) => queue.add(digest),
    idle: () => queue.idle(),
    ingest,
    async *restore(digest, { range, signal }) {
      const both = AbortSignal.any([signal, stop.signal]);
      try {
        const recipe = await recipes.open(digest, both);
        try {
          const all = { start: 0, end: recipe.index.size };
          yield* restoreRecipe(context, recipe, { digest, range: range ?? all, signal: both });
        } finally {
          recipes.release(recipe);
        }
      } catch (error) {
        if (error instanceof LayerDamagedError) options.onDamage?.(error);
        throw error;
      }
    },
    removeRecipe: looseRecipe,
    collect: (signal) => track(signal, (both) => collectRecipes(context, both)),
    figures: () => readTotals(kv),
    affected: (groups, signal) => track(signal, (both) => findAffected(context, groups, both)),
    async close() {
      stop.abort(new Error('the layers are being closed'));
      await queue.close();
      await Promise.all(underWay);
      await Promise.all([takers.close(), rebuilders.close()]);
    },
  };
}
