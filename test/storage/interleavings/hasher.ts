/** Stands in for the hashing thread: hashes in its place, so that schedules stay deterministic. */
import { createHash } from 'node:crypto';
import type { Hasher, HashInput } from '../../../src/lib/hashing.ts';

/** Creates a hasher without a thread. */
export function createHasher(): Hasher {
  return {
    async hash({ algorithm, read, size }: HashInput) {
      const hash = createHash(algorithm);
      const buffer = new Uint8Array(4096);
      let position = 0;
      while (position < size) {
        const length = await read(buffer.subarray(0, size - position), position);
        if (length === 0) return undefined;
        hash.update(buffer.subarray(0, length));
        position += length;
      }
      return hash.digest('hex');
    },
    close: async () => undefined,
  };
}
