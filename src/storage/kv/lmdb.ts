/**
 * The engine of every real registry: LMDB, a copy-on-write B+tree that is never left half-written.
 *
 * `overlappingSync` is off, so a batch's promise resolves only after its data was synced
 * (fdatasync) and the page that makes it current was written through (O_DSYNC): two syncs a commit.
 * The sync runs on a thread of libuv's pool, never on the thread that serves requests.
 */
import { open, type RangeIterable, type RootDatabase } from 'lmdb';
import { keepHeadroom, type PageUse } from './headroom.ts';
import { checkDatabaseFile } from './lmdb-file.ts';
import type { KeyRange, KeyValueEngine, WriteBatch } from './types.ts';

/** Longest key that the database takes, in bytes; keys are ASCII. */
const MAX_KEY = 1978;

/** A write promises what its batch promises, so nobody waits for it on its own. */
function ignore(write: Promise<unknown>): void {
  write.then(undefined, () => undefined);
}

/** The database tells the reason of a failed commit by a promise of its own. */
async function reasonOf(error: unknown): Promise<unknown> {
  const { commitError } = error as { readonly commitError?: Promise<never> };
  return commitError === undefined ? error : await commitError.catch((reason) => reason);
}

/** The database would refuse such a key only after it has taken the writes before it. */
function checkKeys(batch: WriteBatch): void {
  for (const key of batch.keys()) {
    if (key.length > MAX_KEY) throw new RangeError(`a key may have ${MAX_KEY} bytes at most`);
  }
}

/** The part of the database's own figures that is used here. */
interface Figures extends Tree {
  readonly pageSize: number;
  readonly lastPageNumber: number;
  /** Where it keeps which pages are free. */
  readonly free: Tree;
}

/** The pages of one tree. */
interface Tree {
  readonly treeBranchPageCount: number;
  readonly treeLeafPageCount: number;
  readonly overflowPages: number;
}

const pagesOf = ({ treeBranchPageCount, treeLeafPageCount, overflowPages }: Tree): number =>
  treeBranchPageCount + treeLeafPageCount + overflowPages;

function pageUse(db: RootDatabase<Buffer, string>): PageUse {
  const figures = db.getStats() as Figures;
  const { pageSize, lastPageNumber: last, free } = figures;
  // Two pages tell which commit is current.
  return { pageSize, last, free: last - 1 - pagesOf(figures) - pagesOf(free) };
}

function openDatabase(path: string): RootDatabase<Buffer, string> {
  checkDatabaseFile(path);
  return open<Buffer, string>({
    path,
    noSubdir: true,
    encoding: 'binary',
    overlappingSync: false,
    // The store gathers batches itself; the library's own gathering leaves a promise behind that
    // nobody can wait for, so that a failed commit would end the process.
    eventTurnBatching: false,
    cache: false,
    keyEncoder,
  });
}

/** Keys are ASCII: the bytes as they are, which costs a third of the library's own encoding. */
const keyEncoder = {
  writeKey: (key: string, target: Buffer, position: number): number =>
    position + target.write(key, position, 'latin1'),
  readKey: (source: Buffer, from: number, to: number): string =>
    source.toString('latin1', from, to),
};

/**
 * Goes over a range. V8 puts the closure that each range of the library has into the old generation
 * (it does so with functions that are assigned to properties), where it stays until the next full
 * collection, with all that can be reached from it; so the iterator is taken away from it.
 *
 * Not a generator: each of them on the way costs as much for every key as the database itself.
 */
function walk<T>(range: RangeIterable<T>): Iterable<T> {
  return {
    [Symbol.iterator](): Iterator<T, undefined> {
      const iterator = range[Symbol.iterator]();
      const end = (): { done: true; value: undefined } => {
        iterator.return?.();
        (range as { iterator?: unknown }).iterator = undefined;
        return { done: true, value: undefined };
      };
      return {
        next() {
          const step = iterator.next();
          return step.done === true ? end() : step;
        },
        return: end,
      };
    },
  };
}

/**
 * Opens or creates the database file.
 * @param path - the file; a lock file with the ending `-lock` lies beside it
 * @throws DatabaseDamagedError, or an error when it cannot be opened
 */
export function openLmdbEngine(path: string): KeyValueEngine {
  let db = openDatabase(path);
  const headroom = keepHeadroom(path, () => pageUse(db));

  /**
   * When the page could not be written that makes a commit current, the library refuses everything
   * from then on, reading too. Opened anew, the database shows its last commit.
   */
  async function reviveDatabase(): Promise<void> {
    try {
      // Not by the view that reads of this turn share.
      db.resetReadTxn();
      db.doesExist('z');
    } catch {
      await db.close();
      db = openDatabase(path);
    }
  }

  const span = ({ from, to, limit }: KeyRange) => ({
    start: from,
    end: to,
    ...(limit !== undefined && limit !== Number.POSITIVE_INFINITY && { limit }),
  });
  return {
    get(key) {
      // A buffer that is used again, longer than the value: only its `length` is that of the value.
      const shared = db.getBinaryFast(key) as Buffer | undefined;
      return shared?.subarray(0, shared.length);
    },
    *entries(range) {
      for (const { key, value } of walk(db.getRange(span(range)))) yield [key, value];
    },
    keys: (range) => walk(db.getKeys(span(range))),
    async commit(batch) {
      checkKeys(batch);
      await headroom.require(batch);
      try {
        await db.batch(() => {
          for (const [key, value] of batch) {
            ignore(value === null ? db.remove(key) : db.put(key, value as Buffer));
          }
        });
      } catch (error) {
        const reason = await reasonOf(error);
        await reviveDatabase();
        throw reason;
      }
    },
    close: () => db.close(),
  };
}
