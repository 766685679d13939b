/**
 * The collector frees what nothing needs any more, in the background and in small steps, while
 * pushes and pulls go on.
 *
 * It holds no lock and makes no plan that could grow old: each removal is decided and carried out in
 * one transaction that looks at the state of that moment. A blob goes from a repository when no
 * manifest there refers to it and its lease has ended; content goes with its last owner, in the same
 * transaction; its file is removed after that transaction is durable. A crash at any point leaves
 * at most a file too many, which the first cycle after the next start finds.
 */

import type { Mutable } from '../lib/mutable.ts';
import type { StoreContext } from './context.ts';
import type { KeyRange } from './kv/types.ts';
import { deleteManifest, purgeDeletedManifest } from './manifests.ts';
import { type Changes, change } from './metadata/changes.ts';
import { keys, lastPart, middlePart, numberOf, ranges } from './metadata/keys.ts';
import {
  type DeletedManifestRecord,
  type DeletedTagRecord,
  decode,
  type ManifestRecord,
} from './metadata/records.ts';
import { readTotals } from './metadata/totals.ts';
import { type Pace, startPace } from './pace.ts';
import { keySteps } from './steps.ts';
import type { FileId } from './target/types.ts';
import { bytesFreedBy, findUnused, removeUnused } from './unused-blobs.ts';
import type { Uploads } from './uploads/uploads.ts';

/** The parts of a cycle, in their order. */
export const COLLECTION_PHASES = [
  'uploads',
  'dead-files',
  'deleted',
  'untagged',
  'blobs',
  'repositories',
  'recipes',
  'orphans',
] as const;

/** A part of a cycle. */
export type CollectionPhase = (typeof COLLECTION_PHASES)[number];

/** What a cycle has done so far, or would do in a dry run. */
export interface CollectionReport {
  readonly dryRun: boolean;
  /** Milliseconds since 1970. */
  readonly started: number;
  readonly finished?: number;
  /** Why it ended early. */
  readonly error?: string;
  readonly phase: CollectionPhase;
  /** Blobs looked at, and how many there are about. */
  readonly scanned: number;
  readonly total: number;
  /** What went. */
  readonly uploads: number;
  readonly manifests: number;
  readonly blobs: number;
  readonly repositories: number;
  /** Recipes of layers that went before. */
  readonly recipes: number;
  readonly files: number;
  /** Bytes of content that went for good. */
  readonly bytes: number;
}

/** What the cycles since the start have done, dry runs aside. */
export interface CollectionTotals {
  /** Cycles that have ended. */
  readonly cycles: number;
  readonly blobs: number;
  readonly bytes: number;
}

/** Blobs removed together, gathered over steps in which little is unused, because they share commits. */
const REMOVALS = 64;

/** How the collector is set up. */
export interface CollectorOptions {
  readonly uploads: Uploads;
  /** File numbers below this one come from earlier runs and may be leftovers of a crash. */
  readonly firstOwnFile: FileId;
  /** Milliseconds between the cycles that run by themselves; 0: none does. */
  readonly interval: number;
}

/** Frees what is not needed. */
export interface Collector {
  /** Begins a cycle, or joins one of the same kind that runs; resolves with its final report. */
  run(options: { readonly dryRun: boolean }): Promise<CollectionReport>;
  /** The cycle that runs, else the last one; undefined before the first. */
  report(): CollectionReport | undefined;
  /** The sum over all cycles, the running one included. */
  totals(): CollectionTotals;
  readonly running: boolean;
  /** Stops a running cycle and all further ones. */
  close(): Promise<void>;
}

