/**
 * Compaction gives back the space of dead groups: it copies what is alive in a segment to another one
 * and removes the segment.
 *
 * It holds up neither writers nor readers. Groups are read, checked, written and synced first, then
 * one transaction names their new places, for those that are still alive where they were. The old file
 * goes once nothing in it is alive; whoever has it open keeps its bytes. A crash at any point leaves
 * bytes that nobody has entered, or a file too many, which the next start finds.
 *
 * A segment with a damaged group is left as it is until the group is released: what is wrong may be
 * the disk, and its bytes are all that there is.
 */
import type { Mutable } from '../../lib/mutable.ts';
import { change } from '../metadata/changes.ts';
import { numberOf, ranges } from '../metadata/keys.ts';
import { decode, type SegmentRecord } from '../metadata/records.ts';
import { type Pace, startPace } from '../pace.ts';
import { keySteps, type StepOptions } from '../steps.ts';
import type { FileId } from '../target/types.ts';
import type { SegmentContext } from './context.ts';
import { GroupMissingError } from './errors.ts';
import { deadBytes, moveGroup, settleSegment } from './group-index.ts';
import { sizeOf } from './layout.ts';
import { type Leftovers, removeDeadSegments, removeLeftovers } from './leftovers.ts';
import { readGroups } from './reader.ts';
import type { GroupId, Placement } from './types.ts';
import type { SegmentWriter } from './writer.ts';

/** Groups, and bytes of them, that are copied and then swapped in one transaction. */
const BATCH_GROUPS = 256;
const BATCH_BYTES = 32 * 1024 * 1024;

/** When a segment is worth compacting. */
export interface CompactionRules {
  /** Share of its bytes that has to be alive, 0 to 1. */
  readonly minLive: number;
  /** How long dead bytes may lie there, milliseconds. */
  readonly maxAge: number;
}

/** What a round has done. */
export interface CompactionReport {
  /** Segments whose live groups were moved out, and those given up because of a damaged group. */
  readonly segments: number;
  readonly damaged: number;
  /** What was moved; bytes with headers. */
  readonly groups: number;
  readonly bytes: number;
  /** What earlier runs had left; found by the first round after a start. */
  readonly leftovers: Leftovers;
}

/** What a round works with. */
interface Round {
  readonly context: SegmentContext;
  readonly writer: SegmentWriter;
  readonly pace: Pace;
  readonly signal: AbortSignal;
  readonly report: Mutable<CompactionReport>;
}

function isWorthIt(
  { clock }: SegmentContext,
  segment: SegmentRecord,
  { minLive, maxAge }: CompactionRules,
): boolean {
  if (segment.groups === 0) return true;
  if (segment.damaged > 0 || deadBytes(segment) === 0) return false;
  const { end, live, deadSince = 0 } = segment;
  return live / end < minLive || clock() - deadSince >= maxAge;
}

/**
 * Segments to be compacted, as things stand. None of them is written on from now on: what they hold
 * must not move from one to the next. Should the round be cut short, they wait for the next one.
 */
async function findCandidates(
  context: SegmentContext,
  rules: CompactionRules,
  options: StepOptions,
): Promise<FileId[]> {
  const found: FileId[] = [];
  for await (const step of keySteps(context.kv, ranges.segments(), options)) {
    for (const key of step) {
      const segment = numberOf(key);
      const record = context.kv.read(key, decode<SegmentRecord>);
      if (record === undefined || context.writing.has(segment)) continue;
      if (!isWorthIt(context, record, rules)) continue;
      context.idle.delete(segment);
      found.push(segment);
    }
  }
  return found;
}

/** Names the new places of groups, once they are durable. */
async function swap(
  { context, writer, report }: Round,
  copies: readonly Placement[],
): Promise<void> {
  await writer.sync();
  await context.faultPoint('compaction.copied');
  const { result: moved } = await change(context.kv, (changes) =>
    copies.filter((copy) => moveGroup(context, changes, copy)),
  );
  await context.faultPoint('compaction.swapped');
  report.groups += moved.length;
  report.bytes += moved.reduce((sum, copy) => sum + sizeOf(copy), 0);
}

/**
 * Copies groups and swaps their places.
 * @returns false when one of them is damaged
 */
async function moveGroups(round: Round, ids: readonly GroupId[]): Promise<boolean> {
  const { context, writer, pace, signal } = round;
  let copies: Placement[] = [];
  let bytes = 0;
  let isSound = true;
  for await (const result of readGroups(context, ids, { signal, frees: true })) {
    if ('error' in result) {
      // Released meanwhile, which is as good as moved.
      if (result.error instanceof GroupMissingError) continue;
      isSound = false;
      break;
    }
    copies.push(...(await writer.copy([result.group])));
    bytes += sizeOf(result.group.bytes);
    if (bytes >= BATCH_BYTES) {
      await swap(round, copies);
      copies = [];
      bytes = 0;
    }
    if (pace.due()) await pace.rest();
  }
  if (copies.length > 0) await swap(round, copies);
  return isSound;
}

async function compactSegment(round: Round, segment: FileId): Promise<void> {
  const { context, report, pace, signal } = round;
  const options = { pace, signal, limit: BATCH_GROUPS };
  for await (const found of keySteps(context.kv, ranges.groupsAt(segment), options)) {
    if (await moveGroups(round, found.map(numberOf))) continue;
    report.damaged++;
    return;
  }
  // Perhaps nothing was alive in it from the beginning.
  await change(context.kv, (changes) => settleSegment(context, changes, segment));
  report.segments++;
}

/** What a round needs besides the store. */
export interface CompactionOptions {
  readonly rules: CompactionRules;
  readonly signal: AbortSignal;
  /** Segments below this number come from earlier runs; undefined when their leftovers are gone. */
  readonly firstOwn: FileId | undefined;
  /** A writer of its own, so that it need not wait for one. */
  readonly createWriter: () => SegmentWriter;
}

/**
 * Goes once over all segments.
 * @throws the signal's reason, errors of the disk and CommitError; what was done until then stays done
 */
export async function compactSegments(
  context: SegmentContext,
  { rules, signal, firstOwn, createWriter }: CompactionOptions,
): Promise<CompactionReport> {
  const pace = startPace(signal);
  const options = { pace, signal };
  await removeDeadSegments(context, options);
  const leftovers =
    firstOwn === undefined
      ? { files: 0, bytes: 0 }
      : await removeLeftovers(context, firstOwn, options);
  const report = { segments: 0, damaged: 0, groups: 0, bytes: 0, leftovers };
  const candidates = await findCandidates(context, rules, options);
  if (candidates.length === 0) return report;
  const writer = createWriter();
  const round: Round = { context, writer, pace, signal, report };
  try {
    for (const segment of candidates) await compactSegment(round, segment);
  } finally {
    await writer.close();
  }
  return report;
}
