/** Counters that hand out numbers, none twice, over all runs of the program. */
import type { KeyValueStore } from '../kv/types.ts';
import { change } from './changes.ts';
import { type CounterRecord, decode } from './records.ts';

/**
 * Reserves `count` numbers in a row, durably.
 * @returns the first of them
 */
export async function takeNumbers(kv: KeyValueStore, key: string, count: number): Promise<number> {
  const { result } = await change(kv, (changes) => {
    const { next } = changes.record<CounterRecord>(key) ?? { next: 0 };
    changes.put(key, { next: next + count } satisfies CounterRecord);
    return next;
  });
  return result;
}

/** The number that will be handed out next; all lower ones were taken before. */
export function nextNumber(kv: KeyValueStore, key: string): number {
  return kv.read(key, decode<CounterRecord>)?.next ?? 0;
}
