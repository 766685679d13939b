/**
 * One process owns a data directory (decisions 7). The lock is an exclusive transaction of SQLite,
 * which is a lock of the kernel on a file: it holds across containers, and the kernel lets go of it
 * however the process ends.
 */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** Another process has the data directory. */
export class DataDirectoryLockedError extends Error {
  override readonly name = 'DataDirectoryLockedError';

  constructor(folder: string) {
    super(`the data directory ${folder} is in use by another process`);
  }
}

/** A lock that is held. */
export interface DirectoryLock {
  release(): void;
}

/**
 * Locks a data directory that exists.
 * @throws DataDirectoryLockedError when another process holds it
 */
export function lockDirectory(folder: string): DirectoryLock {
  const database = new DatabaseSync(join(folder, 'lock'), { timeout: 0 });
  try {
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if (String((error as Error).message).includes('locked')) {
      throw new DataDirectoryLockedError(folder);
    }
    throw error;
  }
  return {
    release() {
      if (database.isOpen) database.close();
    },
  };
}
