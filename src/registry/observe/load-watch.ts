/** Tells whether the server has something better to do than work that nobody waits for. */
import { performance } from 'node:perf_hooks';
import { isInDemand } from '../../lib/demand.ts';

/** Milliseconds that are looked at together: the last ones count until the next look. */
const WINDOW = 100;
/** Share of the time, 0 to 1, above which the serving thread counts as busy. */
const BUSY_SHARE = 0.5;

/**
 * Makes a function that is true while clients are served, for a moment after, and while the serving
 * thread is busy for more than half of the time.
 */
export function watchLoad(): () => boolean {
  let lookedAt = performance.now();
  let utilization = performance.eventLoopUtilization();
  let wasBusy = false;

  return () => {
    const now = performance.now();
    if (now - lookedAt >= WINDOW) {
      const next = performance.eventLoopUtilization();
      wasBusy = performance.eventLoopUtilization(next, utilization).utilization > BUSY_SHARE;
      lookedAt = now;
      utilization = next;
    }
    return wasBusy || isInDemand();
  };
}
