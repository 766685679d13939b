import { describe, expect, it } from 'vitest';
import { readAt, readFully } from '../../../src/storage/target/read.ts';
import type { FileReader } from '../../../src/storage/target/types.ts';

/** A file that gives a few bytes at a time. */
function slowReader(bytes: Buffer, most: number): FileReader {
  return {
    read(buffer, { offset, length, position }, callback) {
      const part = bytes.subarray(position, position + Math.min(length, most));
      buffer.set(part, offset);
      setImmediate(() => callback(null, part.length));
    },
    size: async () => bytes.length,
    release: () => undefined,
  };
}

describe('reading with promises', () => {
  it('reads once, or until the buffer is full or the file at its end', async () => {
    const reader = slowReader(Buffer.from('0123456789'), 3);
    const buffer = Buffer.alloc(7, '.');
    expect(await readAt(reader, buffer, 2)).toBe(3);
    expect(buffer.toString()).toBe('234....');
    expect(await readFully(reader, buffer, 2)).toBe(7);
    expect(buffer.toString()).toBe('2345678');
    expect(await readFully(reader, buffer, 8)).toBe(2);
    expect(await readFully(reader, buffer, 10)).toBe(0);
  });

  it('passes on what goes wrong', async () => {
    const reader: FileReader = {
      ...slowReader(Buffer.alloc(0), 1),
      read: (_, __, callback) => void setImmediate(() => callback(new Error('EIO'), 0)),
    };
    await expect(readFully(reader, Buffer.alloc(1), 0)).rejects.toThrow('EIO');
  });
});
