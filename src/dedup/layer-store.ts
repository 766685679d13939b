/**
 * The layers of a store: pushed blobs are ingested in the background, lose their intact copies when
 * the policy says so, and come back from their recipes. Put together from the parts of this floor,
 * and entered in the store's hooks.
 */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { makeFolder, syncFolder } from '../lib/files.ts';
import type { Digest } from '../oci/digest.ts';
import type { StoreLogger } from '../storage/context.ts';
import type { NewBlob } from '../storage/hooks.ts';
import type { Changes } from '../storage/metadata/changes.ts';
import { keys } from '../storage/metadata/keys.ts';
import type { SegmentFaultPoint } from '../storage/segments/context.ts';
import {
  openSegmentStore,
  type SegmentFigures,
  type SegmentOptions,
  type SegmentParts,
} from '../storage/segments/store.ts';
import type { Store } from '../storage/store.ts';
import { openFileSystemTarget } from '../storage/target/file-system.ts';
import { loseRecipe, settleDamage } from './catalog/damage.ts';
import { noteIntactCopy } from './catalog/intact-copies.ts';
import { releaseOrphans } from './catalog/orphans.ts';
import type { DedupTotals } from './catalog/records.ts';
import { noteRefusal } from './catalog/waiting.ts';
import type { DedupFaultPoint } from './context.ts';
import { type LayerDamagedError, LayersClosedError } from './errors.ts';
import { createFileStore, type FileStore } from './files/file-store.ts';
import { queueBacklog } from './ingest/backlog.ts';
import { createIngestGate } from './ingest/gate.ts';
import { refusalBy } from './ingest/sniff.ts';
import { createTakerThreads } from './ingest/taker-threads.ts';
import type { LayerTakers } from './ingest/takers.ts';
import { startDropper } from './intact/drop.ts';
import { createLastUse } from './intact/last-use.ts';
import { intactSource } from './intact/source.ts';
import { createUndo, type Undo } from './intact/undo.ts';
import { type LayerWork, openLayers } from './layers.ts';
import { type DedupPolicy, mayTakeApart } from './policy.ts';
import type { ByteRange } from './restore/checked-blocks.ts';
import { createRebuildPool } from './restore/rebuild-pool.ts';
import type { Rebuilders } from './restore/rebuilders.ts';
import type { RestoreMemory, RestoreWork } from './restore/restore.ts';
import { warmUp } from './restore/warm-up.ts';
import { spotCheck } from './spot-check.ts';

/** What layers are kept in, and who works on them; all of it is closed with the layers. */
export interface LayerStoreParts {
  readonly openTarget: SegmentParts['openTarget'];
  readonly rebuilders: Rebuilders;
  readonly takers: LayerTakers;
}

/** How the layers of a store are opened. */
export interface LayerStoreOptions {
  readonly policy: DedupPolicy;
  /** Whether clients are being served, or were a moment ago; ingest then makes way. Default: never. */
  readonly isBusy?: () => boolean;
  /** Whether layers are ingested and copies dropped by themselves. Default true. */
  readonly background?: boolean;
  /** Whether everything is got ready for the first pull. Default false. */
  readonly warmsUp?: boolean;
  readonly faultPoint?: (name: DedupFaultPoint | SegmentFaultPoint) => void | Promise<void>;
  readonly segments?: Pick<SegmentOptions, 'segmentSize' | 'rules'>;
  readonly memory?: RestoreMemory;
}

/** What the layers take, and what was done since they were opened. */
export interface LayerFigures {
  readonly totals: DedupTotals;
  readonly segments: SegmentFigures;
  readonly ingested: LayerWork;
  readonly restored: RestoreWork;
  /** Restores that were broken off because the layer was damaged. */
  readonly damaged: number;
  /** Layers that will be tried again, since their ingest failed. */
  readonly resting: number;
  /** False when nothing is left to be ingested or dropped now. */
  readonly isWorking: boolean;
  /** True when ingest waits for free space. */
  readonly isShort: boolean;
}

/** The layers of a store. */
export interface LayerStore {
  readonly policy: DedupPolicy;
  /**
   * The bytes of a layer that has a recipe, or of a stretch of it, each checked before it is given.
   * Nobody changes or frees what is given, for others may have it too; `giveBackBlock` is for those who
   * need it no more. Waits while as many restores as memory allows are under way, unless it can share
   * one of them; the end of the generator makes room.
   * @throws LayerUnknownError, LayerDamagedError instead of wrong bytes, the signal's reason,
   *   LayersClosedError
   */
  restore(
    digest: Digest,
    options: { readonly range: ByteRange; readonly signal: AbortSignal },
  ): AsyncGenerator<Buffer, void>;
  /** Files of layers. */
  readonly files: FileStore;
  figures(): LayerFigures;
  readonly undo: Undo;
  /** Resolves when what can be ingested and dropped now has been. */
  settled(): Promise<void>;
  /** Ends what is under way; the store is closed by its owner afterwards. */
  close(): Promise<void>;
}

