/** The stores that tests run on: put together in memory, and in a real folder. */
import { readFile, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openLmdbEngine } from '../../../src/storage/kv/lmdb.ts';
import { createMemoryEngine } from '../../../src/storage/kv/memory.ts';
import { openKeyValueStore } from '../../../src/storage/kv/store.ts';
import type { KeyValueEngine } from '../../../src/storage/kv/types.ts';
import {
  assembleStore,
  openStore,
  type Store,
  type StoreOptions,
  type StoreParts,
} from '../../../src/storage/store.ts';
import { createMemoryFiles, createMemoryTarget } from '../../../src/storage/target/memory.ts';
import { pathOf } from '../../../src/storage/target/paths.ts';
import type { FileId, Target } from '../../../src/storage/target/types.ts';
import type { Sidecar, Sidecars } from '../../../src/storage/uploads/sidecar.ts';
import { makeTemporary, removeTemporary } from '../../support/temporary.ts';

/** A message of the store. */
export interface LogEntry {
  readonly level: 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: object;
}

/** A data directory, real or in memory. */
export interface StorePlace {
  readonly name: string;
  open(options: StoreOptions): Promise<Store>;
  /** Works on the database while no store is open. */
  edit(work: (engine: KeyValueEngine) => Promise<void>): Promise<void>;
  /** The bytes of a file, undefined when there is none. */
  bytes(id: FileId): Promise<Buffer | undefined>;
  /** Puts other bytes in the place of a file, or takes it away. */
  damage(id: FileId, bytes: Buffer | undefined): Promise<void>;
  remove(): Promise<void>;
}

/** Sidecars that outlive stores, but not the test. */
export function createMemorySidecars(all: Map<string, Sidecar>, boot = 'first'): Sidecars {
  return {
    boot,
    async write(id, sidecar) {
      all.set(id, sidecar);
    },
    async remove(id) {
      all.delete(id);
    },
    load: async () => new Map(all),
  };
}

/** Puts something around parts of a memory store, to count or to disturb what it does. */
export interface MemoryStoreWrappers {
  readonly engine?: (engine: KeyValueEngine) => KeyValueEngine;
  readonly target?: (target: Target) => Target;
}

/** A data directory in memory. */
export function memoryPlace(wrappers: MemoryStoreWrappers = {}): StorePlace {
  const engine = createMemoryEngine();
  const files = createMemoryFiles();
  const sidecars = createMemorySidecars(new Map());
  return {
    name: 'memory',
    open(options) {
      const parts: StoreParts = {
        kv: openKeyValueStore(wrappers.engine?.(engine) ?? engine),
        sidecars,
        async openTarget(allocate) {
          const target = createMemoryTarget({ files, allocate });
          return wrappers.target?.(target) ?? target;
        },
        release: () => undefined,
      };
      return assembleStore(parts, options);
    },
    edit: (work) => work(engine),
    bytes: async (id) => files.written.get(id),
    async damage(id, bytes) {
      if (bytes === undefined) files.written.delete(id);
      else files.written.set(id, bytes);
    },
    remove: async () => undefined,
  };
}

/** A data directory in a real folder, made when it is opened first. */
function folderPlace(): StorePlace {
  let folder = '';
  const pathOfFile = (id: FileId): string => pathOf(join(folder, 'blobs'), id);
  return {
    name: 'folder',
    async open(options) {
      if (folder === '') folder = await makeTemporary('store');
      return await openStore(folder, options);
    },
    async edit(work) {
      const engine = openLmdbEngine(join(folder, 'metadata', 'stowage.mdb'));
      await work(engine);
      await engine.close();
    },
    bytes: (id) => readFile(pathOfFile(id)).catch(() => undefined),
    async damage(id, bytes) {
      if (bytes === undefined) await unlink(pathOfFile(id));
      else await writeFile(pathOfFile(id), bytes);
    },
    remove: () => removeTemporary(folder),
  };
}

/** One maker for each kind of store. */
export const STORE_PLACES: readonly (() => StorePlace)[] = [() => memoryPlace(), folderPlace];

/** A store under test, and what surrounds it. */
export interface TestStore {
  readonly place: StorePlace;
  /** The store that is open now. */
  readonly store: Store;
  /** Milliseconds since 1970 that the store sees. */
  readonly time: { now: number };
  /** What it reported. */
  readonly log: LogEntry[];
  /** Closes it and opens it again, perhaps with other settings and after `work` on the database. */
  reopen(how?: {
    readonly options?: StoreOptions;
    readonly work?: (engine: KeyValueEngine) => Promise<void>;
  }): Promise<void>;
  close(): Promise<void>;
}

/** Some time in 2027. */
const START = 1_800_000_000_000;

/**
 * Opens a store in a place. Nothing runs by itself, and time stands still until the test moves it.
 */
export async function openTestStore(
  place: StorePlace,
  options: StoreOptions = {},
): Promise<TestStore> {
  const time = { now: START };
  const log: LogEntry[] = [];
  const note =
    (level: LogEntry['level']) =>
    (fields: object, message: string): void =>
      void log.push({ level, message, fields });
  const logger = { info: note('info'), warn: note('warn'), error: note('error') };
  let used: StoreOptions = {
    clock: () => time.now,
    logger,
    collectEvery: 0,
    scrubPeriod: 0,
    scrubRate: Number.MAX_SAFE_INTEGER,
    ...options,
  };
  let store = await place.open(used);
  return {
    place,
    time,
    log,
    get store() {
      return store;
    },
    async reopen({ options: others = {}, work } = {}) {
      await store.close();
      if (work !== undefined) await place.edit(work);
      used = { ...used, ...others };
      store = await place.open(used);
    },
    async close() {
      await store.close();
      await place.remove();
    },
  };
}
