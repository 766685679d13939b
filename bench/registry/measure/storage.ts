/** Files and free space of the folders that servers write to. */
import { execFile } from 'node:child_process';
import { readdir, statfs } from 'node:fs/promises';
import { promisify } from 'node:util';

/** Number of regular files below a folder. */
export async function countFiles(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).length;
}

/** Bytes that the files below a folder take on disk. */
export async function sizeOf(folder: string): Promise<number> {
  const { stdout } = await promisify(execFile)('du', ['-s', '--block-size=1', folder]);
  return Number.parseInt(stdout, 10);
}

/** Throws unless the file system of `folder` has so many bytes free, and 2 GiB more. */
export async function requireSpace(folder: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const wanted = bytes + 2 * 2 ** 30;
  if (bavail * bsize >= wanted) return;
  const gib = (n: number): string => (n / 2 ** 30).toFixed(1);
  throw new Error(`${folder} has ${gib(bavail * bsize)} GiB free, this run wants ${gib(wanted)}`);
}

/** Writes back what servers left unsynced, so that it does not disturb the next measurement. */
export async function flush(folder: string): Promise<void> {
  await promisify(execFile)('sync', ['-f', folder]);
}

/**
 * Asks the kernel to forget the files below a folder that no process has mapped, without touching
 * the page cache of anything else. Takes no rights, unlike /proc/sys/vm/drop_caches.
 */
export async function dropCache(folder: string): Promise<void> {
  await flush(folder);
  const forget = ['dd', 'if={}', 'iflag=nocache', 'count=0', 'status=none'];
  await promisify(execFile)('find', [folder, '-type', 'f', '-exec', ...forget, ';']);
}