/** Opens the layers of a store, from parts that they then own. */
export async function assembleLayerStore(
  store: Store,
  parts: LayerStoreParts,
  options: LayerStoreOptions,
): Promise<LayerStore> {
  const { context, space } = store;
  const { kv, clock, hooks } = context;
  const { policy } = options;
  const logger: StoreLogger = context.logger;
  const faultPoint = options.faultPoint ?? (() => undefined);
  const isActive = (options.background ?? true) && policy.everywhere !== false;
  const stop = new AbortController();
  const { signal } = stop;
  const lastUse = createLastUse(clock);
  let damaged = 0;
  let isScanning = false;
  let settling: Promise<unknown> = Promise.resolve();

  const segments = await openSegmentStore(
    { kv, openTarget: parts.openTarget },
    { clock, logger, faultPoint, ...options.segments },
  );
  await space.look();

  /** Room as it was seen within the last second or so; a look at the disk is begun in passing. */
  function hasSpace(): boolean {
    void Promise.resolve(space.allows(0)).catch(() => undefined);
    const { free, reserve } = space.last!;
    return free >= reserve;
  }

  const dropper = startDropper({ store: context, policy, lastUse, isActive, faultPoint });
  const gate = createIngestGate({ isBusy: options.isBusy ?? (() => false), hasSpace });
  const layers = openLayers(
    { kv, segments, rebuilders: parts.rebuilders, takers: parts.takers },
    {
      clock,
      logger,
      faultPoint,
      gate: { ...gate, isOpen: () => isActive && gate.isOpen() },
      source: (digest) =>
        mayTakeApart(policy, kv, digest) ? intactSource(context, digest) : undefined,
      isIntact: (digest) => store.scrub.check(digest),
      onStored: (digest) => dropper.consider(digest),
      ...(options.memory !== undefined && { memory: options.memory }),
      onDamage,
      onGroupDamage: () => aside(settleDamage(damageParts, signal), 'damage not settled'),
    },
  );
  const damageParts = { store: context, layers, damaged: () => segments.damaged() };

  /** Work of its own, of which nobody waits for the result. */
  function aside(work: Promise<unknown>, what: string): void {
    const settled = work.catch((error: unknown) => {
      if (!signal.aborted) logger.error({ err: error }, what);
    });
    settling = Promise.all([settling, settled]);
  }

  function onDamage(error: LayerDamagedError): void {
    damaged++;
    const reason = error.cause instanceof Error ? error.cause.message : error.message;
    const settle = async (): Promise<void> => {
      await loseRecipe(damageParts, error, reason);
      await faultPoint('damage.committed');
      await settleDamage(damageParts, signal);
    };
    aside(settle(), 'damage not settled');
  }

  function blobAdded(changes: Changes, { digest, size, repository, head }: NewBlob): void {
    if (changes.tx.has(keys.recipe(digest))) {
      noteIntactCopy(changes, digest, size);
      changes.afterwards(async () => dropper.consider(digest));
    } else if (size >= policy.minSize && policy.allows(repository)) {
      const reason = head && refusalBy(head);
      if (reason === undefined) layers.queue.add(changes, digest);
      // It need not be read again, and no commit of its own is made for it.
      else noteRefusal(changes, digest, { reason, at: clock() });
    }
  }

  hooks.blobAdded = blobAdded;
  hooks.blobUsed = (digest, size) => {
    if (size >= policy.minSize) lastUse.note(digest);
  };
  hooks.collect = async (stopped) => {
    const both = AbortSignal.any([stopped, signal]);
    await settleDamage(damageParts, both);
    await releaseOrphans(context, both);
    const { recipes } = await layers.collect(both);
    await segments.compact(both);
    return recipes;
  };
  hooks.scrubbed = {
    bytes: () => segments.figures().live,
    async scrub(rate, stopped) {
      const both = AbortSignal.any([stopped, signal]);
      const report = await segments.scrub(rate, both);
      await settleDamage(damageParts, both);
      const damagedLayers = await spotCheck(kv, layers, both);
      return { bytes: report.bytes, damaged: report.damaged + damagedLayers };
    },
  };
  aside(settleDamage(damageParts, signal), 'damage not settled');
  if (isActive) {
    isScanning = true;
    const scan = queueBacklog(context, policy, { queue: layers.queue, signal }).finally(() => {
      isScanning = false;
    });
    aside(scan, 'backlog not gone over');
  }
  if (options.warmsUp ?? false) aside(warmUp(kv, layers, signal), 'not ready for the first pull');
  const undo = createUndo({ store: context, layers, policy, space, faultPoint });

  const restore: LayerStore['restore'] = (digest, { range, signal: wanted }) =>
    layers.restore(digest, { range, signal: AbortSignal.any([wanted, signal]) });

  return {
    policy,
    restore,
    files: createFileStore({ store: context, stored: layers.files, restore }),
    figures() {
      const totals = layers.figures();
      const { resting, isIdle } = layers.queue;
      const isDone = isIdle && dropper.isIdle && !isScanning && totals.queued <= resting;
      return {
        totals,
        segments: segments.figures(),
        ...layers.work(),
        damaged,
        resting,
        isWorking: isActive && !isDone,
        isShort: !hasSpace(),
      };
    },
    undo,
    async settled() {
      await settling;
      await kv.settled();
      await layers.queue.idle();
      if (isActive) await dropper.round();
      await dropper.idle();
    },
    async close() {
      stop.abort(new LayersClosedError());
      // What they call is of no use afterwards.
      await Promise.all([store.collector.close(), store.scrub.close()]);
      await Promise.all([dropper.close(), undo.close(), settling]);
      await layers.close();
      await segments.close();
    },
  };
}

/** Opens the layers of the store in a folder; threads for them start when there is something to do. */
export async function openLayerStore(
  store: Store,
  folder: string,
  options: LayerStoreOptions,
): Promise<LayerStore> {
  const threads = availableParallelism();
  return await assembleLayerStore(
    store,
    {
      async openTarget(allocate) {
        const root = join(folder, 'segments');
        await makeFolder(root);
        await syncFolder(folder);
        return await openFileSystemTarget({ root, allocate });
      },
      rebuilders: createRebuildPool(threads),
      takers: createTakerThreads(threads),
    },
    { warmsUp: options.background ?? true, ...options },
  );
}
