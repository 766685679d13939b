/** The log: JSON lines on standard output. */
import { type DestinationStream, destination, type Logger, pino, stdTimeFunctions } from 'pino';
import type { LogConfig } from '../config/config.ts';

export type { Logger } from 'pino';

/**
 * Lines waiting for a slow reader of standard output, in bytes. Beyond it new lines are dropped:
 * memory stays bounded, and no request waits for a log.
 */
const MAX_WAITING = 16 * 1024 * 1024;

/**
 * Makes the logger. Each line has `level` (a word), `time` (ISO 8601, UTC) and `msg`.
 * @param stream - for tests; default: standard output, written in the background and flushed when
 *   the process exits
 */
export function createLogger(
  config: Pick<LogConfig, 'level'>,
  stream: DestinationStream = destination({ fd: 1, sync: false, maxLength: MAX_WAITING }),
): Logger {
  return pino(
    {
      level: config.level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    stream,
  );
}
