/**
 * Which layers are kept twice, by a recipe and as they were pushed. Each has an entry of its own, so
 * that whoever looks for copies to drop need not go over all recipes.
 */
import type { Digest } from '../../oci/digest.ts';
import type { Changes } from '../../storage/metadata/changes.ts';
import { keys } from '../../storage/metadata/keys.ts';
import type { IntactCopyRecord } from './records.ts';
import { countTotals } from './totals.ts';

/** Notes that a layer that has a recipe is there as it was pushed as well. */
export function noteIntactCopy(changes: Changes, digest: Digest, size: number): void {
  const key = keys.intactCopy(digest);
  if (changes.tx.has(key)) return;
  changes.put(key, { size } satisfies IntactCopyRecord);
  countTotals(changes, { copies: 1, copyBytes: size }, 1);
}

/** Forgets it, because the recipe or the copy went. */
export function forgetIntactCopy(changes: Changes, digest: Digest): void {
  const key = keys.intactCopy(digest);
  const record = changes.record<IntactCopyRecord>(key);
  if (record === undefined) return;
  changes.tx.remove(key);
  countTotals(changes, { copies: 1, copyBytes: record.size }, -1);
}
