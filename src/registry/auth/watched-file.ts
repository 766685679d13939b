/**
 * A file that is read again when it changes. It is looked at by its status, not by notifications,
 * because those do not come over network file systems and get lost when a file is replaced.
 */
import type { BigIntStats } from 'node:fs';
import { open } from 'node:fs/promises';

/** Where the access code reports; a pino logger fits. */
export interface AuthLogger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** A file this young may be written again within the granularity of its time stamp. */
const SETTLED_AFTER_MS = 2000;
const DEFAULT_POLL_INTERVAL = 1000;
const MAX_BYTES = 16 * 1024 * 1024;

/** The parsed contents of a file, kept up to date. */
export interface WatchedFile<T> {
  /** What the file held when it was last read with success. */
  readonly value: T;
  /**
   * Looks whether the file has changed and reads it if so: what was written before the call is seen.
   * A file that cannot be read or parsed is reported once, and the last good contents stay.
   */
  refresh(): Promise<void>;
  close(): void;
}

/** How a file is watched. */
export interface WatchOptions<T> {
  readonly path: string;
  /** Turns the text into a value; throws when it makes no sense. */
  readonly parse: (text: string) => T;
  /** Called after the value has been replaced by another one. */
  readonly onChange: (value: T) => void;
  readonly logger: AuthLogger;
  /** Milliseconds between looks that nobody asked for. Default 1000. */
  readonly pollInterval?: number;
}

interface Reading {
  readonly text: string;
  readonly version: string;
  /** False while the file is so young that a further change could look the same. */
  readonly settled: boolean;
}

function versionOf(status: BigIntStats): string {
  return `${status.dev}:${status.ino}:${status.size}:${status.mtimeNs}:${status.ctimeNs}`;
}

/** Reads the file, or returns undefined when it is the version that is known already. */
async function read(path: string, known: Reading | undefined): Promise<Reading | undefined> {
  const file = await open(path, 'r');
  try {
    const status = await file.stat({ bigint: true });
    const version = versionOf(status);
    if (known?.version === version && known.settled) return undefined;
    if (status.size > MAX_BYTES) throw new Error(`the file is larger than ${MAX_BYTES} bytes`);
    // Real time and not an injected clock: it is compared with the file system's.
    const settled = Date.now() - Number(status.mtimeMs) > SETTLED_AFTER_MS;
    return { text: await file.readFile('utf8'), version, settled };
  } finally {
    await file.close();
  }
}

/**
 * Reads a file and begins to watch it.
 * @throws when the first reading fails
 */
export async function watchFile<T>(options: WatchOptions<T>): Promise<WatchedFile<T>> {
  const { path, parse, logger, pollInterval = DEFAULT_POLL_INTERVAL } = options;
  let reading = (await read(path, undefined))!;
  let value = parse(reading.text);
  let reported: string | undefined;
  let running: Promise<void> | undefined;
  let following: Promise<void> | undefined;

  async function look(): Promise<void> {
    try {
      const next = await read(path, reading);
      reported = undefined;
      if (next === undefined) return;
      const changed = next.text !== reading.text;
      reading = next;
      if (!changed) return;
      value = parse(next.text);
      logger.info({ path }, 'file read again after a change');
      options.onChange(value);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (reason !== reported) {
        logger.error({ path, reason }, 'file cannot be read; its last contents stay in force');
      }
      reported = reason;
    }
  }

  function refresh(): Promise<void> {
    // A look that has begun may have seen the file before the change that the caller asks about.
    if (running !== undefined) {
      following ??= running.then(() => {
        following = undefined;
        return refresh();
      });
      return following;
    }
    running = look().finally(() => {
      running = undefined;
    });
    return running;
  }

  const timer = setInterval(() => void refresh(), pollInterval).unref();
  return {
    get value() {
      return value;
    },
    refresh,
    close: () => clearInterval(timer),
  };
}
