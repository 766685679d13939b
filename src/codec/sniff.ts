/** Tells by its first bytes what a layer is, because media types lie. */

/** What a layer may be. */
export type LayerFormat = 'gzip' | 'zstd' | 'tar' | 'unknown';

/** Bytes that decide; fewer will do for all but tar. */
export const SNIFF_SIZE = 512;

/** Where a tar header has its own checksum: 8 bytes, which count as spaces (POSIX.1-2001, `pax`). */
const CHECKSUM_AT = 148;
const CHECKSUM_SIZE = 8;

/** Whether a block of 512 bytes is a tar header: octal sum of its bytes, or all zero at the end. */
function isTarHeader(block: Uint8Array): boolean {
  const field = block.subarray(CHECKSUM_AT, CHECKSUM_AT + CHECKSUM_SIZE);
  let sum = CHECKSUM_SIZE * 0x20;
  for (const byte of block) sum += byte;
  for (const byte of field) sum -= byte;
  if (sum === CHECKSUM_SIZE * 0x20) return true;
  const digits = Buffer.from(field).toString('latin1').replaceAll('\0', ' ').trim();
  return /^[0-7]+$/.test(digits) && Number.parseInt(digits, 8) === sum;
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
  if (head.length >= SNIFF_SIZE && isTarHeader(head.subarray(0, SNIFF_SIZE))) return 'tar';
  return 'unknown';
}
