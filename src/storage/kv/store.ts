/**
 * Transactions and group commit over a database that can only write batches.
 *
 * All work runs on one thread and to its end, so a transaction is simply a function call: it reads
 * through the writes that still wait, and adds its own to the batch that is being gathered. While
 * one batch is being made durable the next one gathers, so pushes that arrive together share a
 * commit, and nobody ever holds a lock.
 */
import { LRUCache } from 'lru-cache';
import { createSortedKeys } from './sorted-keys.ts';
import {
  CommitError,
  type Decode,
  type Entry,
  type KeyRange,
  type KeyValueEngine,
  type KeyValueStore,
  type Transaction,
} from './types.ts';

/** Decoded records that are remembered; a record takes some hundred bytes. */
const MAX_RECORDS = 20_000;

/** Milliseconds for which a batch of patient transactions waits for company. */
const PATIENCE = 50;

interface Batch {
  /** Somebody waits for it. */
  urgent: boolean;
  /** Makes it urgent when its time has come. */
  timer?: NodeJS.Timeout;
  readonly writes: Map<string, Uint8Array | null>;
  readonly done: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** A write that is not durable yet, and the batch that will make it so. */
interface Waiting {
  readonly value: Uint8Array | null;
  readonly batch: Batch;
}

function newBatch(): Batch {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  // Whoever cares awaits it; a batch nobody awaits must not end the process.
  promise.catch(() => undefined);
  return { urgent: false, writes: new Map(), done: promise, resolve, reject };
}

/** Opens a store over an engine, which it then owns. */
export function openKeyValueStore(engine: KeyValueEngine): KeyValueStore {
  const records = new LRUCache<string, object>({ max: MAX_RECORDS });
  const waiting = new Map<string, Waiting>();
  const waitingKeys = createSortedKeys();
  /** Grows whenever what waits is no longer the same. */
  let changes = 0;
  let gathering: Batch | undefined;
  let committing: Batch | undefined;
  let closed = false;

  function forget(batch: Batch): void {
    changes++;
    for (const key of batch.writes.keys()) {
      records.delete(key);
      if (waiting.get(key)?.batch === batch) waiting.delete(key);
    }
    waitingKeys.retain((key) => waiting.has(key));
  }

  async function commitNext(): Promise<void> {
    const batch = gathering;
    if (batch === undefined || !batch.urgent || committing !== undefined) return;
    clearTimeout(batch.timer);
    gathering = undefined;
    committing = batch;
    try {
      await engine.commit(batch.writes);
      forget(batch);
      batch.resolve();
    } catch (error) {
      const failure = new CommitError(error);
      forget(batch);
      batch.reject(failure);
      // What gathered meanwhile was worked out on top of writes that do not exist now.
      if (gathering !== undefined) {
        const follower: Batch = gathering;
        gathering = undefined;
        forget(follower);
        follower.reject(failure);
      }
    }
    committing = undefined;
    void commitNext();
  }

  function hurry(batch: Batch): void {
    if (batch.urgent) return;
    batch.urgent = true;
    // At the end of this turn, so that all that arrived together goes together.
    setImmediate(commitNext);
  }

  /** Commits a batch soon, or right away when somebody waits for it. */
  function schedule(batch: Batch, patient: boolean): void {
    if (!patient) hurry(batch);
    else if (!batch.urgent) batch.timer ??= setTimeout(hurry, PATIENCE, batch);
  }

  function stage(writes: ReadonlyMap<string, Uint8Array | null>): void {
    gathering ??= newBatch();
    changes++;
    for (const [key, value] of writes) {
      gathering.writes.set(key, value);
      waiting.set(key, { value, batch: gathering });
      waitingKeys.add(key);
      records.delete(key);
    }
  }

  /** Whether a key is about to disappear, even if a later transaction puts it back. */
  function isRemoved(key: string): boolean {
    if (waiting.size === 0) return false;
    return waiting.get(key)?.value === null || committing?.writes.get(key) === null;
  }

  /** How many keys of a range are about to disappear. */
  function removalsIn({ from, to }: KeyRange): number {
    return waiting.size === 0 ? 0 : waitingKeys.between(from, to).filter(isRemoved).length;
  }

  /**
   * What plain reads show of a range: at most its `limit` of entries, none that is being removed.
   * @param read - reads a range of the database
   */
  function shown<T>(
    range: KeyRange,
    read: (range: KeyRange) => Iterable<T>,
    keyOf: (item: T) => string,
  ): Iterable<T> {
    return {
      [Symbol.iterator](): Iterator<T, undefined> {
        let left = range.limit ?? Number.POSITIVE_INFINITY;
        // So many that `limit` are left without those that are being removed.
        let removals = removalsIn(range);
        let seen = changes;
        const iterator = read({ ...range, limit: left + removals })[Symbol.iterator]();
        const end = (): { done: true; value: undefined } => {
          iterator.return?.();
          return { done: true, value: undefined };
        };
        return {
          next() {
            for (;;) {
              if (left === 0) return end();
              const step = iterator.next();
              if (step.done === true) return end();
              if (seen !== changes) {
                seen = changes;
                removals = removalsIn(range);
              }
              // Whatever is written elsewhere, a key costs nothing more.
              if (removals > 0 && isRemoved(keyOf(step.value))) continue;
              left--;
              return step;
            }
          },
          return: end,
        };
      },
    };
  }

  function current(key: string): Uint8Array | undefined {
    const write = waiting.size === 0 ? undefined : waiting.get(key);
    if (write !== undefined) return write.value ?? undefined;
    return engine.get(key);
  }

  /** Keys as transactions see them: the database's, with waiting writes laid over. */
  function currentKeys({ from, to, limit = Number.POSITIVE_INFINITY }: KeyRange): string[] {
    const changed = waitingKeys.between(from, to);
    if (changed.length === 0) return [...engine.keys({ from, to, limit })];
    const added = changed.filter((key) => waiting.get(key)?.value !== null);
    const removals = changed.length - added.length;
    const keys = new Set<string>();
    for (const key of engine.keys({ from, to, limit: limit + removals })) {
      if (waiting.get(key)?.value !== null) keys.add(key);
    }
    for (const key of added) keys.add(key);
    if (added.length === 0) return [...keys].slice(0, limit);
    return [...keys].sort().slice(0, limit);
  }

  return {
    read<T>(key: string, decode: Decode<T>): T | undefined {
      if (isRemoved(key)) return undefined;
      const known = records.get(key);
      if (known !== undefined) return known as T;
      const bytes = engine.get(key);
      if (bytes === undefined) return undefined;
      const record = decode(bytes);
      if (typeof record === 'object' && record !== null) records.set(key, record);
      return record;
    },
    bytes(key) {
      const bytes = isRemoved(key) ? undefined : engine.get(key);
      return bytes === undefined ? undefined : Buffer.from(bytes);
    },
    has: (key) => !isRemoved(key) && (records.has(key) || engine.get(key) !== undefined),
    entries: (range) => shown<Entry>(range, engine.entries, ([key]) => key),
    keys: (range) => shown<string>(range, engine.keys, (key) => key),
    async transact(work, { patient = false } = {}) {
      if (closed) throw new Error('the metadata store is closed');
      const writes = new Map<string, Uint8Array | null>();
      const tx: Transaction = {
        get: current,
        has: (key) => current(key) !== undefined,
        keys: currentKeys,
        put: (key, value) => void writes.set(key, value),
        remove: (key) => void writes.set(key, null),
      };
      try {
        const result = work(tx);
        if (writes.size > 0) stage(writes);
        return result;
      } finally {
        if (gathering !== undefined) schedule(gathering, patient);
        // Without writes as well, and when it throws: what was read may itself still wait for its
        // commit. Whoever is told that something is gone must not find it after a crash.
        await (gathering ?? committing)?.done;
      }
    },
    async settled() {
      while (gathering !== undefined || committing !== undefined) {
        if (gathering !== undefined) hurry(gathering);
        await (gathering ?? committing)?.done.catch(() => undefined);
      }
    },
    async close() {
      closed = true;
      await this.settled();
      await engine.close();
    },
  };
}
