/** Layers without a recipe: those that wait to be ingested, and those that are kept as they are. */
import type { Digest } from '../../oci/digest.ts';
import type { Changes } from '../../storage/metadata/changes.ts';
import { keys } from '../../storage/metadata/keys.ts';
import type { RefusalReason } from '../errors.ts';
import type { QueuedLayerRecord, RefusedLayerRecord } from './records.ts';
import { countTotals } from './totals.ts';

/** Whether a layer needs no ingest. */
export function isSettled(store: { has(key: string): boolean }, digest: Digest): boolean {
  return store.has(keys.recipe(digest)) || store.has(keys.refusedLayer(digest));
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
  changes.put(keys.refusedLayer(digest), { reason, at } satisfies RefusedLayerRecord);
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
