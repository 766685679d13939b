/** {@link Operations} on a store in this process. */
import { type LayerStore, openLayerStore } from '../../dedup/layer-store.ts';
import { FORMAT } from '../../storage/format.ts';
import { openStore, type Store } from '../../storage/store.ts';
import type { Config } from '../config/config.ts';
import { dedupPolicy } from '../config/dedup-policy.ts';
import { storeOptions } from '../config/store-options.ts';
import { isoTime } from './job-fields.ts';
import { dedupReport, localDedup } from './local-dedup.ts';
import { localFiles } from './local-files.ts';
import { collectionJob, scrubJob } from './local-jobs.ts';
import { localRepositories } from './local-repositories.ts';
import type { Operations, Status } from './operations.ts';
import { VERSION } from './version.ts';

/** Entries of the quarantine that are counted: a broken disk can put everything there. */
const MAX_COUNTED = 10_000;

function countQuarantine({ scrub }: Store): number {
  let count = 0;
  for (const _ of scrub.quarantined()) if (++count === MAX_COUNTED) break;
  return count;
}

/** Makes the operations on a store; the start of the process is taken for that of the server. */
export function createLocalOperations(store: Store, layers: LayerStore): Operations {
  const { collector, scrub } = store;
  const collection = collectionJob(store);
  const checks = scrubJob(store);

  async function status(): Promise<Status> {
    const totals = store.totals();
    const space = await store.space.look();
    const collected = collector.totals();
    const checked = scrub.totals();
    const memory = process.memoryUsage();
    return {
      version: VERSION,
      formatVersion: FORMAT,
      startedAt: isoTime(performance.timeOrigin),
      uptimeSeconds: performance.now() / 1000,
      repositories: totals.repositories,
      tags: totals.tags,
      manifests: totals.manifests,
      blobs: totals.contents,
      blobBytes: totals.bytes,
      quarantinedBlobs: countQuarantine(store),
      openUploads: store.uploads.open,
      space: {
        totalBytes: space.total,
        freeBytes: space.free,
        reserveBytes: Math.round(space.reserve),
        pushesRefused: space.free < space.reserve,
      },
      collection: {
        rounds: collected.cycles,
        removedBlobs: collected.blobs,
        removedBytes: collected.bytes,
        last: await collection.report(),
      },
      scrub: {
        checkedBlobs: checked.contents,
        checkedBytes: checked.bytes,
        damagedBlobs: checked.damaged,
        last: await checks.report(),
      },
      dedup: dedupReport(store, layers),
      memory: { residentBytes: memory.rss, heapUsedBytes: memory.heapUsed },
    };
  }

  return {
    ...localRepositories(store.context),
    status,
    collection,
    scrub: checks,
    files: localFiles(store, layers),
    dedup: localDedup(store, layers),
  };
}

/**
 * Opens the data directory of a configuration for one command: nothing runs in the background.
 * @throws DataDirectoryLockedError while another process has it, FormatError when it is too new
 */
export async function openDirectory(
  config: Config,
): Promise<{ readonly operations: Operations; close(): Promise<void> }> {
  const quiet = { collectEvery: 0, scrubPeriod: 0 };
  const store = await openStore(config.data.dir, { ...storeOptions(config), ...quiet });
  try {
    const layers = await openLayerStore(store, config.data.dir, {
      policy: dedupPolicy(config.dedup),
      background: false,
    });
    return {
      operations: createLocalOperations(store, layers),
      async close() {
        await layers.close();
        await store.close();
      },
    };
  } catch (error) {
    await store.close();
    throw error;
  }
}
