/** What the parts of the store share. */
import type { LRUCache } from 'lru-cache';
import type { Digest } from '../oci/digest.ts';
import type { StoreHooks } from './hooks.ts';
import type { KeyValueStore } from './kv/types.ts';
import type { Clock, Leases } from './leases.ts';
import { type Changes, change } from './metadata/changes.ts';
import type { FileId, Target } from './target/types.ts';

/** What an operator can set. Times in milliseconds, sizes in bytes. */
export interface StoreSettings {
  /** Content up to this size lies in the metadata store. */
  readonly inlineMax: number;
  /** How long a blob that nothing refers to stays after it was last asked for. */
  readonly lease: number;
  /** How long deleted manifests and tags can be restored; 0: not at all. */
  readonly undo: number;
  /** Free space below which pushes are refused; `auto`: the smaller of 1 GiB and 5 %. */
  readonly reserve: number | 'auto';
  readonly uploads: {
    /** Time after its last byte at which an upload ends. */
    readonly expire: number;
    /** Largest blob taken; 0: any. */
    readonly maxSize: number;
    /** Uploads open at once. */
    readonly maxSessions: number;
  };
  /** Whether a blob may be deleted while a manifest refers to it. */
  readonly protectReferenced: boolean;
  /** Age at which a manifest without a tag goes, unless something keeps it; 0: never. */
  readonly untaggedAfter: number;
}

export const DEFAULT_SETTINGS: StoreSettings = {
  inlineMax: 16 * 1024,
  lease: 24 * 3_600_000,
  undo: 24 * 3_600_000,
  reserve: 'auto',
  uploads: { expire: 24 * 3_600_000, maxSize: 0, maxSessions: 10_000 },
  protectReferenced: false,
  untaggedAfter: 0,
};

/** Where the store reports what an operator should know; a pino logger fits. */
export interface StoreLogger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Reports nothing. */
export const SILENT: StoreLogger = {
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/** Places in the code where a fault test may stop the process; the names are part of the tests. */
export type FaultPoint =
  | 'upload.synced'
  | 'upload.committed'
  | 'manifest.synced'
  | 'manifest.committed'
  | 'delete.committed'
  | 'collector.committed'
  | 'collector.unlinked';

/** Shared by all parts of one store. */
export interface StoreContext {
  readonly kv: KeyValueStore;
  readonly target: Target;
  readonly leases: Leases;
  readonly clock: Clock;
  readonly settings: StoreSettings;
  readonly logger: StoreLogger;
  /** What the floor above adds. */
  readonly hooks: StoreHooks;
  /** Small content in memory, by digest. Digests name bytes, so an entry can never be stale. */
  readonly contentCache: LRUCache<Digest, Buffer>;
  /** Called at named places; does nothing outside of fault tests. */
  readonly faultPoint: (name: FaultPoint) => void | Promise<void>;
  /** Removes files of the target that a durable transaction has freed. */
  removeFiles(freed: readonly FileId[]): Promise<void>;
}

/** Runs a transaction and removes the files that it freed once it is durable. */
export async function commit<T>(context: StoreContext, work: (changes: Changes) => T): Promise<T> {
  const { result, freed } = await change(context.kv, work);
  if (freed.length > 0) await context.removeFiles(freed);
  return result;
}
