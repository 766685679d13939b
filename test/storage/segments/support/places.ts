/** The segment stores that tests run on: put together in memory, and in a real folder. */
import { mkdir, readFile, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openLmdbEngine } from '../../../../src/storage/kv/lmdb.ts';
import { createMemoryEngine } from '../../../../src/storage/kv/memory.ts';
import { openKeyValueStore } from '../../../../src/storage/kv/store.ts';
import type { KeyValueEngine, KeyValueStore } from '../../../../src/storage/kv/types.ts';
import { change } from '../../../../src/storage/metadata/changes.ts';
import {
  openSegmentStore,
  type SegmentOptions,
  type SegmentParts,
  type SegmentStore,
} from '../../../../src/storage/segments/store.ts';
import type { GroupId, NewGroup, Placement } from '../../../../src/storage/segments/types.ts';
import { openFileSystemTarget } from '../../../../src/storage/target/file-system.ts';
import {
  createMemoryFiles,
  createMemoryTarget,
  losePower,
} from '../../../../src/storage/target/memory.ts';
import { pathOf } from '../../../../src/storage/target/paths.ts';
import type { FileId, Target } from '../../../../src/storage/target/types.ts';
import { makeTemporary, removeTemporary } from '../../../support/temporary.ts';

/** Where one segment store lies. */
export interface SegmentPlace {
  readonly name: string;
  /** Prepares what a process needs; again after the last one was closed or has died. */
  start(): Promise<SegmentParts & { close(): Promise<void> }>;
  /** Segments with at least one byte, in the order of their numbers. */
  segments(): Promise<FileId[]>;
  bytes(segment: FileId): Promise<Buffer>;
  /** Puts other bytes in the place of a segment, or takes it away. */
  damage(segment: FileId, bytes: Buffer | undefined): Promise<void>;
  remove(): Promise<void>;
}

/** Puts something around parts of a place, to count or to disturb what it does. */
export interface Wrappers {
  readonly engine?: (engine: KeyValueEngine) => KeyValueEngine;
  readonly target?: (target: Target) => Target;
}

/** A place in memory, of which power loss takes what was not synced. */
export function memoryPlace(
  wrappers: Wrappers = {},
): SegmentPlace & { losePower(): void; readonly engine: KeyValueEngine } {
  const engine = createMemoryEngine();
  const files = createMemoryFiles();
  return {
    name: 'memory',
    engine,
    losePower: () => losePower(files),
    async start() {
      const kv = openKeyValueStore(wrappers.engine?.(engine) ?? engine);
      return {
        kv,
        async openTarget(allocate) {
          const target = createMemoryTarget({ files, allocate: () => allocate(1) });
          return wrappers.target?.(target) ?? target;
        },
        close: () => kv.close(),
      };
    },
    async segments() {
      const filled = [...files.written].filter(([, bytes]) => bytes.length > 0);
      return filled.map(([id]) => id).sort((a, b) => a - b);
    },
    bytes: async (id) => Buffer.from(files.written.get(id)!),
    async damage(id, bytes) {
      if (bytes === undefined) files.written.delete(id);
      else files.written.set(id, bytes);
    },
    remove: async () => undefined,
  };
}

/** A place in a real folder. */
function folderPlace(): SegmentPlace {
  let folder = '';
  const root = (): string => join(folder, 'segments');
  return {
    name: 'folder',
    async start() {
      if (folder === '') folder = await makeTemporary('segments');
      await mkdir(root(), { recursive: true });
      const kv = openKeyValueStore(openLmdbEngine(join(folder, 'stowage.mdb')));
      return {
        kv,
        openTarget: (allocate) => openFileSystemTarget({ root: root(), allocate }),
        close: () => kv.close(),
      };
    },
    async segments() {
      const target = await openFileSystemTarget({
        root: root(),
        allocate: () => Promise.reject(new Error('read only')),
      });
      const found: FileId[] = [];
      for await (const id of target.files()) {
        if ((await readFile(pathOf(root(), id))).length > 0) found.push(id);
      }
      await target.close();
      return found.sort((a, b) => a - b);
    },
    bytes: (id) => readFile(pathOf(root(), id)),
    async damage(id, bytes) {
      if (bytes === undefined) await unlink(pathOf(root(), id));
      else await writeFile(pathOf(root(), id), bytes);
    },
    async remove() {
      await removeTemporary(folder);
      folder = '';
    },
  };
}

/** One maker for each kind of place. */
export const SEGMENT_PLACES: readonly (() => SegmentPlace)[] = [() => memoryPlace(), folderPlace];

/** A segment store under test. */
export interface TestSegments {
  readonly place: SegmentPlace;
  readonly store: SegmentStore;
  readonly kv: KeyValueStore;
  /** Milliseconds since 1970 that the store sees. */
  readonly time: { now: number };
  /** Messages of the store. */
  readonly log: string[];
  /** Closes it and opens it again; `meanwhile` runs when it is closed. */
  reopen(options?: SegmentOptions, meanwhile?: () => Promise<void>): Promise<void>;
  close(): Promise<void>;
}

/** Some time in 2027. */
const START = 1_800_000_000_000;

/** Opens a store in a place. Time stands still until the test moves it. */
export async function openTestSegments(
  place: SegmentPlace,
  options: SegmentOptions = {},
): Promise<TestSegments> {
  const time = { now: START };
  const log: string[] = [];
  const note = (_: object, message: string): void => void log.push(message);
  let used: SegmentOptions = {
    clock: () => time.now,
    logger: { info: note, warn: note, error: note },
    segmentSize: 64 * 1024,
    ...options,
  };
  let parts = await place.start();
  let store = await openSegmentStore(parts, used);
  async function close(): Promise<void> {
    await store.close();
    await parts.close();
  }
  return {
    place,
    time,
    log,
    get store() {
      return store;
    },
    get kv() {
      return parts.kv;
    },
    async reopen(others = {}, meanwhile = async () => undefined) {
      await close();
      await meanwhile();
      used = { ...used, ...others };
      parts = await place.start();
      store = await openSegmentStore(parts, used);
    },
    async close() {
      await close();
      await place.remove();
    },
  };
}

/** Bytes that depend on their seed and do not repeat. */
export function bytesOf(seed: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let state = (seed + 1) * 0x9e3779b1;
  for (let i = 0; i < length; i++) {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x6d2b79f5;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

/** Stores groups by a writer of their own and one transaction; returns where they lie. */
export async function storeGroups(
  { store, kv }: { readonly store: SegmentStore; readonly kv: KeyValueStore },
  groups: readonly NewGroup[],
): Promise<Placement[]> {
  const writer = await store.begin();
  try {
    const placements = await writer.append(groups);
    await writer.sync();
    await change(kv, (changes) => store.addGroups(changes, placements));
    return placements;
  } finally {
    await writer.close();
  }
}

/** Stores groups of kind 1 whose bytes are {@link bytesOf} their numbers, 0 and up. */
export function storeNumbered(
  test: { readonly store: SegmentStore; readonly kv: KeyValueStore },
  count: number,
  length: number,
): Promise<Placement[]> {
  const groups = Array.from({ length: count }, (_, i) => ({ kind: 1, bytes: bytesOf(i, length) }));
  return storeGroups(test, groups);
}

/** Lets groups go. */
export async function release(
  { store, kv }: { readonly store: SegmentStore; readonly kv: KeyValueStore },
  ids: readonly GroupId[],
): Promise<void> {
  await change(kv, (changes) => store.releaseGroups(changes, ids));
}
