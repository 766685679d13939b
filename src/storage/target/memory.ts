/** A target in memory, for tests. It keeps apart what was written and what was synced. */
import { type FileId, FileMissingError, type FileWriter, type Target } from './types.ts';

/** What tests may ask of a memory target beyond the interface. */
export interface MemoryTarget extends Target {
  /** The bytes of a file, for looking at and for damaging; undefined when it is not there. */
  bytes(id: FileId): Buffer | undefined;
  /** What the file would hold after power loss; undefined when it was never synced. */
  synced(id: FileId): Buffer | undefined;
}

/** How a memory target behaves. */
export interface MemoryTargetOptions {
  /** Bytes that fit; writing more fails with ENOSPC. Default: no limit. */
  readonly capacity?: number;
}

/** Creates an empty target. */
export function createMemoryTarget(options: MemoryTargetOptions = {}): MemoryTarget {
  const { capacity = Number.MAX_SAFE_INTEGER } = options;
  const files = new Map<FileId, Buffer>();
  const synced = new Map<FileId, Buffer>();
  let next: FileId = 1;
  const used = (): number => [...files.values()].reduce((sum, bytes) => sum + bytes.length, 0);

  function writer(id: FileId): FileWriter {
    return {
      id,
      async write(chunks, position) {
        const old = files.get(id);
        if (old === undefined) throw new FileMissingError(id);
        const added = Buffer.concat(chunks);
        const bytes = Buffer.alloc(Math.max(old.length, position + added.length));
        if (used() - old.length + bytes.length > capacity) {
          throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
        }
        old.copy(bytes);
        added.copy(bytes, position);
        files.set(id, bytes);
      },
      async sync() {
        const bytes = files.get(id);
        if (bytes !== undefined) synced.set(id, bytes);
      },
      close: async () => undefined,
    };
  }

  return {
    async create() {
      const id = next++;
      files.set(id, Buffer.alloc(0));
      return writer(id);
    },
    async reopen(id, size) {
      const bytes = files.get(id);
      if (bytes === undefined) throw new FileMissingError(id);
      files.set(id, Buffer.concat([bytes.subarray(0, size)], size));
      return writer(id);
    },
    open(id) {
      const bytes = files.get(id);
      if (bytes === undefined) return Promise.reject(new FileMissingError(id));
      return {
        read(buffer, { offset, length, position }, callback) {
          const part = bytes.subarray(position, position + length);
          buffer.set(part, offset);
          queueMicrotask(() => callback(null, part.length));
        },
        size: async () => bytes.length,
        release: () => undefined,
      };
    },
    async remove(id) {
      files.delete(id);
      synced.delete(id);
    },
    async *files() {
      yield* [...files.keys()];
    },
    allocated: async (id) => files.get(id)?.length ?? 0,
    space: async () => ({ free: capacity - used(), total: capacity }),
    close: async () => undefined,
    bytes: (id) => files.get(id),
    synced: (id) => synced.get(id),
  };
}
