/**
 * The engine of every real registry: LMDB, a copy-on-write B+tree that is never left half-written.
 *
 * `overlappingSync` is off, so a batch's promise resolves only after its data was synced
 * (fdatasync) and the page that makes it current was written through (O_DSYNC): two syncs a commit.
 * The sync runs on a thread of libuv's pool, never on the thread that serves requests.
 */
import { statSync } from 'node:fs';
import { open } from 'lmdb';
import type { Entry, KeyRange, KeyValueEngine } from './types.ts';

/**
 * Opens or creates the database file.
 * @param path - the file; a lock file with the ending `-lock` lies beside it
 * @throws the database's error, for example when the file is damaged
 */
export function openLmdbEngine(path: string): KeyValueEngine {
  const db = open<Buffer, string>({
    path,
    noSubdir: true,
    encoding: 'binary',
    overlappingSync: false,
    cache: false,
  });
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
    *entries(range): Iterable<Entry> {
      for (const { key, value } of db.getRange(span(range))) yield [key, value];
    },
    keys: (range) => db.getKeys(span(range)),
    async commit(batch) {
      await db.batch(() => {
        for (const [key, value] of batch) {
          if (value === null) void db.remove(key);
          else void db.put(key, value as Buffer);
        }
      });
    },
    size: () => statSync(path).size,
    close: () => db.close(),
  };
}
