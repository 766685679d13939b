/** Tells whether the server has something better to do than work that nobody waits for. */
import { performance } from 'node:perf_hooks';
import type { RequestCounters } from './telemetry.ts';

/** Milliseconds that are looked at together: the last ones count until the next look. */
const WINDOW = 100;
/** Share of the time, 0 to 1, above which the serving thread counts as busy. */
const BUSY_SHARE = 0.5;

/**
 * Makes a function that is true while requests are being answered, for some 100 milliseconds after the
 * last one has come, and while the serving thread is busy for more than half of the time.
 */
export function watchLoad(counters: Pick<RequestCounters, 'active' | 'started'>): () => boolean {
  let lookedAt = performance.now();
  let utilization = performance.eventLoopUtilization();
  let { started } = counters;
  let wasBusy = false;

  return () => {
    const now = performance.now();
    if (now - lookedAt >= WINDOW) {
      const next = performance.eventLoopUtilization();
      const share = performance.eventLoopUtilization(next, utilization).utilization;
      wasBusy = counters.started !== started || share > BUSY_SHARE;
      lookedAt = now;
      utilization = next;
      ({ started } = counters);
    }
    return wasBusy || counters.active > 0;
  };
}
