/** Numbers in the fixed fields of a tar header. */

const SPACE = 0x20;
const ZERO = 0x30;
const SEVEN = 0x37;

/**
 * Octal digits, with spaces or NULs before them, up to a space, a NUL or the end of the field. A
 * field without digits counts as 0, for old programs leave fields empty that they do not use.
 */
function parseOctal(block: Uint8Array, start: number, end: number): number | undefined {
  let at = start;
  while (at < end && (block[at] === SPACE || block[at] === 0)) at++;
  let value = 0;
  for (; at < end; at++) {
    const byte = block[at]!;
    if (byte === SPACE || byte === 0) break;
    if (byte < ZERO || byte > SEVEN) return undefined;
    value = value * 8 + byte - ZERO;
  }
  return value;
}

/**
 * GNU's base-256: the first bit marks it, the others are a big-endian number in two's complement.
 */
function parseBase256(block: Uint8Array, start: number, end: number): number | undefined {
  const isNegative = (block[start]! & 0x40) !== 0;
  const flip = isNegative ? 0xff : 0;
  let value = (block[start]! ^ flip) & 0x7f;
  for (let at = start + 1; at < end; at++) {
    value = value * 256 + (block[at]! ^ flip);
    if (value > Number.MAX_SAFE_INTEGER) return undefined;
  }
  return isNegative ? -1 - value : value;
}

/**
 * Reads a number from a field of a header, octal or base-256.
 * @returns undefined when it is neither, or no safe integer
 */
export function parseNumber(block: Uint8Array, start: number, length: number): number | undefined {
  const isBase256 = (block[start]! & 0x80) !== 0;
  return (isBase256 ? parseBase256 : parseOctal)(block, start, start + length);
}
