/** The end of writing a segment, for those who have it to themselves. */
import type { KeyValueStore, Transaction } from '../kv/types.ts';
import { change } from '../metadata/changes.ts';
import { keys } from '../metadata/keys.ts';
import { decode, type SegmentRecord } from '../metadata/records.ts';
import type { FileId } from '../target/types.ts';
import type { SegmentContext } from './context.ts';
import { settleSegment } from './group-index.ts';

/** What a transaction would see now, without waiting for those before it to become durable. */
function look<T>(kv: KeyValueStore, what: (tx: Transaction) => T): T {
  let seen: T | undefined;
  kv.transact((tx) => {
    seen = what(tx);
  }).catch(() => undefined);
  return seen as T;
}

/**
 * Takes a segment that nobody writes to, so that nobody else does.
 * @returns false when somebody writes to it, or it is about to be removed
 */
export function claimSegment({ kv, writing, idle }: SegmentContext, segment: FileId): boolean {
  if (writing.has(segment)) return false;
  if (look(kv, ({ has }) => has(keys.deadSegment(segment)))) return false;
  idle.delete(segment);
  writing.set(segment, { synced: 0 });
  return true;
}

/** Where the entered bytes of a segment end; undefined when none ever were. */
function enteredEnd({ kv }: SegmentContext, segment: FileId): number | undefined {
  return look(kv, (tx) => {
    const bytes = tx.get(keys.segment(segment));
    return bytes === undefined ? undefined : decode<SegmentRecord>(bytes).end;
  });
}

/**
 * Lets go of a segment: what was written and not entered is cut off. Then it is idle; or it goes, when
 * nothing in it is alive.
 * @param size - bytes that its file may have
 * @returns bytes that were cut off
 * @throws errors of the file system; the segment is then left alone until the next start
 */
export async function letGo(
  context: SegmentContext,
  segment: FileId,
  size: number,
): Promise<number> {
  const { kv, target, writing, idle } = context;
  // From now on nothing more can be entered, so the end that is seen is final. Should a transaction
  // before it fail, the file is longer than it has to be.
  writing.set(segment, { synced: 0 });
  const end = enteredEnd(context, segment);
  let hasRoom = false;
  try {
    if (end === undefined) await target.remove(segment);
    else if (size > end) {
      const file = await target.reopen(segment, end);
      await file.close();
      await context.faultPoint('segment.cut');
    }
    hasRoom = end !== undefined && size >= end && end < context.segmentSize;
  } finally {
    // When it fails, a segment without a living group stays until the next compaction.
    await change(kv, (changes) => {
      writing.delete(segment);
      // At once, so that no transaction can let the segment die between the two.
      const record = settleSegment(context, changes, segment);
      if (hasRoom && record?.damaged === 0) idle.set(segment, record.end);
    }).catch(() => undefined);
  }
  return Math.max(0, size - (end ?? 0));
}
