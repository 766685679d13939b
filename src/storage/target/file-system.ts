/** A target in a folder of a local file system. */
import { mkdir, opendir, stat, statfs, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import {
  closeFile,
  type Descriptor,
  openFile,
  syncData,
  truncateFile,
  writeVector,
} from '../../lib/files.ts';
import { createHandles } from './handles.ts';
import { idOf, pathOf } from './paths.ts';
import { createFilePool } from './pool.ts';
import { type FileId, FileMissingError, type FileWriter, type Target } from './types.ts';

/** What a target in a folder needs. */
export interface FileSystemTargetOptions {
  /** The folder; made when missing. */
  readonly root: string;
  /** Reserves `count` numbers that no file of this target ever had, durably; returns the first. */
  readonly allocate: (count: number) => Promise<FileId>;
}

/** Buffers that one writev may take (IOV_MAX on Linux is 1,024). */
const MAX_VECTORS = 512;

async function writeAll(
  fd: Descriptor,
  chunks: readonly Uint8Array[],
  position: number,
): Promise<void> {
  let at = position;
  let rest = chunks.filter(({ length }) => length > 0);
  while (rest.length > 0) {
    const part = rest.slice(0, MAX_VECTORS);
    const bytesWritten = await writeVector(fd, part, at);
    if (bytesWritten === 0) throw new Error('the file system took no byte');
    at += bytesWritten;
    // A write may stop short, on a full disk for one; the next one then says why.
    let done = bytesWritten;
    let index = 0;
    while (index < rest.length && done >= rest[index]!.length) done -= rest[index++]!.length;
    rest = rest.slice(index);
    if (done > 0) rest = [rest[0]!.subarray(done), ...rest.slice(1)];
  }
}

function toWriter(id: FileId, fd: Descriptor): FileWriter {
  let closing: Promise<void> | undefined;
  return {
    id,
    write: (chunks, position) => writeAll(fd, chunks, position),
    sync: () => syncData(fd),
    close() {
      closing ??= closeFile(fd);
      return closing;
    },
  };
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}

async function* filesBelow(root: string): AsyncGenerator<FileId> {
  for await (const folder of await opendir(root)) {
    if (!folder.isDirectory()) continue;
    for await (const file of await opendir(join(root, folder.name))) {
      const id = idOf(file.name);
      if (id !== undefined) yield id;
    }
  }
}

/** Whether a file with bytes lies in the folder of a target. Those made ahead of use have none. */
export async function holdsContent(root: string): Promise<boolean> {
  try {
    for await (const id of filesBelow(root)) {
      if ((await stat(pathOf(root, id))).size > 0) return true;
    }
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  return false;
}

/** Opens the target in a folder. */
export async function openFileSystemTarget(options: FileSystemTargetOptions): Promise<Target> {
  const { root, allocate } = options;
  await mkdir(root, { recursive: true, mode: 0o700 });
  const handles = createHandles((id) => pathOf(root, id));
  const pool = createFilePool({ root, allocate });
  return {
    async create() {
      const { id, fd } = await pool.take();
      return toWriter(id, fd);
    },
    async reopen(id, size) {
      let fd: Descriptor | undefined;
      try {
        fd = await openFile(pathOf(root, id), 'r+');
        await truncateFile(fd, size);
        return toWriter(id, fd);
      } catch (error) {
        if (fd !== undefined) await closeFile(fd);
        throw isMissing(error) ? new FileMissingError(id) : error;
      }
    },
    open: (id) => handles.acquire(id),
    async remove(id) {
      handles.retire(id);
      try {
        await unlink(pathOf(root, id));
      } catch (error) {
        if (!isMissing(error)) throw error;
      }
    },
    files: () => filesBelow(root),
    async allocated(id) {
      try {
        return (await stat(pathOf(root, id))).blocks * 512;
      } catch (error) {
        if (isMissing(error)) return 0;
        throw error;
      }
    },
    async space() {
      const { bavail, blocks, bsize } = await statfs(root);
      return { free: bavail * bsize, total: blocks * bsize };
    },
    async close() {
      await pool.close();
      handles.closeAll();
    },
  };
}
