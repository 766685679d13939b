/**
 * Tokens: what the LZ77 search of a compressor decided, as numbers of 32 bits.
 *
 * ```
 * literal     byte value, 0..255
 * match       (length << 16) | distance     length 3..258, distance 1..32768 bytes
 * irregular   the same with bit 31 set: length 258 written as code 284 with extra bits 31
 * ```
 *
 * RFC 1951 writes length 258 as code 285, but code 284 can say it as well, and decoders take it. The
 * bytes of stored blocks are literals, so that the tokens alone give all plain bytes.
 */

/** Set in the token of a match of length 258 that is not written as code 285. */
export const IRREGULAR = 0x8000_0000;

/**
 * Makes the token of a match.
 * @param length - bytes, 3..258
 * @param distance - bytes back, 1..32768
 */
export function matchToken(length: number, distance: number): number {
  return (length << 16) | distance;
}

/** Whether a token is a match, not a literal. */
export function isMatch(token: number): boolean {
  return token > 0xff;
}

/**
 * Plain bytes that a token stands for: 1 for a literal. Without a branch, because whether a literal
 * or a match comes next cannot be predicted.
 */
export function lengthOf(token: number): number {
  return ((token >>> 16) & 0x1ff) + (((token >>> 8) - 1) >>> 31);
}

/** Bytes that a match reaches back; 0 for a literal. */
export function distanceOf(token: number): number {
  return token > 0xff ? token & 0xffff : 0;
}
