/**
 * How often something is tried again, and when. Failures are followed by pauses that double, with a
 * random part, so that many clients do not come back together (RFC 9110, 10.2.3 for Retry-After).
 */
import type { IncomingHttpHeaders } from 'node:http';
import { sleep } from '../../../lib/sleep.ts';
import { RateLimitError, TransientError, UnreachableError } from './errors.ts';

/** How patient a source is. All times in milliseconds. */
export interface Patience {
  /** Tries of one request, the first included. */
  readonly attempts: number;
  /** Pause after the first failure; twice as long after each further one. */
  readonly firstPause: number;
  /** Longest pause that is chosen here; what the other side asks for may be longer. */
  readonly longestPause: number;
  /** All that one request may wait because the other side asks for it. */
  readonly longestWait: number;
  /** Until the head of an answer has come, and again for a small body. */
  readonly timeout: number;
  /** Within which 64 KiB of a layer must come, and its end. */
  readonly stall: number;
}

/** Defaults: half a minute for an answer, a quarter of an hour when asked to wait. */
export const DEFAULT_PATIENCE: Patience = {
  attempts: 5,
  firstPause: 500,
  longestPause: 30_000,
  longestWait: 15 * 60_000,
  timeout: 30_000,
  stall: 60_000,
};

const DIGITS = /^\d{1,12}$/;

/** Milliseconds from a number of seconds or an HTTP date; undefined when it is neither. */
export function parseRetryAfter(value: string, now: number): number | undefined {
  const text = value.trim();
  if (DIGITS.test(text)) return Number(text) * 1000;
  // Date.parse takes much that is no date of HTTP, for example `-5`.
  if (!/^[A-Za-z]{3,9},? /.test(text)) return undefined;
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}

/** A moment in seconds since 1970, as Docker Hub's search gives it. */
function untilMoment(value: unknown, now: number): number | undefined {
  if (typeof value !== 'string' || !DIGITS.test(value)) return undefined;
  return Math.max(0, Number(value) * 1000 - now);
}

/** Milliseconds that an answer asks to wait; undefined when it does not. */
export function requestedPause(headers: IncomingHttpHeaders, now: number): number | undefined {
  const retryAfter = headers['retry-after'];
  const asked = retryAfter === undefined ? undefined : parseRetryAfter(retryAfter, now);
  return (
    asked ??
    untilMoment(headers['x-retry-after'], now) ??
    untilMoment(headers['x-ratelimit-reset'], now)
  );
}

/** Tries again; pauses that the other side asked for hold for everybody who goes to that host. */
export interface Retrier {
  /**
   * Runs something that may throw {@link TransientError}.
   * @throws UnreachableError after the last attempt
   * @throws RateLimitError when it would have to wait too long
   * @throws the signal's reason, and all other errors at once
   */
  run<T>(host: string, attempt: () => Promise<T>, signal: AbortSignal): Promise<T>;
}

/** Creates one. */
export function createRetrier(patience: Patience): Retrier {
  /** Until when hosts want to be left alone, in milliseconds of `performance.now()`. */
  const quietUntil = new Map<string, number>();

  function tooLong(host: string, wait: number): RateLimitError {
    const seconds = Math.round(wait / 1000);
    return new RateLimitError(
      `${host} asks to wait for ${seconds} s, more than is allowed; go on later, or log in for a higher limit`,
    );
  }

  return {
    async run(host, attempt, signal) {
      let waited = 0;
      let failures = 0;
      const pause = async (time: number): Promise<void> => {
        waited += time;
        if (waited > patience.longestWait) throw tooLong(host, time);
        await sleep(time, signal);
      };
      for (;;) {
        for (;;) {
          const quiet = (quietUntil.get(host) ?? 0) - performance.now();
          if (quiet <= 0) break;
          await pause(quiet);
        }
        signal.throwIfAborted();
        try {
          return await attempt();
        } catch (error) {
          if (!(error instanceof TransientError)) throw error;
          if (error.pause !== undefined && error.pause > 0) {
            // Timers may fire a moment early.
            const until = performance.now() + error.pause + 5;
            quietUntil.set(host, Math.max(until, quietUntil.get(host) ?? 0));
            continue;
          }
          failures++;
          if (failures >= patience.attempts) {
            throw new UnreachableError(`${error.message} (tried ${failures} times)`, {
              cause: error,
              hint: error.hint,
            });
          }
          const doubled = patience.firstPause * 2 ** (failures - 1);
          await sleep(Math.min(doubled, patience.longestPause) * (0.5 + Math.random() / 2), signal);
        }
      }
    },
  };
}
