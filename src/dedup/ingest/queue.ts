/** Layers that wait to be ingested. The queue is durable, so a restart goes on where it was. */
import { sleep } from '../../lib/sleep.ts';
import type { Digest } from '../../oci/digest.ts';
import { type Changes, change } from '../../storage/metadata/changes.ts';
import { keys, lastPart, ranges } from '../../storage/metadata/keys.ts';
import {
  forgetQueued,
  forgetRefusal,
  isSettled,
  noteQueued,
  noteRefusal,
} from '../catalog/waiting.ts';
import type { DedupContext } from '../context.ts';
import { LayerRefusedError, type RefusalReason } from '../errors.ts';
import type { IngestGate } from './gate.ts';
import type { IngestResult, LayerSource } from './ingest.ts';

/** Milliseconds until a layer is tried again whose ingest failed for want of disk or luck. */
const FIRST_PAUSE = 60_000;
const LONGEST_PAUSE = 3_600_000;
/** Layers that are left alone at once; when there are so many, what fails is not the layers. */
const MAX_RESTING = 64;
/** Of what is only noted: it goes with the commits of pushes, where there are any. */
const STAND_BACK = { patient: true } as const;
/** Milliseconds between two looks at a gate that is shut. */
const LOOK_AGAIN = 1000;

/** Refusals that may as well come from bytes that were damaged after their push. */
const MAY_BE_DAMAGE: ReadonlySet<RefusalReason> = new Set(['broken', 'structure', 'not-exact']);

/** Milliseconds after which a layer is tried again. @param failures - in a row, from 1 */
export function retryPause(failures: number): number {
  return Math.min(FIRST_PAUSE * 2 ** (failures - 1), LONGEST_PAUSE);
}

/** How layers of the queue are ingested. */
export interface QueueWork {
  /** The bytes of a layer; undefined when there is no such layer any more, or it is to stay as it is. */
  source(digest: Digest): LayerSource | undefined;
  ingest(digest: Digest, source: LayerSource, signal: AbortSignal): Promise<IngestResult>;
  /**
   * Looks at the bytes of a layer that could not be taken apart, or did not come back as they were.
   * @returns false when they were damaged before; they are out of service then
   */
  isIntact(digest: Digest): Promise<boolean>;
  /** Called when a layer has got a recipe. */
  stored(digest: Digest): void;
  readonly gate: IngestGate;
  /** Layers at once. */
  readonly concurrency: number;
}

/** The queue of one process. */
export interface IngestQueue {
  /**
   * Adds a layer as a part of a transaction, unless it has a recipe. Work on it begins when that is
   * durable. That it was refused before is forgotten: its bytes have come anew.
   */
  add(changes: Changes, digest: Digest): void;
  /** Adds a layer whose recipe is taken away by the same transaction. */
  requeue(changes: Changes, digest: Digest): void;
  /** Resolves when nothing is left to do but what has to be tried again later, or waits for the gate. */
  idle(): Promise<void>;
  /** Layers that are left alone for a while because their ingest failed. */
  readonly resting: number;
  /** False while a layer is worked on, also when it has left the queue. */
  readonly isIdle: boolean;
  /** Ends what is under way; it stays in the queue. */
  close(): Promise<void>;
}

/** Starts to work on what is in the queue. */
export function startQueue(context: DedupContext, work: QueueWork): IngestQueue {
  const { kv, clock, logger } = context;
  const stop = new AbortController();
  const { signal } = stop;
  /** Layers that are worked on, and those that are left alone for a while. */
  const busy = new Set<Digest>();
  const resting = new Set<Digest>();
  /** How often in a row a layer has failed. */
  const failures = new Map<Digest, number>();
  const workers = new Set<Promise<void>>();
  let isWaiting = false;

  const drop = (digest: Digest): Promise<unknown> =>
    change(kv, (changes) => forgetQueued(changes, digest), STAND_BACK);

  async function rest(digest: Digest): Promise<void> {
    const count = (failures.get(digest) ?? 0) + 1;
    failures.set(digest, count);
    resting.add(digest);
    await sleep(retryPause(count), signal).catch(() => undefined);
    resting.delete(digest);
    wake();
  }

  async function refuse(digest: Digest, error: LayerRefusedError): Promise<void> {
    const { reason } = error;
    if (MAY_BE_DAMAGE.has(reason) && !(await work.isIntact(digest))) {
      return void (await drop(digest));
    }
    logger.info({ err: error, digest }, 'layer kept as it is');
    await change(
      kv,
      (changes) => noteRefusal(changes, digest, { reason, at: clock() }),
      STAND_BACK,
    );
  }

  async function handle(digest: Digest): Promise<void> {
    const source = isSettled(kv, digest) ? undefined : work.source(digest);
    if (source === undefined) return void (await drop(digest));
    let result: IngestResult;
    try {
      result = await work.ingest(digest, source, signal);
    } catch (error) {
      if (error instanceof LayerRefusedError) return await refuse(digest, error);
      throw error;
    }
    // With a new recipe it has left the queue already.
    if (result !== 'stored') await drop(digest);
    work.stored(digest);
  }

  function nextLayer(): Digest | undefined {
    if (resting.size >= MAX_RESTING) return undefined;
    const limit = busy.size + resting.size + 1;
    for (const key of kv.keys({ ...ranges.queuedLayers(), limit })) {
      const digest = lastPart(key);
      if (!busy.has(digest) && !resting.has(digest)) return digest;
    }
    return undefined;
  }

  async function workOn(digest: Digest): Promise<void> {
    try {
      await handle(digest);
      failures.delete(digest);
    } catch (error) {
      if (!signal.aborted) {
        logger.warn({ err: error, digest }, 'ingest failed, will be tried again');
        void rest(digest);
      }
    }
    busy.delete(digest);
  }

  async function waitForGate(): Promise<void> {
    if (isWaiting) return;
    isWaiting = true;
    await sleep(LOOK_AGAIN, signal).catch(() => undefined);
    isWaiting = false;
    wake();
  }

  function wake(): void {
    while (!signal.aborted && workers.size < work.concurrency) {
      const digest = nextLayer();
      if (digest === undefined) return;
      if (!work.gate.isOpen()) return void waitForGate();
      busy.add(digest);
      const worker = workOn(digest).finally(() => {
        workers.delete(worker);
        wake();
      });
      workers.add(worker);
    }
  }

  function requeue(changes: Changes, digest: Digest): void {
    forgetRefusal(changes, digest);
    noteQueued(changes, digest, clock());
    changes.afterwards(async () => wake());
  }

  wake();
  return {
    add(changes, digest) {
      if (!changes.tx.has(keys.recipe(digest))) requeue(changes, digest);
    },
    requeue,
    async idle() {
      while (workers.size > 0) await Promise.all(workers);
    },
    get resting() {
      return resting.size;
    },
    get isIdle() {
      return workers.size === 0;
    },
    async close() {
      stop.abort(new Error('the store is being closed'));
      await Promise.all(workers);
    },
  };
}
