/**
 * The index of the groups: which there are and where they lie, and what is alive in each segment.
 * All changes are parts of a transaction of the caller, so that what refers to groups and the groups
 * themselves come and go together.
 *
 * A transaction may write each key only once and does not see its own writes, so what it does to
 * groups and segments is gathered and written at its end.
 */
import { type Changes, change } from '../metadata/changes.ts';
import { keys } from '../metadata/keys.ts';
import {
  decode,
  type GroupRecord,
  NO_SEGMENTS,
  type QuarantineRecord,
  type SegmentRecord,
  type SegmentTotals,
} from '../metadata/records.ts';
import type { FileId } from '../target/types.ts';
import type { SegmentContext } from './context.ts';
import { GroupNotDurableError } from './errors.ts';
import { SEGMENT_HEADER, sizeOf } from './layout.ts';
import type { GroupId, Placement } from './types.ts';

/** How a transaction changes what lies in a segment. */
interface SegmentTally {
  live: number;
  groups: number;
  damaged: number;
  end: number;
}

/** What a transaction does. */
interface Tally {
  /** Groups as the transaction leaves them; null: gone. */
  readonly groups: Map<GroupId, GroupRecord | null>;
  readonly segments: Map<FileId, SegmentTally>;
}

const tallies = new WeakMap<Changes, Tally>();

/** A new segment, before its first group is entered. */
const EMPTY: SegmentRecord = { end: SEGMENT_HEADER, live: 0, groups: 0, damaged: 0 };

/** Bytes of a segment that nobody needs. */
export function deadBytes({ end, live }: SegmentRecord): number {
  return end - SEGMENT_HEADER - live;
}

/** A group as durable transactions have left it; undefined when there is none. */
export function findGroup({ kv }: SegmentContext, id: GroupId): GroupRecord | undefined {
  return kv.read(keys.group(id), decode<GroupRecord>);
}

/** Whether two records of a group mean the same bytes. */
export function samePlace(
  a: Pick<GroupRecord, 'segment' | 'position'> | undefined,
  b: Pick<GroupRecord, 'segment' | 'position'>,
): boolean {
  return a !== undefined && a.segment === b.segment && a.position === b.position;
}

function tallyOf(context: SegmentContext, changes: Changes): Tally {
  const known = tallies.get(changes);
  if (known !== undefined) return known;
  const tally: Tally = { groups: new Map(), segments: new Map() };
  tallies.set(changes, tally);
  changes.atEnd(() => writeTally(context, changes, tally));
  return tally;
}

/** A group as the transaction has left it so far. */
function currentGroup(changes: Changes, tally: Tally, id: GroupId): GroupRecord | undefined {
  const changed = tally.groups.get(id);
  if (changed !== undefined) return changed ?? undefined;
  return changes.record<GroupRecord>(keys.group(id));
}

function segmentTally({ segments }: Tally, segment: FileId): SegmentTally {
  const known = segments.get(segment);
  if (known !== undefined) return known;
  const fresh = { live: 0, groups: 0, damaged: 0, end: 0 };
  segments.set(segment, fresh);
  return fresh;
}

function enter(changes: Changes, tally: Tally, placement: Placement): void {
  const { id, segment, position, length, kind } = placement;
  tally.groups.set(id, { segment, position, length, kind });
  changes.mark(keys.groupAt(segment, position, id));
  const sums = segmentTally(tally, segment);
  sums.live += sizeOf(placement);
  sums.groups++;
  sums.end = Math.max(sums.end, position + sizeOf(placement));
}

function leave(changes: Changes, tally: Tally, id: GroupId, record: GroupRecord): void {
  const { segment, position } = record;
  tally.groups.set(id, null);
  changes.tx.remove(keys.groupAt(segment, position, id));
  const sums = segmentTally(tally, segment);
  sums.live -= sizeOf(record);
  sums.groups--;
  if (record.damaged === undefined) return;
  sums.damaged--;
  changes.tx.remove(keys.quarantinedGroup(id));
}

/**
 * Enters groups that a writer has written and synced, and that is still open.
 * @throws GroupNotDurableError, Error when there is a group of that number
 */
export function addGroups(
  context: SegmentContext,
  changes: Changes,
  placements: readonly Placement[],
): void {
  const tally = tallyOf(context, changes);
  for (const placement of placements) {
    const { id, segment, position } = placement;
    const synced = context.writing.get(segment)?.synced ?? 0;
    if (position + sizeOf(placement) > synced) throw new GroupNotDurableError(id);
    if (currentGroup(changes, tally, id) !== undefined) {
      throw new Error(`group ${id} was entered before`);
    }
    enter(changes, tally, placement);
  }
}

