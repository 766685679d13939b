/**
 * Room for the database to grow into. When the library finds no space for a page, it words its
 * complaint in a buffer that is too short and may take the process down with it; so it must not come
 * to that. The file is made longer ahead of what commits need, and a batch that might not fit is
 * refused before it is begun.
 */
import { statSync } from 'node:fs';
import { closeFile, openFile, truncateFile, writeVector } from '../../lib/files.ts';
import type { WriteBatch } from './types.ts';

/** Pages that every commit may need beside those of its writes: branches, and the list of free pages. */
const PER_COMMIT = 16;
/** Larger values have pages of their own, of this many bytes at least. */
const MAX_IN_LEAF = 1900;
const MIN_PAGE = 4096;
/** Pages that only batches may use which free more than they add: deleting has to go on (decisions 2). */
const RESERVED = 64;
/** Pages by which the file grows beyond what is needed at the moment. */
const STEP = 64;

/** What has to be known of the database's pages. */
export interface PageUse {
  /** Bytes of a page. */
  readonly pageSize: number;
  /** Number of the last page in use. */
  readonly last: number;
  /** Pages up to it that are free. */
  readonly free: number;
}

/** Room ahead of one database. */
export interface Headroom {
  /**
   * Makes sure that a batch finds room.
   * @throws the error of the file system, ENOSPC
   */
  require(batch: WriteBatch): Promise<void>;
}

/** Pages that a batch may need, generously: a leaf for each write, one more where it may split. */
function pagesOf(batch: WriteBatch): number {
  let pages = PER_COMMIT;
  for (const value of batch.values()) {
    pages += value === null ? 1 : 2;
    if (value !== null && value.length > MAX_IN_LEAF) {
      pages += Math.ceil((value.length + 16) / MIN_PAGE);
    }
  }
  return pages;
}

function isShrinking(batch: WriteBatch): boolean {
  let balance = 0;
  for (const value of batch.values()) balance += value === null ? -1 : 1;
  return balance <= 0;
}

/** Writes zeros at the end of a file; all of them, or none when there is no space. */
async function extendFile(path: string, bytes: number): Promise<void> {
  const { size } = statSync(path);
  const fd = await openFile(path, 'r+');
  try {
    const zeros = Buffer.alloc(bytes);
    for (let done = 0; done < bytes; ) {
      const taken = await writeVector(fd, [zeros.subarray(done)], size + done);
      if (taken === 0) throw new Error('the file system took no byte');
      done += taken;
    }
  } catch (error) {
    await truncateFile(fd, size);
    throw error;
  } finally {
    await closeFile(fd);
  }
}

/**
 * Looks after the room of a database file.
 * @param use - its pages at the moment; commits must not be under way then
 */
export function keepHeadroom(path: string, use: () => PageUse): Headroom {
  /** Pages that are there for certain; looked up again only when they may be too few. */
  let room = 0;

  /** Free pages are counted half: the newest of them, and lone ones, cannot be used at once. */
  function look({ pageSize, last, free }: PageUse): number {
    const ahead = Math.floor(statSync(path).size / pageSize) - (last + 1);
    return Math.max(0, ahead) + Math.floor(free / 2);
  }

  return {
    async require(batch) {
      const pages = pagesOf(batch);
      const wanted = isShrinking(batch) ? pages : pages + RESERVED;
      if (room < wanted) {
        const now = use();
        room = look(now);
        if (room < wanted) {
          await extendFile(path, (wanted - room + STEP) * now.pageSize);
          room = look(now);
        }
      }
      room -= pages;
    },
  };
}
