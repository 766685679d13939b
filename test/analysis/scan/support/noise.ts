/** Bytes without any order, the same in every run. */
import { createCipheriv } from 'node:crypto';

/** @param seed - others give other bytes */
export function noise(size: number, seed = 0): Buffer {
  const key = Buffer.alloc(16);
  key.writeInt32LE(seed);
  return createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(size));
}
