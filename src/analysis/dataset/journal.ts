/**
 * A file of JSON values, one a line, appended to. A line that a killed run did not finish is cut off
 * when it is opened again.
 */
import { closeSync, fdatasyncSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { DatasetError } from './errors.ts';

const PIECE = 1024 * 1024;

/** A journal that is open. */
export interface Journal<T> {
  append(value: T): void;
  /** Makes durable what was appended. */
  sync(): void;
  close(): void;
}

/** Calls `each` for every whole line, and resolves with the bytes that they take. */
function readLines<T>(fd: number, each: (value: T) => void): number {
  const piece = Buffer.allocUnsafe(PIECE);
  let rest = Buffer.alloc(0);
  let whole = 0;
  for (let at = 0; ; ) {
    const count = readSync(fd, piece, 0, PIECE, at);
    if (count === 0) return whole;
    at += count;
    const bytes = Buffer.concat([rest, piece.subarray(0, count)]);
    let start = 0;
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, start)) {
      each(JSON.parse(bytes.toString('utf8', start, end)) as T);
      whole += end + 1 - start;
      start = end + 1;
    }
    rest = Buffer.from(bytes.subarray(start));
  }
}

/**
 * Opens a journal, which is made if there is none, and gives what is in it, from the oldest on.
 * @throws DatasetError for a whole line that is no JSON: nothing of ours has written it
 */
export function openJournal<T>(path: string, each: (value: T) => void): Journal<T> {
  const fd = openSync(path, 'a+');
  try {
    ftruncateSync(fd, readLines(fd, each));
  } catch (error) {
    closeSync(fd);
    if (!(error instanceof SyntaxError)) throw error;
    throw new DatasetError(`${path} is damaged (${error.message}); begin again in an empty folder`);
  }
  return {
    append(value) {
      const line = Buffer.from(`${JSON.stringify(value)}\n`);
      for (let at = 0; at < line.length; ) at += writeSync(fd, line, at);
    },
    sync() {
      fdatasyncSync(fd);
    },
    close() {
      closeSync(fd);
    },
  };
}
