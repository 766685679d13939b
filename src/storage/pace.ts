/**
 * Paces work that goes over the whole store, so that it hardly delays a request: a fraction of
 * a millisecond of work, then a pause several times as long, and a far longer one while clients are
 * served. It is the long turns of the event loop that a request feels, so they are kept short and rare.
 */
import { isInDemand } from '../lib/demand.ts';
import { sleep } from '../lib/sleep.ts';

/** Milliseconds of work in one go, and how many times longer the pause is. */
const WORK = 0.25;
const PAUSE_FACTOR = 4;
/** Work may include waiting for the disk, which disturbs nobody and is not paid for by a pause. */
const MAX_PAUSE = 6;
/** Milliseconds of the pause while clients are served. */
const LONG_PAUSE = 10;

/** Keeps long work in short pieces. */
export interface Pace {
  /** True when the piece has lasted long enough: call {@link rest}. */
  due(): boolean;
  /**
   * Lets others work, then begins a new piece.
   * @throws the signal's reason
   */
  rest(): Promise<void>;
}

/** Begins the first piece. */
export function startPace(signal: AbortSignal): Pace {
  let began = performance.now();
  return {
    due: () => performance.now() - began >= WORK,
    async rest() {
      const worked = performance.now() - began;
      const pause = Math.min(MAX_PAUSE, Math.max(1, worked * PAUSE_FACTOR));
      await sleep(isInDemand() ? LONG_PAUSE : pause, signal);
      began = performance.now();
    },
  };
}
