/**
 * The segment store keeps groups: opaque bytes, already compressed, up to 2 MiB each, in append-only
 * files of about 256 MiB. It knows nothing of layers or files. What lies where is known to the
 * metadata store, so that groups come and go in the transactions of those who need them.
 */

import { createSlots } from '../../lib/slots.ts';
import { SILENT, type StoreLogger } from '../context.ts';
import type { KeyValueStore } from '../kv/types.ts';
import type { Clock } from '../leases.ts';
import type { Changes } from '../metadata/changes.ts';
import { nextNumber, takeNumbers } from '../metadata/counters.ts';
import { keys, numberOf, ranges } from '../metadata/keys.ts';
import {
  decode,
  NO_SEGMENTS,
  type QuarantineRecord,
  type SegmentRecord,
  type SegmentTotals,
} from '../metadata/records.ts';
import type { FileId, Target } from '../target/types.ts';
import { type CompactionReport, type CompactionRules, compactSegments } from './compaction.ts';
import type { SegmentContext } from './context.ts';
import { IndexIncompleteError } from './errors.ts';
import { addGroups, releaseGroups } from './group-index.ts';
import { createGroupNumbers } from './group-numbers.ts';
import { SEGMENT_HEADER } from './layout.ts';
import { readGroup, readGroups } from './reader.ts';
import { type RebuildReport, rebuildIndex } from './rebuild.ts';
import { type SegmentScrubReport, scrubSegments } from './scrub.ts';
import type { Group, GroupId, Placement } from './types.ts';
import { createWriter, type SegmentWriter } from './writer.ts';

const DAY = 24 * 3_600_000;

/** What the segments hold, for metrics. */
export interface SegmentFigures {
  readonly segments: number;
  /** Groups that are alive, and how many of them are quarantined. */
  readonly groups: number;
  readonly damaged: number;
  /** Bytes of the groups that are alive with their headers, and bytes that compaction can free. */
  readonly live: number;
  readonly dead: number;
}

/** A group in quarantine: its owner has to replace it, or what needs it, and then to release it. */
export interface DamagedGroup {
  readonly id: GroupId;
  readonly reason: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** Where a segment store lies. */
export interface SegmentParts {
  /** Not closed by the segment store. */
  readonly kv: KeyValueStore;
  /** Opens the place of the segments, in which nothing else lies; called once. */
  readonly openTarget: (allocate: (count: number) => Promise<FileId>) => Promise<Target>;
}

/** How a segment store is opened. Everything has a default. */
export interface SegmentOptions {
  readonly clock?: Clock;
  readonly logger?: StoreLogger;
  /** Bytes that a segment may have. Default 256 MiB. */
  readonly segmentSize?: number;
  /** Writers at once; further ones wait. Default 4. */
  readonly maxWriters?: number;
  /** When a segment is compacted. Default: below a live share of 0.7, or after 7 days. */
  readonly rules?: Partial<CompactionRules>;
  readonly faultPoint?: SegmentContext['faultPoint'];
}

/** Keeps groups. */
export interface SegmentStore {
  /**
   * A writer, once there is a place for one more. It has to be closed, and whoever has one must not
   * wait for another.
   * @throws the signal's reason
   */
  begin(signal?: AbortSignal): Promise<SegmentWriter>;
  /**
   * Enters groups in the index as a part of a transaction; they can be read once it is durable. Their
   * writer has synced them and is open until then.
   * @throws GroupNotDurableError when it has not, or is not
   */
  addGroups(changes: Changes, placements: readonly Placement[]): void;
  /**
   * Lets groups go as a part of a transaction. Nothing happens for those that are not there. A segment
   * in which nothing is alive any more is removed when the transaction is durable.
   */
  releaseGroups(changes: Changes, ids: readonly GroupId[]): void;
  /**
   * Reads one group and checks it.
   * @throws GroupMissingError, GroupDamagedError
   */
  read(id: GroupId): Promise<Group>;
  /**
   * Reads groups in this order and checks them. Those that lie next to each other are read in one go,
   * and up to 4 MiB ahead; their bytes are then parts of one buffer of up to 1 MiB. Ends at the first
   * group that cannot be had.
   * @throws GroupMissingError, GroupDamagedError, the signal's reason
   */
  readMany(ids: Iterable<GroupId>, signal?: AbortSignal): AsyncGenerator<Group>;
  /**
   * Goes once over all segments and gives back the space of what is dead in them, or joins the round
   * that runs.
   * @throws the signal's reason, errors of the disk and CommitError; what was done until then stays
   */
  compact(signal?: AbortSignal): Promise<CompactionReport>;
  /**
   * Reads all groups at `rate` bytes a second and quarantines what is damaged. Goes on with the pass
   * that was cut short, or joins the one that runs.
   * @throws the signal's reason, CommitError
   */
  scrub(rate: () => number, signal?: AbortSignal): Promise<SegmentScrubReport>;
  /** The groups that are quarantined now. */
  damaged(): Iterable<DamagedGroup>;
  figures(): SegmentFigures;
  /** Ends compaction and scrub, and closes the target. All writers are closed before. */
  close(): Promise<void>;
}

function createContext(kv: KeyValueStore, target: Target, options: SegmentOptions): SegmentContext {
  return {
    kv,
    target,
    clock: options.clock ?? Date.now,
    logger: options.logger ?? SILENT,
    segmentSize: options.segmentSize ?? 256 * 1024 * 1024,
    writing: new Map(),
    idle: new Map(),
    faultPoint: options.faultPoint ?? (() => undefined),
  };
}

/** Notes the segments that have room left. */
function findIdle({ kv, idle, segmentSize }: SegmentContext): void {
  for (const [key, value] of kv.entries(ranges.segments())) {
    const { end, damaged } = decode<SegmentRecord>(value);
    if (end < segmentSize && damaged === 0) idle.set(numberOf(key), end);
  }
}

/**
 * Opens the segments of a metadata store.
 * @throws IndexIncompleteError when the index is half rebuilt
 */
export async function openSegmentStore(
  { kv, openTarget }: SegmentParts,
  options: SegmentOptions = {},
): Promise<SegmentStore> {
  if (kv.has(keys.segmentRebuild)) throw new IndexIncompleteError();
  let firstOwn: FileId | undefined = nextNumber(kv, keys.segmentCounter);
  const target = await openTarget((count) => takeNumbers(kv, keys.segmentCounter, count));
  const context = createContext(kv, target, options);
  const rules: CompactionRules = { minLive: 0.7, maxAge: 7 * DAY, ...options.rules };
  const numbers = createGroupNumbers(kv);
  const slots = createSlots(options.maxWriters ?? 4);
  const stop = new AbortController();
  let compacting: Promise<CompactionReport> | undefined;
  let scrubbing: Promise<SegmentScrubReport> | undefined;
  findIdle(context);

  const orStop = (signal?: AbortSignal): AbortSignal =>
    signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);

