import { lengthOf } from '../../../src/codec/deflate/token.ts';

/** Plain bytes that tokens stand for. */
export function plainSizeOf(tokens: Uint32Array): number {
  let size = 0;
  for (const token of tokens) size += lengthOf(token);
  return size;
}
