/** A target in a folder of a local file system. */
import { type FileHandle, mkdir, open, opendir, stat, statfs, unlink } from 'node:fs/promises';
import { join } from 'node:path';
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
  handle: FileHandle,
  chunks: readonly Uint8Array[],
  position: number,
): Promise<void> {
  let at = position;
  let rest = chunks;
  while (rest.length > 0) {
    const part = rest.slice(0, MAX_VECTORS);
    const { bytesWritten } = await handle.writev(part, at);
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

function toWriter(id: FileId, handle: FileHandle): FileWriter {
  let closing: Promise<void> | undefined;
  return {
    id,
    write: (chunks, position) => writeAll(handle, chunks, position),
    sync: () => handle.datasync(),
    close() {
      closing ??= handle.close();
      return closing;
    },
  };
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}

/** Opens the target in a folder. */
export async function openFileSystemTarget(options: FileSystemTargetOptions): Promise<Target> {
  const { root, allocate } = options;
  await mkdir(root, { recursive: true, mode: 0o700 });
  const handles = createHandles((id) => pathOf(root, id));
  const pool = createFilePool({ root, allocate });
  return {
    async create() {
      const { id, handle } = await pool.take();
      return toWriter(id, handle);
    },
    async reopen(id, size) {
      try {
        const handle = await open(pathOf(root, id), 'r+');
        await handle.truncate(size);
        return toWriter(id, handle);
      } catch (error) {
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
    async *files() {
      for await (const folder of await opendir(root)) {
        if (!folder.isDirectory()) continue;
        for await (const file of await opendir(join(root, folder.name))) {
          const id = idOf(file.name);
          if (id !== undefined) yield id;
        }
      }
    },
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
