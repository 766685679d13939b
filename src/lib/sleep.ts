/** Waiting that can be broken off. */
import { setTimeout as timer } from 'node:timers/promises';

/**
 * Resolves after so many milliseconds.
 * @throws the signal's reason, where the timer of Node throws an error of its own
 */
export async function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  await timer(milliseconds, undefined, { signal }).catch(() => signal.throwIfAborted());
}
