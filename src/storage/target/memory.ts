/** A target in memory, for tests. It keeps apart what was written and what was synced. */
import { type FileId, FileMissingError, type FileWriter, type Target } from './types.ts';

/** What lies on a device in memory, for looking at and for damaging; it outlives its targets. */
export interface MemoryFiles {
  /** What readers see. */
  readonly written: Map<FileId, Buffer>;
  /** What each of those files would hold after power loss. */
  readonly synced: Map<FileId, Buffer>;
  /** Removed files, as power loss would bring them back: a removal is never synced. */
  readonly removed: Map<FileId, Buffer>;
}

/** How a memory target behaves. */
export interface MemoryTargetOptions {
  /** Where the files lie. Default: a device of its own. */
  readonly files?: MemoryFiles;
  /** Bytes that fit; writing more fails with ENOSPC. Default: no limit. */
  readonly capacity?: number;
  /** Reserves numbers as for a target in a folder. Default: counts from 1. */
  readonly allocate?: (count: number) => Promise<FileId>;
}

/** An empty device. */
export function createMemoryFiles(): MemoryFiles {
  return { written: new Map(), synced: new Map(), removed: new Map() };
}

/** Leaves what a power loss would: synced bytes, and files whose removal was not synced. */
export function losePower({ written, synced, removed }: MemoryFiles): void {
  for (const id of written.keys()) written.set(id, synced.get(id)!);
  for (const [id, bytes] of removed) {
    written.set(id, bytes);
    synced.set(id, bytes);
  }
  removed.clear();
}

/** Creates a target. */
export function createMemoryTarget(options: MemoryTargetOptions = {}): Target {
  const { capacity = Number.MAX_SAFE_INTEGER, files = createMemoryFiles() } = options;
  const { written, synced, removed } = files;
  let next: FileId = 1;
  const allocate = options.allocate ?? (async () => next++);
  const used = (): number => [...written.values()].reduce((sum, bytes) => sum + bytes.length, 0);

  function writer(id: FileId): FileWriter {
    return {
      id,
      async write(chunks, position) {
        const old = written.get(id);
        // As with a file that was unlinked while it was open: the bytes go nowhere.
        if (old === undefined) return;
        const added = Buffer.concat(chunks);
        const bytes = Buffer.alloc(Math.max(old.length, position + added.length));
        if (used() - old.length + bytes.length > capacity) {
          throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
        }
        old.copy(bytes);
        added.copy(bytes, position);
        written.set(id, bytes);
      },
      async sync() {
        const bytes = written.get(id);
        if (bytes !== undefined) synced.set(id, bytes);
      },
      close: async () => undefined,
    };
  }

  return {
    async create() {
      const id = await allocate(1);
      written.set(id, Buffer.alloc(0));
      synced.set(id, Buffer.alloc(0));
      return writer(id);
    },
    async reopen(id, size) {
      const bytes = written.get(id);
      if (bytes === undefined) throw new FileMissingError(id);
      written.set(id, Buffer.concat([bytes.subarray(0, size)], size));
      return writer(id);
    },
    open(id) {
      const bytes = written.get(id);
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
      const kept = synced.get(id);
      if (kept !== undefined) removed.set(id, kept);
      written.delete(id);
      synced.delete(id);
    },
    async *files() {
      yield* [...written.keys()];
    },
    allocated: async (id) => written.get(id)?.length ?? 0,
    space: async () => ({ free: capacity - used(), total: capacity }),
    close: async () => undefined,
  };
}
