/** Slows work down to a rate, for work that nobody waits for. */
import { sleep } from '../lib/sleep.ts';

/** Short sleeps are not exact; debts below so many milliseconds are gathered. */
const MIN_SLEEP = 10;

/** Waits until `bytes` more fit the rate. Throws the signal's reason. */
export type Pay = (bytes: number) => Promise<void>;

/** @param rate - bytes a second, looked at anew each time */
export function limitRate(rate: () => number, signal: AbortSignal): Pay {
  let owed = 0;
  return async (bytes) => {
    owed += (bytes / rate()) * 1000;
    if (owed < MIN_SLEEP) return;
    const pause = owed;
    owed = 0;
    await sleep(pause, signal);
  };
}
