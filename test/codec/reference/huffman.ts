/** Canonical Huffman codes bit by bit, straight from RFC 1951, 3.2.2: slow and easy to check. */

/** How full a set of code lengths is. */
export type Fullness = 'complete' | 'single' | 'empty' | 'bad';

const MAX_BITS = 15;

/**
 * Whether code lengths make a code that zlib takes: complete, one code of one bit, or none at all
 * ('bad' for everything else). The sum of 2^-length has to be 1 (Kraft).
 */
export function fullnessOf(lengths: readonly number[]): Fullness {
  const used = lengths.filter((length) => length > 0);
  if (used.length === 0) return 'empty';
  const sum = used.reduce((total, length) => total + 2 ** (MAX_BITS - length), 0);
  if (sum === 2 ** MAX_BITS) return 'complete';
  return used.length === 1 && used[0] === 1 ? 'single' : 'bad';
}

/** Symbols by code, written as a string of 0 and 1 in the order of the stream. */
export function codesOf(lengths: readonly number[]): Map<string, number> {
  const codes = new Map<string, number>();
  let code = 0;
  for (let bits = 1; bits <= MAX_BITS; bits++) {
    code *= 2;
    lengths.forEach((length, symbol) => {
      if (length !== bits) return;
      codes.set(code.toString(2).padStart(bits, '0'), symbol);
      code++;
    });
  }
  return codes;
}

/** Lengths of the fixed codes (RFC 1951, 3.2.6); symbols 286, 287 and 30, 31 are not to be used. */
export const FIXED_LITERALS: readonly number[] = Array.from({ length: 288 }, (_, symbol) => {
  if (symbol < 144) return 8;
  if (symbol < 256) return 9;
  return symbol < 280 ? 7 : 8;
});
export const FIXED_DISTANCES: readonly number[] = new Array(32).fill(5);

/** Order of the lengths of the code of code lengths (RFC 1951, 3.2.7). */
export const LENGTH_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/** Base and extra bits of a symbol (RFC 1951, 3.2.5). */
export interface Range {
  readonly base: number;
  readonly extra: number;
}

function ranges(first: number, extras: readonly number[]): Range[] {
  let base = first;
  return extras.map((extra) => {
    const range = { base, extra };
    base += 2 ** extra;
    return range;
  });
}

const pairs = (from: number, to: number, each: number): number[] =>
  Array.from({ length: (to - from + 1) * each }, (_, i) => from + Math.floor(i / each));

/** Lengths of the symbols 257 to 285. */
export const LENGTHS: readonly Range[] = [
  ...ranges(3, [...new Array(4).fill(0), ...pairs(0, 5, 4)]),
  { base: 258, extra: 0 },
];
/** Distances of the symbols 0 to 29. */
export const DISTANCES: readonly Range[] = ranges(1, [0, 0, ...pairs(0, 13, 2)]);