  async function compactOnce(signal: AbortSignal): Promise<CompactionReport> {
    const report = await compactSegments(context, {
      rules,
      signal,
      firstOwn,
      createWriter: () => createWriter(context, numbers, () => undefined),
    });
    firstOwn = undefined;
    return report;
  }

  return {
    async begin(signal) {
      const release = await slots.take(orStop(signal));
      return createWriter(context, numbers, release);
    },
    addGroups: (changes, placements) => addGroups(context, changes, placements),
    releaseGroups: (changes, ids) => releaseGroups(context, changes, ids),
    async read(id) {
      const result = await readGroup(context, id);
      if ('error' in result) throw result.error;
      return result.group;
    },
    async *readMany(ids, signal) {
      for await (const result of readGroups(context, ids, { signal })) {
        if ('error' in result) throw result.error;
        yield result.group;
      }
    },
    compact(signal) {
      compacting ??= compactOnce(orStop(signal)).finally(() => {
        compacting = undefined;
      });
      return compacting;
    },
    scrub(rate, signal) {
      scrubbing ??= scrubSegments(context, { rate, signal: orStop(signal) }).finally(() => {
        scrubbing = undefined;
      });
      return scrubbing;
    },
    *damaged() {
      for (const [key, value] of kv.entries(ranges.quarantinedGroups())) {
        yield { id: numberOf(key), ...decode<QuarantineRecord>(value) };
      }
    },
    figures() {
      const totals = kv.read(keys.segmentTotals, decode<SegmentTotals>) ?? NO_SEGMENTS;
      const { segments, groups, damaged, live, bytes } = totals;
      return { segments, groups, damaged, live, dead: bytes - segments * SEGMENT_HEADER - live };
    },
    async close() {
      stop.abort(new Error('the store is being closed'));
      await Promise.allSettled([compacting, scrubbing]);
      await target.close();
    },
  };
}

/**
 * Rebuilds the index of the groups from their headers. Nobody may have the store open.
 * @throws the signal's reason, SegmentVersionError, CommitError, errors of the file system
 */
export async function rebuildSegmentIndex(
  { kv, openTarget }: SegmentParts,
  options: SegmentOptions & { readonly signal: AbortSignal },
): Promise<RebuildReport> {
  // Which numbers are free is only known at the end, and no file is made before.
  const target = await openTarget(() => Promise.reject(new Error('the index is being rebuilt')));
  try {
    return await rebuildIndex(createContext(kv, target, options), options.signal);
  } finally {
    await target.close();
  }
}