/** Enters a group that was found in a segment, for the rebuilding of the index. */
export function enterFoundGroup(
  context: SegmentContext,
  changes: Changes,
  placement: Placement,
): void {
  const tally = tallyOf(context, changes);
  const known = currentGroup(changes, tally, placement.id);
  if (known !== undefined) leave(changes, tally, placement.id, known);
  enter(changes, tally, placement);
}

/** Lets groups go. Nothing happens for those that are not there. */
export function releaseGroups(
  context: SegmentContext,
  changes: Changes,
  ids: readonly GroupId[],
): void {
  const tally = tallyOf(context, changes);
  for (const id of ids) {
    const record = currentGroup(changes, tally, id);
    if (record !== undefined) leave(changes, tally, id, record);
  }
}

/**
 * Says that a group lies somewhere else now. Nothing happens when it was released or quarantined
 * meanwhile.
 */
export function moveGroup(context: SegmentContext, changes: Changes, to: Placement): boolean {
  const tally = tallyOf(context, changes);
  const record = currentGroup(changes, tally, to.id);
  if (record === undefined || record.damaged !== undefined) return false;
  leave(changes, tally, to.id, record);
  addGroups(context, changes, [to]);
  return true;
}

/** Quarantines a group that was seen to be damaged: it is not read any more. */
export async function quarantineGroup(
  context: SegmentContext,
  id: GroupId,
  seen: GroupRecord,
  reason: string,
): Promise<void> {
  const { result } = await change(context.kv, (changes) => {
    const tally = tallyOf(context, changes);
    const now = currentGroup(changes, tally, id);
    if (now === undefined || !samePlace(now, seen) || now.damaged !== undefined) return false;
    tally.groups.set(id, { ...now, damaged: reason });
    segmentTally(tally, now.segment).damaged++;
    const at = context.clock();
    changes.put(keys.quarantinedGroup(id), { reason, at } satisfies QuarantineRecord);
    return true;
  });
  if (result)
    context.logger.error({ group: id, segment: seen.segment, reason }, 'group quarantined');
}

/** Takes a segment in which nothing is alive out of the index, and its file away thereafter. */
function dropSegment(context: SegmentContext, changes: Changes, segment: FileId): void {
  context.idle.delete(segment);
  changes.tx.remove(keys.segment(segment));
  changes.mark(keys.deadSegment(segment));
  changes.afterwards(() => removeDeadSegment(context, segment));
}

/** Removes the file of a dead segment. When that fails, the next compaction tries again. */
export async function removeDeadSegment(context: SegmentContext, segment: FileId): Promise<void> {
  try {
    await context.faultPoint('segment.dead');
    await context.target.remove(segment);
    await context.faultPoint('segment.unlinked');
    await change(context.kv, ({ tx }) => tx.remove(keys.deadSegment(segment)));
  } catch (error) {
    context.logger.warn({ err: error, segment }, 'segment not removed');
  }
}

/**
 * Lets a segment go if nothing in it is alive.
 * @returns its record, undefined when there is none any more
 */
export function settleSegment(
  context: SegmentContext,
  changes: Changes,
  segment: FileId,
): SegmentRecord | undefined {
  const record = changes.record<SegmentRecord>(keys.segment(segment));
  if (record === undefined || record.groups > 0) return record;
  // Nothing changes in it; what is written at the end of a transaction is judged anew.
  segmentTally(tallyOf(context, changes), segment);
  return undefined;
}

function writeTally(context: SegmentContext, changes: Changes, tally: Tally): void {
  for (const [id, record] of tally.groups) {
    if (record === null) changes.tx.remove(keys.group(id));
    else changes.put(keys.group(id), record);
  }
  const totals = { ...(changes.record<SegmentTotals>(keys.segmentTotals) ?? NO_SEGMENTS) };
  for (const [segment, sums] of tally.segments) {
    const before = changes.record<SegmentRecord>(keys.segment(segment));
    const { end, live, groups, damaged, deadSince } = before ?? EMPTY;
    const now: SegmentRecord = {
      end: Math.max(end, sums.end),
      live: live + sums.live,
      groups: groups + sums.groups,
      damaged: damaged + sums.damaged,
    };
    // A writer may still enter groups in a segment in which nothing is alive at the moment.
    const isDead = now.groups === 0 && !context.writing.has(segment);
    if (isDead) dropSegment(context, changes, segment);
    else if (deadBytes(now) === 0) changes.put(keys.segment(segment), now);
    else {
      const since = deadSince ?? context.clock();
      changes.put(keys.segment(segment), { ...now, deadSince: since } satisfies SegmentRecord);
    }
    totals.segments += (isDead ? 0 : 1) - (before === undefined ? 0 : 1);
    totals.bytes += (isDead ? 0 : now.end) - (before === undefined ? 0 : before.end);
    totals.live += sums.live;
    totals.groups += sums.groups;
    totals.damaged += sums.damaged;
  }
  changes.put(keys.segmentTotals, totals satisfies SegmentTotals);
}
