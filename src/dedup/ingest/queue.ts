/** Layers that wait to be ingested. The queue is durable, so a restart goes on where it was. */
import { sleep } from '../../lib/sleep.ts';
import type { Digest } from '../../oci/digest.ts';
import { change } from '../../storage/metadata/changes.ts';
import { keys, lastPart, ranges } from '../../storage/metadata/keys.ts';
import type { QueuedLayerRecord, RefusedLayerRecord } from '../catalog/records.ts';
import type { DedupContext } from '../context.ts';
import { LayerRefusedError, type RefusalReason } from '../errors.ts';
import type { IngestResult, LayerSource } from './ingest.ts';

/** Milliseconds after which a layer is tried again whose ingest failed for want of disk or luck. */
const RETRY_AFTER = 60_000;

/** How layers of the queue are ingested. */
export interface QueueWork {
  /** The bytes of a layer; undefined when there is no such layer any more. */
  source(digest: Digest): LayerSource | undefined;
  ingest(digest: Digest, source: LayerSource, signal: AbortSignal): Promise<IngestResult>;
  /** Layers at once. */
  readonly concurrency: number;
}

/** The queue of one process. */
export interface IngestQueue {
  /** Adds a layer, unless it has a recipe or was refused. Resolves when that is durable. */
  add(digest: Digest): Promise<void>;
  /** Resolves when nothing is left to do but what has to be tried again later. */
  idle(): Promise<void>;
  /** Ends what is under way; it stays in the queue. */
  close(): Promise<void>;
}

/** Whether a layer needs no ingest. */
function isSettled(kv: { has(key: string): boolean }, digest: Digest): boolean {
  return kv.has(keys.recipe(digest)) || kv.has(keys.refusedLayer(digest));
}

/** Notes that a layer is kept as it is, and why. */
async function refuse(
  { kv, clock }: DedupContext,
  digest: Digest,
  reason: RefusalReason,
): Promise<void> {
  await change(kv, (changes) => {
    const record = { reason, at: clock() } satisfies RefusedLayerRecord;
    changes.put(keys.refusedLayer(digest), record);
    changes.tx.remove(keys.queuedLayer(digest));
  });
}

/** Starts to work on what is in the queue. */
export function startQueue(context: DedupContext, work: QueueWork): IngestQueue {
  const { kv, clock, logger } = context;
  const stop = new AbortController();
  const { signal } = stop;
  /** Layers that are worked on, and those that are left alone for a while. */
  const busy = new Set<Digest>();
  const resting = new Set<Digest>();
  const workers = new Set<Promise<void>>();

  const drop = (digest: Digest): Promise<unknown> =>
    change(kv, ({ tx }) => tx.remove(keys.queuedLayer(digest)));

  async function rest(digest: Digest): Promise<void> {
    resting.add(digest);
    await sleep(RETRY_AFTER, signal).catch(() => undefined);
    resting.delete(digest);
    wake();
  }

  async function handle(digest: Digest): Promise<void> {
    try {
      const source = isSettled(kv, digest) ? undefined : work.source(digest);
      if (source !== undefined) await work.ingest(digest, source, signal);
      await drop(digest);
    } catch (error) {
      if (error instanceof LayerRefusedError) {
        logger.info({ err: error, digest }, 'layer kept as it is');
        await refuse(context, digest, error.reason);
      } else {
        throw error;
      }
    }
  }

  function nextLayer(): Digest | undefined {
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
    } catch (error) {
      if (!signal.aborted) {
        logger.warn({ err: error, digest }, 'ingest failed, will be tried again');
        void rest(digest);
      }
    }
    busy.delete(digest);
  }

  function wake(): void {
    while (!signal.aborted && workers.size < work.concurrency) {
      const digest = nextLayer();
      if (digest === undefined) return;
      busy.add(digest);
      const worker = workOn(digest).finally(() => {
        workers.delete(worker);
        wake();
      });
      workers.add(worker);
    }
  }

  wake();
  return {
    async add(digest) {
      await change(kv, (changes) => {
        if (isSettled(changes.tx, digest)) return;
        if (changes.tx.has(keys.queuedLayer(digest))) return;
        changes.put(keys.queuedLayer(digest), { at: clock() } satisfies QueuedLayerRecord);
      });
      wake();
    },
    async idle() {
      while (workers.size > 0) await Promise.all(workers);
    },
    async close() {
      stop.abort(new Error('the store is being closed'));
      await Promise.all(workers);
    },
  };
}
