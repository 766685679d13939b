/** What the registry holds, as it is noted. */
import type { KeyValueStore } from '../kv/types.ts';
import { keys } from './keys.ts';
import { decode, NO_TOTALS, type Totals } from './records.ts';

/** The totals as they are durable; an older record counts nothing as kept by recipes only. */
export function readTotals(kv: KeyValueStore): Totals {
  return { ...NO_TOTALS, ...kv.read(keys.totals, decode<Partial<Totals>>) };
}
