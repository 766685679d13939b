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

/** The file that is locked is not what it should be. It holds no data, so it can be made anew. */
export class LockFileDamagedError extends Error {
  override readonly name = 'LockFileDamagedError';

  constructor(path: string, cause: unknown) {
    super(`the lock file ${path} is damaged`, { cause });
  }
}

/** A lock that is held. */
export interface DirectoryLock {
  release(): void;
}

/**
 * Locks a data directory that exists.
 * @throws DataDirectoryLockedError when another process holds it, LockFileDamagedError
 */
export function lockDirectory(folder: string): DirectoryLock {
  const path = join(folder, 'lock');
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    const { message } = error as Error;
    if (message.includes('locked')) throw new DataDirectoryLockedError(folder);
    if (message.includes('not a database')) throw new LockFileDamagedError(path, error);
    throw error;
  }
  return {
    release() {
      if (database.isOpen) database.close();
    },
  };
}
