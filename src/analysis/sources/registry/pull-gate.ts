/**
 * Lets pulls through as far as the registry has some left. What answers say about that may be older
 * than it seems: one to a HEAD may be read after that to a pull which it knows nothing of. So pulls go
 * one by one where they are limited, each is counted when it is sent, and an answer to a request that
 * was on its way at the same time as a pull may only lower what is left.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { sleep } from '../../../lib/sleep.ts';
import { createSlots } from '../../../lib/slots.ts';
import { RateLimitError } from './errors.ts';
import type { Patience } from './patience.ts';
import { type RateLimits, readRateLimits } from './rate-limits.ts';

/** Most milliseconds between two looks at a limit that is used up. */
const LONGEST_LOOK = 5 * 60_000;
/** Looks in one window, about. */
const LOOKS = 20;

/** When a request was sent, in relation to pulls. */
export interface Mark {
  readonly epoch: number;
  readonly isPull: boolean;
}

/** Keeps to the limits of one registry. */
export interface PullGate {
  /** Undefined until an answer has told of them. */
  readonly limits: RateLimits | undefined;
  /** To be called when a request is sent. */
  sent(isPull: boolean): Mark;
  /** To be called with the head of its answer. */
  answered(mark: Mark, headers: IncomingHttpHeaders): void;
  /**
   * Runs a pull when it is its turn.
   * @param pull - has to wait for `ready` before each try
   * @param probe - sends a request that is no pull
   * @throws RateLimitError when it would have to wait too long
   * @throws the signal's reason
   */
  run<T>(
    pull: (ready: () => Promise<void>) => Promise<T>,
    probe: () => Promise<unknown>,
    signal: AbortSignal,
  ): Promise<T>;
}

/** Creates a gate that knows of no limits yet. */
export function createPullGate(host: string, patience: Patience): PullGate {
  const slot = createSlots(1);
  let limits: RateLimits | undefined;
  let epoch = 0;

  async function untilLeft(probe: () => Promise<unknown>, signal: AbortSignal): Promise<void> {
    let waited = 0;
    while (limits?.remaining === 0) {
      const share = (limits.window ?? 0) / LOOKS;
      const look = Math.min(Math.max(share, patience.firstPause), LONGEST_LOOK);
      waited += look;
      if (waited > patience.longestWait) {
        const of = limits.limit === undefined ? '' : ` of ${limits.limit}`;
        throw new RateLimitError(
          `${host} has no pull left${of}; go on later, or log in for a higher limit`,
        );
      }
      await sleep(look, signal);
      await probe();
    }
  }

  return {
    get limits() {
      return limits;
    },
    sent(isPull) {
      if (isPull) {
        epoch++;
        if (limits !== undefined) {
          limits = { ...limits, remaining: Math.max(0, limits.remaining - 1) };
        }
      }
      return { epoch, isPull };
    },
    answered(mark, headers) {
      const told = readRateLimits(headers);
      if (told !== undefined) {
        const isFresh = limits === undefined || mark.epoch === epoch;
        const most = isFresh ? told.remaining : Math.min(told.remaining, limits!.remaining);
        limits = { ...told, remaining: most };
      }
      if (mark.isPull) epoch++;
    },
    async run(pull, probe, signal) {
      if (limits === undefined) return pull(async () => {});
      const leave = await slot.take(signal);
      try {
        return await pull(() => untilLeft(probe, signal));
      } finally {
        // Also a pull without an answer may have counted.
        epoch++;
        leave();
      }
    },
  };
}
