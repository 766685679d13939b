/** An engine in memory: for tests, and the yardstick that the real one is held against. */
import type { Entry, KeyRange, KeyValueEngine, WriteBatch } from './types.ts';

/** What a memory engine can be told to do, for tests. */
export interface MemoryEngineOptions {
  /** Called before each commit; what it throws or rejects with makes the commit fail. */
  readonly beforeCommit?: (batch: WriteBatch) => void | Promise<void>;
}

/** Creates an empty engine. */
export function createMemoryEngine(options: MemoryEngineOptions = {}): KeyValueEngine {
  const values = new Map<string, Uint8Array>();
  let sorted: string[] | undefined;

  function select({ from, to, limit = Number.POSITIVE_INFINITY }: KeyRange): string[] {
    sorted ??= [...values.keys()].sort();
    return sorted.filter((key) => key >= from && key < to).slice(0, limit);
  }

  return {
    get: (key) => values.get(key),
    entries: (range) => select(range).map((key): Entry => [key, values.get(key)!]),
    keys: select,
    async commit(batch) {
      await options.beforeCommit?.(batch);
      for (const [key, value] of batch) {
        if (value === null) values.delete(key);
        else values.set(key, Uint8Array.from(value));
      }
      sorted = undefined;
    },
    close: async () => undefined,
  };
}
