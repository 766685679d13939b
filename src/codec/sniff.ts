/** Tells by its first bytes what a layer is, because media types lie. */
import { BLOCK_SIZE, isZeroBlock, parseHeader } from './tar/header.ts';

/** What a layer may be. */
export type LayerFormat = 'gzip' | 'zstd' | 'tar' | 'unknown';

/**
 * Bytes that decide. Fewer will do for all but tars that begin with their end, which are looked at
 * as far as images of disks have zeros in front.
 */
export const SNIFF_SIZE = 64 * 1024;

/** Whether the first block that holds something is a tar header; zeros are the end of an archive. */
function isTar(head: Uint8Array): boolean {
  for (let at = 0; at + BLOCK_SIZE <= head.length; at += BLOCK_SIZE) {
    const block = head.subarray(at, at + BLOCK_SIZE);
    if (!isZeroBlock(block)) return parseHeader(block) !== undefined;
  }
  return head.length >= BLOCK_SIZE;
}

/**
 * Tells the format of a layer.
 * @param head - its first `SNIFF_SIZE` bytes, or all that there are
 */
export function sniffFormat(head: Uint8Array): LayerFormat {
  const [a = 0, b = 0, c = 0, d = 0] = head;
  if (a === 0x1f && b === 0x8b) return 'gzip';
  // A frame, or a skippable one with which stargz begins (RFC 8878, 3.1).
  if (a === 0x28 && b === 0xb5 && c === 0x2f && d === 0xfd) return 'zstd';
  if (a >> 4 === 5 && b === 0x2a && c === 0x4d && d === 0x18) return 'zstd';
  return isTar(head) ? 'tar' : 'unknown';
}
