/** The targets that every compliance test of stored bytes runs on. */
import { readFile, truncate, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { openFileSystemTarget } from '../../../src/storage/target/file-system.ts';
import { createMemoryFiles, createMemoryTarget } from '../../../src/storage/target/memory.ts';
import { pathOf } from '../../../src/storage/target/paths.ts';
import type { FileId, FileReader, Target } from '../../../src/storage/target/types.ts';
import { makeTemporary, removeTemporary } from '../../support/temporary.ts';

/** A device for one target. */
export interface TargetPlace {
  readonly name: string;
  /** Opens the target; again after it was closed. Numbers go on where they stopped. */
  open(): Promise<Target>;
  /** The bytes of a file as they lie there, undefined when there is none. */
  bytes(id: FileId): Promise<Buffer | undefined>;
  /** Damages a file behind the target's back. */
  cut(id: FileId, size: number): Promise<void>;
  /** Removes a file behind the target's back. */
  lose(id: FileId): Promise<void>;
  remove(): Promise<void>;
}

/** Hands out numbers, none twice. */
function makeCounter(): (count: number) => Promise<FileId> {
  let next = 0;
  return async (count) => {
    next += count;
    return next - count;
  };
}

function fileSystemPlace(): TargetPlace {
  const allocate = makeCounter();
  let folder = '';
  const root = (): string => join(folder, 'blobs');
  return {
    name: 'file system',
    async open() {
      if (folder === '') folder = await makeTemporary('target');
      return await openFileSystemTarget({ root: root(), allocate });
    },
    bytes: (id) => readFile(pathOf(root(), id)).catch(() => undefined),
    cut: (id, size) => truncate(pathOf(root(), id), size),
    lose: (id) => unlink(pathOf(root(), id)),
    async remove() {
      await removeTemporary(folder);
      folder = '';
    },
  };
}

function memoryPlace(): TargetPlace {
  const allocate = makeCounter();
  const files = createMemoryFiles();
  return {
    name: 'memory',
    open: async () => createMemoryTarget({ files, allocate }),
    bytes: async (id) => files.written.get(id),
    async cut(id, size) {
      files.written.set(id, files.written.get(id)!.subarray(0, size));
    },
    async lose(id) {
      files.written.delete(id);
    },
    async remove() {
      for (const map of Object.values(files)) map.clear();
    },
  };
}

/** One maker for each target. */
export const TARGET_PLACES: readonly (() => TargetPlace)[] = [fileSystemPlace, memoryPlace];

/** Reads a stretch of an open file. */
export function readFrom(reader: FileReader, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  return new Promise((resolve, reject) => {
    reader.read(buffer, { offset: 0, length, position }, (error, bytes) =>
      error === null ? resolve(buffer.subarray(0, bytes)) : reject(error),
    );
  });
}

/** Reads a file from its start to its end. */
export async function readAll(target: Target, id: FileId): Promise<Buffer> {
  const reader = await target.open(id);
  try {
    return await readFrom(reader, 0, await reader.size());
  } finally {
    reader.release();
  }
}
