/** Large blobs, made while they are sent. */
import { createHash, randomUUID } from 'node:crypto';
import { byteSource } from '../fixture.ts';
import type { BlobStream } from './client.ts';

const PART_BYTES = 1024 * 1024;

/** A blob of `size` bytes that follow from `name` alone; unique when no name is given. */
export function uniqueStream(size: number, name: string = randomUUID()): BlobStream {
  const source = byteSource(name);
  const running = createHash('sha256');
  return {
    size,
    async feed(write) {
      for (let sent = 0; sent < size; sent += PART_BYTES) {
        const part = source.next(Math.min(PART_BYTES, size - sent));
        running.update(part);
        await write(part);
      }
    },
    digest: () => `sha256:${running.digest('hex')}`,
  };
}
