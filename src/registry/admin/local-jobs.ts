/** The long jobs of a store as {@link Operations} shows them. */
import type { CollectionReport as StoreCollection } from '../../storage/collector.ts';
import type { QuarantineEntry, ScrubReport as StoreScrub } from '../../storage/scrub.ts';
import type { Store } from '../../storage/store.ts';
import { isoTime, jobFields, progressOf } from './job-fields.ts';
import type {
  CollectionReport,
  Job,
  Operations,
  QuarantinedBlob,
  ScrubReport,
} from './operations.ts';

/** Entries of the quarantine in a report. */
const MAX_QUARANTINE = 100;

function toCollection(report: StoreCollection, now: number): CollectionReport {
  return {
    ...jobFields(report),
    dryRun: report.dryRun,
    phase: report.phase,
    progress: progressOf({
      unit: 'blobs',
      done: report.scanned,
      total: report.total,
      report,
      now,
    }),
    removedBlobs: report.blobs,
    removedBytes: report.bytes,
    removedManifests: report.manifests,
    removedUploads: report.uploads,
    removedRepositories: report.repositories,
    removedRecipes: report.recipes,
  };
}

/** What a round looks like that waits for one of the other kind to end. */
function waiting(dryRun: boolean, started: number): CollectionReport {
  return {
    ...jobFields({ started }),
    dryRun,
    phase: 'waiting',
    progress: { unit: 'blobs', done: 0, total: null, ratePerSecond: 0, etaSeconds: null },
    removedBlobs: 0,
    removedBytes: 0,
    removedManifests: 0,
    removedUploads: 0,
    removedRepositories: 0,
    removedRecipes: 0,
  };
}

/** The first entries of the quarantine. */
function quarantineOf(entries: Iterable<QuarantineEntry>): QuarantinedBlob[] {
  const found: QuarantinedBlob[] = [];
  for (const { digest, reason, at } of entries) {
    if (found.length === MAX_QUARANTINE) break;
    found.push({ digest, reason, at: isoTime(at) });
  }
  return found;
}

function toScrub(
  report: StoreScrub,
  { quarantined, now }: { readonly quarantined: Iterable<QuarantineEntry>; readonly now: number },
): ScrubReport {
  return {
    ...jobFields(report),
    progress: progressOf({
      unit: 'bytes',
      done: report.bytes,
      total: report.totalBytes,
      report,
      now,
    }),
    checkedBlobs: report.contents,
    checkedBytes: report.bytes,
    damagedBlobs: report.damaged,
    quarantine: quarantineOf(quarantined),
  };
}

/** The rounds of the collector. */
export function collectionJob({ collector, context }: Store): Operations['collection'] {
  const { clock } = context;
  /** The round asked for last, until it has ended. */
  let asked: { readonly dryRun: boolean; readonly at: number } | undefined;

  function current(): CollectionReport | null {
    const report = collector.report();
    // A round of the other kind has to end first; its report is not the one that is waited for.
    if (asked !== undefined && report?.dryRun !== asked.dryRun) {
      return waiting(asked.dryRun, asked.at);
    }
    return report === undefined ? null : toCollection(report, clock());
  }

  return {
    async start({ dryRun }) {
      const mine = { dryRun, at: clock() };
      asked = mine;
      const forget = (): void => {
        if (asked === mine) asked = undefined;
      };
      // How it ends stands in the report.
      collector.run({ dryRun }).then(forget, forget);
      return current()!;
    },
    report: async () => current(),
  };
}

/** The passes of the scrub. */
export function scrubJob({ scrub, context }: Store): Job<ScrubReport> {
  const { clock } = context;

  function current(): ScrubReport | null {
    const report = scrub.report();
    if (report === undefined) return null;
    return toScrub(report, { quarantined: scrub.quarantined(), now: clock() });
  }

  return {
    async start() {
      scrub.run().catch((error: unknown) => {
        context.logger.error({ err: error }, 'scrub could not be started');
      });
      return current()!;
    },
    report: async () => current(),
  };
}
