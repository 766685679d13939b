/**
 * Paces work that goes over the whole store, so that it never delays a request: a few milliseconds
 * of work, then a pause several times as long.
 */
import { setTimeout as sleep } from 'node:timers/promises';

/** Milliseconds of work in one go, and how many times longer the pause is. */
const WORK = 2;
const PAUSE_FACTOR = 3;

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
      const pause = Math.max(1, (performance.now() - began) * PAUSE_FACTOR);
      await sleep(pause, undefined, { signal });
      began = performance.now();
    },
  };
}
