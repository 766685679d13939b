/**
 * Rebuilds the index of the groups from the headers in the segments, after the database was lost or is
 * not to be trusted. Every group that lies in a segment is entered, also those that had been released;
 * their owner knows which ones it needs.
 *
 * Where two segments hold a group, since it was being moved when the process ended, the copy whose
 * checksum is right is taken.
 */
import type { KeyRange, KeyValueStore } from '../kv/types.ts';
import { change } from '../metadata/changes.ts';
import { nextNumber } from '../metadata/counters.ts';
import { keys, ranges } from '../metadata/keys.ts';
import {
  type CounterRecord,
  decode,
  NO_SEGMENTS,
  type SegmentTotals,
} from '../metadata/records.ts';
import { type Pace, startPace } from '../pace.ts';
import { keySteps } from '../steps.ts';
import type { FileId } from '../target/types.ts';
import type { SegmentContext } from './context.ts';
import { enterFoundGroup, findGroup } from './group-index.ts';
import { inspectGroup } from './reader.ts';
import type { GroupId, Placement } from './types.ts';
import { walkSegment } from './walk.ts';

/** Groups entered, or keys removed, in one transaction. */
const BATCH = 256;

/** What was found. */
export interface RebuildReport {
  /** Segments that hold a group, and groups. */
  readonly segments: number;
  readonly groups: number;
}

function indexRanges(): readonly KeyRange[] {
  const { groups, allGroupsAt, quarantinedGroups, segments, deadSegments } = ranges;
  return [groups(), allGroupsAt(), quarantinedGroups(), segments(), deadSegments()];
}

async function clearIndex(kv: KeyValueStore, pace: Pace, signal: AbortSignal): Promise<void> {
  await change(kv, (changes) => {
    changes.mark(keys.segmentRebuild);
    changes.tx.remove(keys.segmentTotals);
    changes.tx.remove(keys.segmentScrub);
  });
  for (const range of indexRanges()) {
    for await (const found of keySteps(kv, range, { pace, signal, limit: BATCH })) {
      await change(kv, ({ tx }) => {
        for (const key of found) tx.remove(key);
      });
    }
  }
}

/** Enters groups; of two copies of one, the sound one. */
async function enterAll(context: SegmentContext, placements: readonly Placement[]): Promise<void> {
  const wanted = new Map<GroupId, Placement>();
  for (const placement of placements) {
    const { id } = placement;
    const known = wanted.get(id) ?? findGroup(context, id);
    const isBetter = known === undefined || (await inspectGroup(context, id, known)) !== undefined;
    if (isBetter) wanted.set(id, placement);
  }
  await change(context.kv, (changes) => {
    for (const placement of wanted.values()) enterFoundGroup(context, changes, placement);
  });
}

/** Enters the groups of one segment; returns the highest of their numbers, -1 when it has none. */
async function enterSegment(
  context: SegmentContext,
  segment: FileId,
  signal: AbortSignal,
): Promise<number> {
  const reader = await context.target.open(segment);
  let highest = -1;
  try {
    let batch: Placement[] = [];
    for await (const placement of walkSegment(reader, segment)) {
      signal.throwIfAborted();
      highest = Math.max(highest, placement.id);
      batch.push(placement);
      if (batch.length < BATCH) continue;
      await enterAll(context, batch);
      batch = [];
    }
    await enterAll(context, batch);
  } finally {
    reader.release();
  }
  return highest;
}

/** Makes sure that a counter never hands out a number again that is in use. */
async function raiseCounter(kv: KeyValueStore, key: string, highest: number): Promise<void> {
  const next = Math.max(nextNumber(kv, key), highest + 1);
  await change(kv, (changes) => changes.put(key, { next } satisfies CounterRecord));
}

/**
 * Builds the index anew. Nobody else may use the store meanwhile, and nobody can before it has come to
 * its end once: cut short, it has to be run again.
 * @throws the signal's reason, SegmentVersionError, CommitError, errors of the file system
 */
export async function rebuildIndex(
  context: SegmentContext,
  signal: AbortSignal,
): Promise<RebuildReport> {
  const { kv, target } = context;
  const pace = startPace(signal);
  await clearIndex(kv, pace, signal);
  let highestSegment = -1;
  let highestGroup = -1;
  for await (const segment of target.files()) {
    signal.throwIfAborted();
    highestSegment = Math.max(highestSegment, segment);
    highestGroup = Math.max(highestGroup, await enterSegment(context, segment, signal));
  }
  await raiseCounter(kv, keys.segmentCounter, highestSegment);
  await raiseCounter(kv, keys.groupCounter, highestGroup);
  await change(kv, ({ tx }) => tx.remove(keys.segmentRebuild));
  const { segments, groups } = kv.read(keys.segmentTotals, decode<SegmentTotals>) ?? NO_SEGMENTS;
  return { segments, groups };
}
