/** Where a numbered file lies below the target's root: the only module that knows. */
import { join } from 'node:path';
import type { FileId } from './types.ts';

/** Files in one folder; small enough for every file system, large enough to sync folders rarely. */
export const FILES_PER_FOLDER = 4096;

/** The folder of a file: its number without the last three hex digits. */
export function folderOf(id: FileId): string {
  return Math.floor(id / FILES_PER_FOLDER)
    .toString(16)
    .padStart(5, '0');
}

/** Path of a file below `root`, `<folder>/<number in hex>`. */
export function pathOf(root: string, id: FileId): string {
  return join(root, folderOf(id), id.toString(16).padStart(8, '0'));
}

/** The number that a file name stands for, or undefined when the file is none of the target's. */
export function idOf(name: string): FileId | undefined {
  const id = Number.parseInt(name, 16);
  return name === id.toString(16).padStart(8, '0') ? id : undefined;
}
