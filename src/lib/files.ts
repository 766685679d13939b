/**
 * Folders that last, and file descriptors with promises. `node:fs/promises` wraps each file in an
 * object that costs more than the system call; where files are opened by the thousand, plain numbers
 * do.
 */
import * as fs from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/** A file that is open; see open(2). */
export type Descriptor = number;

function settle<T>(
  start: (callback: (error: NodeJS.ErrnoException | null, value?: T) => void) => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    start((error, value) => (error === null ? resolve(value as T) : reject(error)));
  });
}

/** Opens a file; flags as in `fs.open`. */
export function openFile(path: string, flags: string | number, mode?: number): Promise<Descriptor> {
  return settle((callback) => fs.open(path, flags, mode, callback));
}

/** Makes the bytes of a file durable, and its length. */
export function syncData(fd: Descriptor): Promise<void> {
  return settle((callback) => fs.fdatasync(fd, callback));
}

/** Cuts a file to a length in bytes. */
export function truncateFile(fd: Descriptor, length: number): Promise<void> {
  return settle((callback) => fs.ftruncate(fd, length, callback));
}

/** Closes a file. */
export function closeFile(fd: Descriptor): Promise<void> {
  return settle((callback) => fs.close(fd, callback));
}

/** Writes buffers one after the other at a position; resolves with the number of bytes taken. */
export function writeVector(
  fd: Descriptor,
  chunks: readonly Uint8Array[],
  position: number,
): Promise<number> {
  return settle((callback) => fs.writev(fd, chunks as Uint8Array[], position, callback));
}

/** Makes the entries of a folder durable. */
export async function syncFolder(path: string): Promise<void> {
  const fd = await openFile(path, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY);
  try {
    await settle<void>((callback) => fs.fsync(fd, callback));
  } finally {
    await closeFile(fd);
  }
}

/**
 * Makes a folder that only its owner may enter, and those above it that are missing; all of them
 * would survive power loss once it resolves. Does nothing when it is there.
 */
export async function makeFolder(path: string): Promise<void> {
  const created = await mkdir(path, { recursive: true, mode: 0o700 });
  if (created === undefined) return;
  const first = resolve(created);
  // A folder is an entry of the one above it.
  for (let made = resolve(path); ; made = dirname(made)) {
    await syncFolder(dirname(made));
    if (made === first) return;
  }
}
