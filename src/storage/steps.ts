/** Goes over a range of keys piece by piece, so that no cursor stays open while others work. */
import { after, type KeyRange, type KeyValueStore } from './kv/types.ts';
import type { Pace } from './pace.ts';

/** Keys taken from the database at a time. */
const STEP = 16;

/** How a range is gone over. */
export interface StepOptions {
  readonly pace: Pace;
  readonly signal: AbortSignal;
  /** Keys at a time. Default 16. */
  readonly limit?: number;
}

/**
 * The keys of a range, a few at a time, as the database shows them at that moment.
 * @throws the signal's reason
 */
export async function* keySteps(
  kv: KeyValueStore,
  range: KeyRange,
  { pace, signal, limit = STEP }: StepOptions,
): AsyncGenerator<readonly string[]> {
  let from = range.from;
  for (;;) {
    const found = [...kv.keys({ from, to: range.to, limit })];
    if (found.length === 0) return;
    yield found;
    from = after(found.at(-1)!);
    if (pace.due()) await pace.rest();
    signal.throwIfAborted();
  }
}
