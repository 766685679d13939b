/** Reads with promises, for everything but the sending of blobs. */
import type { FileReader } from './types.ts';

/**
 * Fills a buffer from a position on, as far as one read goes.
 * @returns the number of bytes; 0 at the end of the file
 */
export function readAt(reader: FileReader, buffer: Uint8Array, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    reader.read(buffer, { offset: 0, length: buffer.length, position }, (error, bytes) =>
      error === null ? resolve(bytes) : reject(error),
    );
  });
}

/**
 * Fills a buffer from a position on.
 * @returns the number of bytes, fewer than asked for only at the end of the file
 */
export async function readFully(
  reader: FileReader,
  buffer: Uint8Array,
  position: number,
): Promise<number> {
  let done = 0;
  while (done < buffer.length) {
    const read = await readAt(reader, buffer.subarray(done), position + done);
    if (read === 0) break;
    done += read;
  }
  return done;
}
