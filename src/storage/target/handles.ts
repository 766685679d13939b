/**
 * Open files for reading, kept open for a while, because opening costs as much as reading a small
 * blob. A file that was removed stays readable for those who hold it.
 */
import { close, fstat, open, read } from 'node:fs';
import { type FileId, FileMissingError, type FileReader } from './types.ts';

/** Files kept open that nobody reads. The system allows a process 1,024 at least. */
const MAX_IDLE = 256;

interface Handle {
  readonly id: FileId;
  readonly fd: number;
  readers: number;
  /** Removed or pushed out: closed by its last reader. */
  retired: boolean;
}

/** The open files of one target. */
export interface Handles {
  acquire(id: FileId): FileReader | Promise<FileReader>;
  /** Forgets a file; it is closed when its last reader is done. */
  retire(id: FileId): void;
  closeAll(): void;
}

/** @param pathOf - where a file lies */
export function createHandles(pathOf: (id: FileId) => string): Handles {
  // In order of last use: a map keeps the order of insertion.
  const open_ = new Map<FileId, Handle>();
  const opening = new Map<FileId, Promise<Handle>>();

  function closeIfUnused(handle: Handle): void {
    if (handle.retired && handle.readers === 0) close(handle.fd, () => undefined);
  }

  function retireHandle(handle: Handle): void {
    if (handle.retired) return;
    handle.retired = true;
    open_.delete(handle.id);
    closeIfUnused(handle);
  }

  function trim(): void {
    if (open_.size <= MAX_IDLE) return;
    for (const handle of open_.values()) {
      if (handle.readers > 0) continue;
      retireHandle(handle);
      if (open_.size <= MAX_IDLE) return;
    }
  }

  function openHandle(id: FileId): Promise<Handle> {
    const known = opening.get(id);
    if (known !== undefined) return known;
    const promise = new Promise<Handle>((resolve, reject) => {
      open(pathOf(id), 'r', (error, fd) => {
        opening.delete(id);
        if (error !== null) {
          reject(error.code === 'ENOENT' ? new FileMissingError(id) : error);
          return;
        }
        // Counts as a reader until those who wait have taken it, else it might be closed under them.
        const handle: Handle = { id, fd, readers: 1, retired: false };
        open_.set(id, handle);
        setImmediate(() => {
          handle.readers--;
          closeIfUnused(handle);
          trim();
        });
        resolve(handle);
      });
    });
    opening.set(id, promise);
    return promise;
  }

  function lend(handle: Handle): FileReader {
    handle.readers++;
    let released = false;
    return {
      read: (buffer, { offset, length, position }, callback) =>
        read(handle.fd, buffer, offset, length, position, callback),
      size: () =>
        new Promise((resolve, reject) => {
          fstat(handle.fd, (error, status) => (error ? reject(error) : resolve(status.size)));
        }),
      release() {
        if (released) return;
        released = true;
        handle.readers--;
        closeIfUnused(handle);
      },
    };
  }

  return {
    acquire(id) {
      const handle = open_.get(id);
      if (handle === undefined) return openHandle(id).then(lend);
      open_.delete(id);
      open_.set(id, handle);
      return lend(handle);
    },
    retire(id) {
      const handle = open_.get(id);
      if (handle !== undefined) retireHandle(handle);
      void opening.get(id)?.then(retireHandle, () => undefined);
    },
    closeAll() {
      for (const handle of [...open_.values()]) retireHandle(handle);
    },
  };
}
