/** Opens a data directory to look at what is in it. */
import { join } from 'node:path';
import { readFormat } from './format.ts';
import { openLmdbEngine } from './kv/lmdb.ts';
import { asDamage, DatabaseDamagedError, isEmptyDatabase } from './kv/lmdb-file.ts';
import { readOnlyEngine } from './kv/read-only.ts';
import { openKeyValueStore } from './kv/store.ts';
import { lockDirectory } from './lock.ts';
import { assembleStore, type Store } from './store.ts';
import { openReadOnlyTarget } from './target/read-only.ts';
import type { Sidecars } from './uploads/sidecar.ts';

/** There are uploads, and nobody goes on with them here. */
const NO_SIDECARS: Sidecars = {
  boot: '',
  write: async () => undefined,
  remove: async () => undefined,
  load: async () => new Map(),
};

/** The folder is no data directory that was ever served from. */
export class NoDataDirectoryError extends Error {
  override readonly name = 'NoDataDirectoryError';

  constructor(folder: string) {
    super(`${folder} is no data directory of Stowage`);
  }
}

/**
 * Opens the store in a folder for reading: nothing runs in the background, and whatever would change
 * something fails with ReadOnlyError, or CommitError. A directory of an older format stays as it is.
 * Locked meanwhile, so that no server changes it.
 * @throws NoDataDirectoryError, DataDirectoryLockedError while another process has it, FormatError when
 *   it is too new, DatabaseDamagedError
 */
export async function openReadOnlyStore(folder: string): Promise<Store> {
  // Ahead of the lock, which would make a file in any folder.
  if ((await readFormat(folder)) === undefined) throw new NoDataDirectoryError(folder);
  const lock = lockDirectory(folder);
  const database = join(folder, 'metadata', 'stowage.mdb');
  try {
    if (isEmptyDatabase(database)) {
      throw new DatabaseDamagedError(
        database,
        'it is missing or empty, in a directory that was used',
      );
    }
    const kv = openKeyValueStore(readOnlyEngine(openLmdbEngine(database)));
    return await assembleStore(
      {
        kv,
        sidecars: NO_SIDECARS,
        openTarget: async () => openReadOnlyTarget(join(folder, 'blobs')),
        release: lock.release,
      },
      { collectEvery: 0, scrubPeriod: 0 },
    );
  } catch (error) {
    lock.release();
    throw asDamage(database, error);
  }
}
