/** Sums over all recipes, changed as a part of the transactions that change recipes. */
import type { KeyValueStore } from '../../storage/kv/types.ts';
import type { Changes } from '../../storage/metadata/changes.ts';
import { keys } from '../../storage/metadata/keys.ts';
import { decode } from '../../storage/metadata/records.ts';
import { type DedupTotals, NO_DEDUP_TOTALS } from './records.ts';

type Tally = { -readonly [Name in keyof DedupTotals]: number };

/** What a transaction adds up to; it may write each key only once. */
const tallies = new WeakMap<Changes, Tally>();

function tallyOf(changes: Changes): Tally {
  const known = tallies.get(changes);
  if (known !== undefined) return known;
  const tally: Tally = { ...NO_DEDUP_TOTALS };
  tallies.set(changes, tally);
  changes.atEnd(() => {
    const before = changes.record<DedupTotals>(keys.dedupTotals) ?? NO_DEDUP_TOTALS;
    const after: Tally = { ...NO_DEDUP_TOTALS };
    for (const name of Object.keys(after) as (keyof DedupTotals)[]) {
      after[name] = (before[name] ?? 0) + tally[name];
    }
    changes.put(keys.dedupTotals, after);
  });
  return tally;
}

/**
 * Adds to the totals, or takes from them.
 * @param sign - 1 or -1
 */
export function countTotals(changes: Changes, amounts: Partial<DedupTotals>, sign: 1 | -1): void {
  const tally = tallyOf(changes);
  for (const [name, amount] of Object.entries(amounts)) {
    tally[name as keyof DedupTotals] += sign * amount;
  }
}

/** The totals as they are durable; an older record has no trees. */
export function readTotals(kv: KeyValueStore): DedupTotals {
  return { ...NO_DEDUP_TOTALS, ...kv.read(keys.dedupTotals, decode<Partial<DedupTotals>>) };
}
