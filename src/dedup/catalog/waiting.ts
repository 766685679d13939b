/** Layers without a recipe: those that wait to be ingested, and those that are kept as they are. */
import type { Digest } from '../../oci/digest.ts';
import { FORMAT } from '../../storage/format.ts';
import type { KeyValueStore } from '../../storage/kv/types.ts';
import type { Changes } from '../../storage/metadata/changes.ts';
import { keys } from '../../storage/metadata/keys.ts';
import { decode } from '../../storage/metadata/records.ts';
import type { RefusalReason } from '../errors.ts';
import type { QueuedLayerRecord, RefusedLayerRecord } from './records.ts';
import { countTotals } from './totals.ts';

/** Refusals of what a later program may take apart. */
const MAY_CHANGE: ReadonlySet<RefusalReason> = new Set(['format', 'zstd']);

/** Whether a layer needs no ingest. One that an older program did not know how to take apart does. */
export function isSettled(kv: KeyValueStore, digest: Digest): boolean {
  if (kv.has(keys.recipe(digest))) return true;
  const refusal = kv.read(keys.refusedLayer(digest), decode<RefusedLayerRecord>);
  if (refusal === undefined) return false;
  return !MAY_CHANGE.has(refusal.reason) || refusal.format === FORMAT;
}

/** Puts a layer into the queue. @param at - milliseconds since 1970 */
export function noteQueued(changes: Changes, digest: Digest, at: number): void {
  const key = keys.queuedLayer(digest);
  if (changes.tx.has(key)) return;
  changes.put(key, { at } satisfies QueuedLayerRecord);
  countTotals(changes, { queued: 1 }, 1);
}

/** Takes a layer out of the queue. */
export function forgetQueued(changes: Changes, digest: Digest): void {
  const key = keys.queuedLayer(digest);
  if (!changes.tx.has(key)) return;
  changes.tx.remove(key);
  countTotals(changes, { queued: 1 }, -1);
}

/** Notes that a layer of the queue is kept as it is, and why. @param at - milliseconds since 1970 */
export function noteRefusal(
  changes: Changes,
  digest: Digest,
  { reason, at }: { readonly reason: RefusalReason; readonly at: number },
): void {
  forgetQueued(changes, digest);
  if (changes.tx.has(keys.refusedLayer(digest))) return;
  const record: RefusedLayerRecord = { reason, at, format: FORMAT };
  changes.put(keys.refusedLayer(digest), record);
  countTotals(changes, { [`refused ${reason}`]: 1 }, 1);
}

/** Forgets that a layer was refused, because its bytes went or came anew. */
export function forgetRefusal(changes: Changes, digest: Digest): void {
  const key = keys.refusedLayer(digest);
  const record = changes.record<RefusedLayerRecord>(key);
  if (record === undefined) return;
  changes.tx.remove(key);
  countTotals(changes, { [`refused ${record.reason}`]: 1 }, -1);
}
