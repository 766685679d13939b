/** An engine whose commits end when and how the test says. */
import type { KeyValueEngine, WriteBatch } from '../../../src/storage/kv/types.ts';

/** An engine, and the commit that it is holding. */
export interface HeldEngine extends KeyValueEngine {
  /** The batch that waits for {@link release} or {@link fail}. */
  readonly held: WriteBatch | undefined;
  /** Commits that were begun so far. */
  readonly commits: number;
  /** Lets the held commit be carried out; resolves when it was. */
  release(): Promise<void>;
  /** Lets the held commit fail without effect. */
  fail(error: Error): Promise<void>;
}

/** Lets microtasks and the commit that was planned for the end of the turn run. */
export async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
}

/** Holds the commits of an engine. */
export function holdCommits(inner: KeyValueEngine): HeldEngine {
  let held: WriteBatch | undefined;
  let gate = Promise.withResolvers<void>();
  let ended = Promise.withResolvers<void>();
  let commits = 0;
  async function end(act: () => void): Promise<void> {
    if (held === undefined) throw new Error('no commit is held');
    held = undefined;
    act();
    await ended.promise;
    await turn();
  }
  return {
    get: (key) => inner.get(key),
    entries: (range) => inner.entries(range),
    keys: (range) => inner.keys(range),
    close: () => inner.close(),
    async commit(batch) {
      if (held !== undefined) throw new Error('a commit was begun before the last one ended');
      held = batch;
      commits++;
      gate = Promise.withResolvers();
      ended = Promise.withResolvers();
      try {
        await gate.promise;
        await inner.commit(batch);
      } finally {
        ended.resolve();
      }
    },
    get held() {
      return held;
    },
    get commits() {
      return commits;
    },
    release: () => end(() => gate.resolve()),
    fail: (error) => end(() => gate.reject(error)),
  };
}
