/**
 * A journal: a file of JSON lines that only grows. What was appended is on the disk when that
 * resolves, so whoever was killed reads on where he stopped. A line that was not written whole is
 * none: its newline comes last, and what stands behind the last newline is cut off when the file is
 * opened.
 */
import { createReadStream, constants as fsConstants } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import {
  closeFile,
  type Descriptor,
  openFile,
  syncData,
  syncFolder,
  truncateFile,
  writeVector,
} from '../lib/files.ts';

/** Bytes of the longest line; no entry comes near it. */
const MAX_LINE = 64 * 1024 * 1024;
const NEWLINE = 0x0a;

/** A journal whose file cannot be read or written. */
export class JournalError extends Error {
  override readonly name = 'JournalError';
}

/** A journal that is open. One process at a time; its folder's lock is the caller's. */
export interface Journal<T> {
  /** Lines that were left out when the entries were last read: torn, damaged, or not understood. */
  readonly ignored: number;
  /**
   * Appends entries, in their order. Durable when it resolves; what is appended meanwhile goes to the
   * disk together.
   * @throws JournalError when the file cannot be written; nothing can be appended from then on
   */
  append(...entries: readonly T[]): Promise<void>;
  /**
   * Reads from the begin what the journal holds when the first entry is asked for.
   * @throws JournalError
   */
  entries(): AsyncGenerator<T, void, void>;
  close(): Promise<void>;
}

/** Position behind the last newline of a file. */
async function wholeLength(path: string): Promise<number> {
  let length = 0;
  let position = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 256 * 1024 })) {
    const bytes = chunk as Buffer;
    const last = bytes.lastIndexOf(NEWLINE);
    if (last >= 0) length = position + last + 1;
    position += bytes.length;
  }
  return length;
}

/** The lines of a file up to a position, without their newlines. */
async function* readLines(path: string, end: number): AsyncGenerator<Buffer, void, void> {
  if (end === 0) return;
  let begun: Buffer[] = [];
  let begunLength = 0;
  for await (const chunk of createReadStream(path, { end: end - 1, highWaterMark: 256 * 1024 })) {
    let rest = chunk as Buffer;
    for (let at = rest.indexOf(NEWLINE); at >= 0; at = rest.indexOf(NEWLINE)) {
      const tail = rest.subarray(0, at);
      yield begun.length === 0 ? tail : Buffer.concat([...begun, tail]);
      begun = [];
      begunLength = 0;
      rest = rest.subarray(at + 1);
    }
    begun.push(rest);
    begunLength += rest.length;
    if (begunLength > MAX_LINE) throw new JournalError(`${path} has a line of over 64 MiB`);
  }
}

function parse<T>(line: Buffer, read: (value: unknown) => T | undefined): T | undefined {
  try {
    return read(JSON.parse(line.toString('utf8')));
  } catch {
    return undefined;
  }
}

async function writeAll(fd: Descriptor, text: string, position: number): Promise<number> {
  let rest = Buffer.from(text);
  const { length } = rest;
  while (rest.length > 0) {
    const taken = await writeVector(fd, [rest], position + length - rest.length);
    rest = rest.subarray(taken);
  }
  return length;
}

/**
 * Opens a journal, or begins one.
 * @param path - of the file; its folder has to exist
 * @param read - makes an entry of a parsed line; undefined, or an error, when it is none
 * @throws JournalError
 */
export async function openJournal<T>(
  path: string,
  read: (value: unknown) => T | undefined,
): Promise<Journal<T>> {
  const isNew = (await stat(path).catch(() => undefined)) === undefined;
  const fd = await openFile(path, fsConstants.O_RDWR | fsConstants.O_CREAT, 0o600).catch(
    (error: Error) => {
      throw new JournalError(`${path} cannot be opened: ${error.message}`, { cause: error });
    },
  );
  let length: number;
  try {
    if (isNew) await syncFolder(dirname(path));
    length = await wholeLength(path);
    await truncateFile(fd, length);
    // Lines that were written but not synced before a crash are counted on from now on.
    await syncData(fd);
  } catch (error) {
    await closeFile(fd);
    throw new JournalError(`${path} cannot be read: ${(error as Error).message}`, { cause: error });
  }
  let ignored = 0;
  let waiting: string[] = [];
  let underWay: Promise<void> | undefined;
  let following: Promise<void> | undefined;
  let failure: JournalError | undefined;

  async function flush(): Promise<void> {
    const text = waiting.join('');
    waiting = [];
    try {
      if (failure !== undefined) throw failure;
      length += await writeAll(fd, text, length);
      await syncData(fd);
    } catch (error) {
      // A line may lie there in part; one that follows it would be lost with it.
      failure ??= new JournalError(`${path} cannot be written: ${(error as Error).message}`, {
        cause: error,
      });
      throw failure;
    }
  }

  /** The write that takes along what waits now. */
  function nextFlush(): Promise<void> {
    if (following !== undefined) return following;
    const before = underWay ?? Promise.resolve();
    following = before
      .catch(() => {})
      .then(() => {
        following = undefined;
        underWay = flush();
        return underWay;
      });
    return following;
  }

  return {
    get ignored() {
      return ignored;
    },
    async append(...entries) {
      if (entries.length === 0) return;
      for (const entry of entries) waiting.push(`${JSON.stringify(entry)}\n`);
      await nextFlush();
    },
    async *entries() {
      ignored = 0;
      for await (const line of readLines(path, length)) {
        const entry = parse(line, read);
        if (entry === undefined) ignored++;
        else yield entry;
      }
    },
    async close() {
      await (following ?? underWay)?.catch(() => {});
      await closeFile(fd);
    },
  };
}
