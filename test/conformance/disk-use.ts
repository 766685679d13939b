/** How much of the disk a data directory takes, for tests that look for leftovers and copies. */
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Bytes allocated by all files below a folder; holes of sparse files do not count. */
export async function allocatedBytes(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const sizes = await Promise.all(
    entries
      .filter((entry) => entry.isFile())
      // A file may go while the server works.
      .map((entry) => lstat(join(entry.parentPath, entry.name)).catch(() => undefined)),
  );
  return sizes.reduce((sum, stat) => sum + (stat?.blocks ?? 0) * 512, 0);
}
