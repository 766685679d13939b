/** The part of a configuration that the store goes by. */
import type { StoreOptions } from '../../storage/store.ts';
import type { Config } from './config.ts';

/** What a store is opened with; background work runs as configured. */
export function storeOptions(config: Config): StoreOptions {
  const { uploads, deletes, gc, scrub, data } = config;
  return {
    settings: {
      lease: gc.lease,
      undo: deletes.undo,
      reserve: data.reserve,
      uploads: {
        expire: uploads.expire,
        // The store knows no infinity: 0 is what stands for any size there.
        maxSize: Number.isFinite(uploads.maxSize) ? uploads.maxSize : 0,
        maxSessions: uploads.maxSessions,
      },
      protectReferenced: deletes.protectReferenced,
      untaggedAfter: gc.untaggedAfter ?? 0,
    },
    collectEvery: gc.interval ?? 0,
    scrubPeriod: scrub.period ?? 0,
  };
}
