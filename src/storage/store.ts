/** Opens a data directory: everything that keeps bytes and facts, put together. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { LRUCache } from 'lru-cache';
import { makeFolder, syncFolder } from '../lib/files.ts';
import { createHasher } from '../lib/hashing.ts';
import { type Collector, startCollector } from './collector.ts';
import {
  DEFAULT_SETTINGS,
  SILENT,
  type StoreContext,
  type StoreLogger,
  type StoreSettings,
} from './context.ts';
import { FORMAT, noteFormat, readFormat } from './format.ts';
import { noHooks } from './hooks.ts';
import { openLmdbEngine } from './kv/lmdb.ts';
import { asDamage, DatabaseDamagedError, isEmptyDatabase } from './kv/lmdb-file.ts';
import { openKeyValueStore } from './kv/store.ts';
import type { KeyValueStore } from './kv/types.ts';
import { type Clock, createLeases } from './leases.ts';
import { type DirectoryLock, lockDirectory } from './lock.ts';
import { nextNumber, takeNumbers } from './metadata/counters.ts';
import { keys } from './metadata/keys.ts';
import type { Totals } from './metadata/records.ts';
import { readTotals } from './metadata/totals.ts';
import { type Scrub, startScrub } from './scrub.ts';
import { type SpaceWatch, watchSpace } from './space.ts';
import { holdsContent, openFileSystemTarget } from './target/file-system.ts';
import type { FileId, Target } from './target/types.ts';
import { openSidecars, type Sidecars } from './uploads/sidecar.ts';
import { openUploads, type Uploads } from './uploads/uploads.ts';

/** Bytes of small content kept in memory. */
const CONTENT_CACHE = 32 * 1024 * 1024;

/** A registry's data, open. The functions of this folder work on its `context`. */
export interface Store {
  readonly context: StoreContext;
  readonly uploads: Uploads;
  readonly collector: Collector;
  readonly scrub: Scrub;
  readonly space: SpaceWatch;
  /** What the registry holds. */
  totals(): Totals;
  /** Ends background work, waits for writes and lets go of the data directory. */
  close(): Promise<void>;
}

/** How a store is opened. Everything but the folder has a default. */
export interface StoreOptions {
  readonly settings?: Partial<StoreSettings>;
  readonly logger?: StoreLogger;
  readonly clock?: Clock;
  /** Milliseconds between collections that run by themselves; 0: none does. Default 15 minutes. */
  readonly collectEvery?: number;
  /** Milliseconds within which the scrub reads everything; 0: only when asked. Default 14 days. */
  readonly scrubPeriod?: number;
  /** Bytes a second of a scrub that was asked for. Default 100 MiB. */
  readonly scrubRate?: number;
  readonly faultPoint?: StoreContext['faultPoint'];
}

/** The parts a store is made of, real or in memory. */
export interface StoreParts {
  readonly kv: KeyValueStore;
  /** Called once the counter of file numbers can be used. */
  readonly openTarget: (allocate: (count: number) => Promise<FileId>) => Promise<Target>;
  readonly sidecars: Sidecars;
  readonly release: () => void | Promise<void>;
}

/** Puts a store together from its parts, which it then owns. */
export async function assembleStore(parts: StoreParts, options: StoreOptions): Promise<Store> {
  const { kv, sidecars } = parts;
  const settings = { ...DEFAULT_SETTINGS, ...options.settings };
  const clock = options.clock ?? Date.now;
  const firstOwnFile = nextNumber(kv, keys.fileCounter);
  const target = await parts.openTarget((count) => takeNumbers(kv, keys.fileCounter, count));
  const context: StoreContext = {
    kv,
    target,
    leases: createLeases(settings.lease, clock),
    clock,
    settings,
    logger: options.logger ?? SILENT,
    hooks: noHooks(),
    contentCache: new LRUCache({
      maxSize: CONTENT_CACHE,
      sizeCalculation: (bytes) => bytes.length + 256,
    }),
    faultPoint: options.faultPoint ?? (() => undefined),
    async removeFiles(freed) {
      for (const id of freed) {
        await target.remove(id).catch((error: unknown) => {
          // Its entry among the dead files stays, so the collector tries again.
          context.logger.warn({ err: error, file: id }, 'file not removed');
        });
      }
      await context.faultPoint('collector.unlinked');
    },
  };
  const hasher = createHasher();
  const uploads = await openUploads(context, { sidecars, hasher, secret: await secretOf(kv) });
  const collector = startCollector(context, {
    uploads,
    firstOwnFile,
    interval: options.collectEvery ?? 15 * 60_000,
  });
  const scrub = startScrub(context, {
    hasher,
    period: options.scrubPeriod ?? 14 * 24 * 3_600_000,
    rate: options.scrubRate ?? 100 * 1024 * 1024,
  });
  return {
    context,
    uploads,
    collector,
    scrub,
    space: watchSpace(target, settings.reserve, clock),
    totals: () => readTotals(kv),
    async close() {
      await Promise.all([collector.close(), scrub.close()]);
      await uploads.close();
      await hasher.close();
      await kv.settled();
      await target.close();
      await kv.close();
      await parts.release();
    },
  };
}

async function secretOf(kv: KeyValueStore): Promise<Buffer> {
  const known = kv.bytes(keys.secret);
  if (known !== undefined) return known;
  const secret = randomBytes(32);
  await kv.transact((tx) => tx.put(keys.secret, secret));
  return secret;
}

/**
 * Opens the store in a folder, which is made when missing. A folder that was used and has lost its
 * database is refused: an empty registry would take all blob files for leftovers of a crash.
 * @throws DataDirectoryLockedError while another process has it, FormatError when it is too new,
 *   DatabaseDamagedError
 */
export async function openStore(folder: string, options: StoreOptions = {}): Promise<Store> {
  await makeFolder(folder);
  const lock: DirectoryLock = lockDirectory(folder);
  const metadata = join(folder, 'metadata');
  const database = join(metadata, 'stowage.mdb');
  try {
    const format = await readFormat(folder);
    const blobs = join(folder, 'blobs');
    if (isEmptyDatabase(database) && (format !== undefined || (await holdsContent(blobs)))) {
      throw new DatabaseDamagedError(
        database,
        'it is missing or empty, in a directory that was used',
      );
    }
    await makeFolder(metadata);
    const kv = openKeyValueStore(openLmdbEngine(database));
    const sidecars = await openSidecars(join(folder, 'uploads'));
    const openTarget: StoreParts['openTarget'] = async (allocate) => {
      const target = await openFileSystemTarget({ root: blobs, allocate });
      await syncFolder(metadata);
      await syncFolder(folder);
      return target;
    };
    const store = await assembleStore({ kv, sidecars, openTarget, release: lock.release }, options);
    // Last, and before anything is accepted: with it, a missing database is a loss and no beginning,
    // and a program that knows only an older format does not take recipes for missing bytes.
    if (format !== FORMAT) {
      await noteFormat(folder).catch(async (error: unknown) => {
        await store.close();
        throw error;
      });
    }
    return store;
  } catch (error) {
    lock.release();
    throw asDamage(database, error);
  }
}
