/** What outlives the process: the database, the files and the sidecars. */
import { createMemoryEngine } from '../../../src/storage/kv/memory.ts';
import { openKeyValueStore } from '../../../src/storage/kv/store.ts';
import type { KeyValueEngine } from '../../../src/storage/kv/types.ts';
import { assembleStore, type Store, type StoreOptions } from '../../../src/storage/store.ts';
import {
  createMemoryFiles,
  createMemoryTarget,
  losePower,
  type MemoryFiles,
} from '../../../src/storage/target/memory.ts';
import type { FileId, FileWriter, Target } from '../../../src/storage/target/types.ts';
import type { Sidecar, Sidecars } from '../../../src/storage/uploads/sidecar.ts';
import { createMemorySidecars } from '../support/stores.ts';
import type { Gates } from './gates.ts';

/** Numbers reserved at a time, so that not every file needs a commit of its own. */
const BLOCK = 4;

/** A disk. */
export interface Disk {
  readonly engine: KeyValueEngine;
  readonly files: MemoryFiles;
  readonly sidecars: Map<string, Sidecar>;
  /** Commits carried out so far. */
  readonly commits: number;
  /** Leaves what was synced; sidecars never are, so they may be there or not. */
  losePower(keepSidecars: boolean): void;
  /**
   * Starts a process on it.
   * @param onUnreadable - told of each file of which a read has failed, before the store is
   */
  open(gates: Gates, options: StoreOptions, onUnreadable: (file: FileId) => void): Promise<Store>;
}

/** Lets everything that a target is asked for wait at a gate. */
export function gateTarget(
  inner: Target,
  gates: Gates,
  onUnreadable: (file: FileId) => void = () => undefined,
): Target {
  /** Files that could not be synced: the kernel has dropped the bytes, and calls later syncs good. */
  const dropped = new Set<FileId>();
  const gateWriter = (writer: FileWriter): FileWriter => ({
    id: writer.id,
    write: (chunks, position) => gates.pass('write', () => writer.write(chunks, position)),
    async sync() {
      try {
        await gates.pass('sync', async () => {
          if (!dropped.has(writer.id)) await writer.sync();
        });
      } catch (error) {
        dropped.add(writer.id);
        throw error;
      }
    },
    close: () => writer.close(),
  });
  return {
    ...inner,
    create: async () => gateWriter(await inner.create()),
    reopen: (id, size) =>
      gates.pass('reopen', async () => gateWriter(await inner.reopen(id, size))),
    async open(id) {
      const reader = await gates.pass('open', async () => await inner.open(id));
      return {
        ...reader,
        read(buffer, into, callback) {
          const read = () =>
            new Promise<number>((resolve) => {
              reader.read(buffer, into, (_, bytes) => resolve(bytes));
            });
          gates.pass('read', read).then(
            (bytes) => callback(null, bytes),
            (error: Error) => {
              onUnreadable(id);
              callback(error, 0);
            },
          );
        },
      };
    },
    remove: (id) => gates.pass('remove', () => inner.remove(id)),
  };
}

/** Hands out single numbers of blocks. */
function inBlocks(allocate: (count: number) => Promise<FileId>) {
  const stock: FileId[] = [];
  let filling: Promise<void> | undefined;
  return async (): Promise<FileId> => {
    while (stock.length === 0) {
      filling ??= allocate(BLOCK).then((first) => {
        for (let id = first; id < first + BLOCK; id++) stock.push(id);
      });
      await filling.finally(() => {
        filling = undefined;
      });
    }
    return stock.shift()!;
  };
}

/** An empty disk. */
export function createDisk(): Disk {
  const engine = createMemoryEngine();
  const files = createMemoryFiles();
  const sidecars = new Map<string, Sidecar>();
  let commits = 0;
  let boot = 0;
  return {
    engine,
    files,
    sidecars,
    get commits() {
      return commits;
    },
    losePower(keepSidecars) {
      losePower(files);
      boot++;
      if (!keepSidecars) sidecars.clear();
    },
    open(gates, options, onUnreadable) {
      const kv = openKeyValueStore({
        ...engine,
        commit: (batch) =>
          gates.pass('commit', async () => {
            await engine.commit(batch);
            commits++;
          }),
      });
      const memory = createMemorySidecars(sidecars, `boot ${boot}`);
      const gated: Sidecars = {
        ...memory,
        write: (id, sidecar) => gates.pass('sidecar', () => memory.write(id, sidecar)),
      };
      const openTarget = async (allocate: (count: number) => Promise<FileId>) => {
        const plain = createMemoryTarget({ files, allocate: inBlocks(allocate) });
        return gateTarget(plain, gates, onUnreadable);
      };
      return assembleStore({ kv, sidecars: gated, openTarget, release: () => undefined }, options);
    },
  };
}