/** Starts the collector. */
export function startCollector(context: StoreContext, options: CollectorOptions): Collector {
  const { kv, target, clock, settings, leases } = context;
  const { uploads } = options;
  const stop = new AbortController();
  let report: Mutable<CollectionReport> | undefined;
  let running: Promise<CollectionReport> | undefined;
  let sweptOrphans = false;
  const ended = { cycles: 0, blobs: 0, bytes: 0 };

  /** Goes over a range in steps; `visit` gets the keys of one step. */
  async function steps(
    range: KeyRange,
    pace: Pace,
    visit: (keys: readonly string[]) => void | Promise<void>,
  ): Promise<void> {
    for await (const found of keySteps(kv, range, { pace, signal: stop.signal })) {
      await visit(found);
    }
  }

  async function removeDeadFiles(now: Mutable<CollectionReport>, pace: Pace): Promise<void> {
    await steps(ranges.deadFiles(), pace, async (found) => {
      if (now.dryRun) return;
      for (const key of found) await target.remove(numberOf(key));
      await change(kv, ({ tx }) => {
        for (const key of found) tx.remove(key);
      });
      now.files += found.length;
    });
  }

  async function endUndo(now: Mutable<CollectionReport>, pace: Pace): Promise<void> {
    const isOver = (key: string): boolean => {
      const record = kv.read(key, decode<DeletedManifestRecord | DeletedTagRecord>);
      return record !== undefined && record.until <= clock();
    };
    await steps(ranges.deletedTags(), pace, async (found) => {
      const over = found.filter(isOver);
      if (now.dryRun || over.length === 0) return;
      await change(kv, ({ tx }) => {
        for (const key of over) tx.remove(key);
      });
    });
    await steps(ranges.deletedManifests(), pace, async (found) => {
      for (const key of found.filter(isOver)) {
        now.manifests++;
        if (!now.dryRun) await purgeDeletedManifest(context, middlePart(key), lastPart(key));
      }
    });
  }

  /**
   * Whether a manifest may go by age: nothing that a tag, an index or a subject reaches, deleted ones
   * that can still be restored included. Looking at the nearest keeper is enough, since a keeper that
   * may go itself goes first.
   */
  function isUnkept(changes: Changes, repository: string, digest: string): boolean {
    const { tx } = changes;
    const record = changes.record<ManifestRecord>(keys.manifest(repository, digest));
    const now = clock();
    if (record === undefined || record.at > now - settings.untaggedAfter) return false;
    if ((record.keptUntil ?? 0) > now || leases.holds(digest)) return false;
    const isKeeper = (keeper: string): boolean =>
      tx.has(keys.manifest(repository, keeper)) || tx.has(keys.deletedManifest(repository, keeper));
    const hasTag = tx.keys({ ...ranges.tagsOf(repository, digest), limit: 1 }).length > 0;
    const inIndex = tx.keys(ranges.uses(repository, digest)).some((key) => isKeeper(lastPart(key)));
    const hasSubject = record.subject !== undefined && isKeeper(record.subject);
    return !hasTag && !inIndex && !hasSubject;
  }

  async function removeUntagged(now: Mutable<CollectionReport>, pace: Pace): Promise<void> {
    if (settings.untaggedAfter === 0) return;
    await steps(ranges.allManifests(), pace, async (found) => {
      for (const key of found) {
        const repository = middlePart(key);
        const digest = lastPart(key);
        let unkept = false;
        await change(kv, (changes) => {
          unkept = isUnkept(changes, repository, digest);
        });
        if (!unkept) continue;
        now.manifests++;
        if (now.dryRun) continue;
        const only = (changes: Changes): boolean => isUnkept(changes, repository, digest);
        await deleteManifest(context, repository, digest, { only }).catch(() => undefined);
      }
    });
  }

  /** Removes blobs that are still unused; those of one call share commits. */
  async function removeBlobs(
    now: Mutable<CollectionReport>,
    pace: Pace,
    unused: readonly string[],
  ): Promise<void> {
    const freed: FileId[] = [];
    let failure: unknown;
    // A few are removed at once, many with few commits.
    const patient = unused.length >= REMOVALS;
    // Two of them may be one content in two repositories, so each goes in a transaction of its own.
    const remove = async (link: string): Promise<void> => {
      try {
        const removal = await removeUnused(context, link, { patient });
        if (removal === undefined) return;
        now.blobs++;
        now.bytes += removal.bytes;
        freed.push(...removal.freed);
      } catch (error) {
        failure ??= error;
      }
    };
    const removals: Promise<void>[] = [];
    try {
      for (const link of unused) {
        removals.push(remove(link));
        if (pace.due()) await pace.rest();
      }
    } finally {
      await Promise.all(removals);
    }
    await context.faultPoint('collector.committed');
    // One after the other: pushes need the threads of the pool.
    await context.removeFiles(freed);
    if (failure !== undefined) throw failure;
  }

  async function removeUnusedBlobs(now: Mutable<CollectionReport>, pace: Pace): Promise<void> {
    let unused: string[] = [];
    const flush = async (): Promise<void> => {
      const some = unused;
      unused = [];
      if (!now.dryRun) return await removeBlobs(now, pace, some);
      now.blobs += some.length;
      for (const link of some) now.bytes += bytesFreedBy(context, link);
    };
    await steps(ranges.allLinks(), pace, async (found) => {
      now.scanned += found.length;
      unused.push(...findUnused(context, found));
      if (unused.length >= REMOVALS) await flush();
    });
    await flush();
  }

  async function removeEmptyRepositories(
    now: Mutable<CollectionReport>,
    pace: Pace,
  ): Promise<void> {
    await steps(ranges.repositories(), pace, async (found) => {
      for (const key of found) {
        const name = lastPart(key);
        const held = [
          ranges.links(name),
          ranges.manifests(name),
          ranges.tags(name),
          ranges.deletedManifests(name),
        ];
        const isEmpty = (has: { keys(range: KeyRange): Iterable<string> }): boolean =>
          held.every((range) => [...has.keys({ ...range, limit: 1 })].length === 0);
        if (!isEmpty(kv)) continue;
        if (now.dryRun) {
          now.repositories++;
          continue;
        }
        const { result } = await change(kv, (changes) => {
          if (!changes.tx.has(key) || !isEmpty(changes.tx)) return false;
          changes.tx.remove(key);
          changes.count('repositories', -1);
          return true;
        });
        if (result) now.repositories++;
      }
    });
  }

  /**
   * Whether nobody knows a file. A transaction tells, because it also sees what waits for its commit:
   * a file that is being given up is needed until that is durable.
   */
  function isOrphan(id: FileId): Promise<boolean> {
    return kv.transact(
      ({ has }) => !has(keys.file(id)) && !has(keys.deadFile(id)) && !uploads.files().has(id),
    );
  }

  /** Files that a crash left behind; only the first cycle of a process can find any. */
  async function removeOrphans(now: Mutable<CollectionReport>, pace: Pace): Promise<void> {
    if (sweptOrphans) return;
    for await (const id of target.files()) {
      stop.signal.throwIfAborted();
      if (pace.due()) await pace.rest();
      if (id >= options.firstOwnFile) continue;
      if (kv.has(keys.file(id)) || !(await isOrphan(id))) continue;
      now.files++;
      now.bytes += await target.allocated(id);
      if (!now.dryRun) await target.remove(id);
    }
    if (!now.dryRun) sweptOrphans = true;
  }

  async function cycle(dryRun: boolean): Promise<CollectionReport> {
    const total = readTotals(kv).contents;
    const now: Mutable<CollectionReport> = {
      dryRun,
      started: clock(),
      phase: 'uploads',
      scanned: 0,
      total,
      uploads: 0,
      manifests: 0,
      blobs: 0,
      repositories: 0,
      recipes: 0,
      files: 0,
      bytes: 0,
    };
    report = now;
    const pace = startPace(stop.signal);
    const work: Record<CollectionPhase, () => Promise<void>> = {
      uploads: async () => {
        if (!dryRun) now.uploads = await uploads.expire();
      },
      'dead-files': () => removeDeadFiles(now, pace),
      deleted: () => endUndo(now, pace),
      untagged: () => removeUntagged(now, pace),
      blobs: () => removeUnusedBlobs(now, pace),
      repositories: () => removeEmptyRepositories(now, pace),
      recipes: async () => {
        if (!dryRun) now.recipes = (await context.hooks.collect?.(stop.signal)) ?? 0;
      },
      orphans: () => removeOrphans(now, pace),
    };
    try {
      for (const phase of COLLECTION_PHASES) {
        now.phase = phase;
        await work[phase]();
      }
    } catch (error) {
      now.error = (error as Error).message;
      if (!stop.signal.aborted) context.logger.error({ err: error }, 'collection failed');
    }
    now.finished = clock();
    if (!dryRun) {
      ended.cycles++;
      ended.blobs += now.blobs;
      ended.bytes += now.bytes;
    }
    if (now.error === undefined) context.logger.info({ ...now }, 'collection finished');
    return now;
  }

  async function run(dryRun: boolean): Promise<CollectionReport> {
    while (running !== undefined) {
      const current = await running;
      if (current.dryRun === dryRun) return current;
    }
    if (stop.signal.aborted) throw new Error('the store is closed');
    running = cycle(dryRun).finally(() => {
      running = undefined;
    });
    return await running;
  }

  const timer =
    options.interval > 0
      ? setInterval(() => void run(false).catch(() => undefined), options.interval).unref()
      : undefined;
  return {
    run: ({ dryRun }) => run(dryRun),
    report: () => report,
    totals() {
      if (report === undefined || report.dryRun || report.finished !== undefined)
        return { ...ended };
      const { cycles, blobs, bytes } = ended;
      return { cycles, blobs: blobs + report.blobs, bytes: bytes + report.bytes };
    },
    get running() {
      return running !== undefined;
    },
    async close() {
      clearInterval(timer);
      stop.abort(new Error('the store is being closed'));
      await running;
    },
  };
}
