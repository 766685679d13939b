/**
 * For fault tests only: ends the process at a named place of the store. Without the variable there
 * is nothing in the way of the store.
 */
import type { DedupFaultPoint } from '../dedup/context.ts';
import type { FaultPoint } from '../storage/context.ts';
import type { SegmentFaultPoint } from '../storage/segments/context.ts';

/** `name` or `name:count`: die where {@link FaultPoint} says, when it is passed for the count-th time. */
export const FAULT_POINT_VARIABLE = 'STOWAGE_FAULT_POINT';

/** What the store calls at its named places; undefined when no place is named. */
export function faultPointOf(
  environment: Readonly<Record<string, string | undefined>>,
): ((passed: FaultPoint | DedupFaultPoint | SegmentFaultPoint) => void) | undefined {
  const wanted = environment[FAULT_POINT_VARIABLE];
  if (wanted === undefined) return undefined;
  const [name, count = '1'] = wanted.split(':');
  let left = Number(count);
  return (passed) => {
    // As a crash does it: nothing is tidied up and nobody is told.
    if (passed === name && --left === 0) process.kill(process.pid, 'SIGKILL');
  };
}
