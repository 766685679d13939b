/** Ctrl-C for commands that have something to put away before they end. */

import { CliError } from './errors.ts';
import { EXIT } from './exit-codes.ts';

/**
 * Does something that Ctrl-C or SIGTERM ends by a signal; the second Ctrl-C ends the process.
 * @throws CliError when it was ended so, what `work` throws
 */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController();
  const interrupt = (): void => stop.abort(new CliError('interrupted', EXIT.interrupted));
  process.once('SIGINT', interrupt);
  process.once('SIGTERM', interrupt);
  try {
    return await work(stop.signal);
  } catch (error) {
    // What was under way fails in its own manner when it is ended.
    throw stop.signal.aborted ? stop.signal.reason : error;
  } finally {
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
  }
}
