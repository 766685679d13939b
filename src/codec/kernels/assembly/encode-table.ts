/**
 * Tables that give the bits of a token. An entry whose code does not exist has the bit UNUSED and
 * no length, so that a loop can add it without harm and look later.
 *
 * ```
 * literal, length   bits of code and extra value 19..0 | UNUSED 23 | number of bits 28..24
 * distance          bits of the code 5..0 | number of all bits 13..8 | UNUSED 23
 * ```
 *
 * The code of a distance d is followed by the extra value d - base. Both together are the number
 * ((d - 1) << bits of the code) + (code - ((base - 1) << bits of the code)), whose second part is
 * the upper half of the entry, signed.
 */
import { DISTANCE_BASE, DISTANCE_EXTRA, LENGTH_BASE, LENGTH_EXTRA } from './codes';
import { COUNTS, nextCode, SORTED, sortSymbols } from './huffman';

export const UNUSED: u32 = 0x80_0000;

/** Literals by value, then matches by length. */
export const CODED: usize = memory.data((256 + 513) * 4, 16);
export const FIRST_LENGTH: u32 = 256;
/** Stands for length 258 as code 284. */
export const IRREGULAR_LENGTH: u32 = 512;
/**
 * By distance - 1 up to 255, then by its part above the lowest 7 bits: one look instead of two, by way
 * of the symbol. The last entry has no bits, for what has no distance.
 */
export const DISTANCES: usize = memory.data((512 + 1) * 8, 16);
export const NO_DISTANCE: u32 = 512;
/** The end-of-block code, as a literal. */
export let endOfBlock: u32 = 0;

/** Codes of one alphabet by symbol: code 14..0 | bits 19..16, or 0. */
const CODES: usize = memory.data(288 * 4, 4);

for (let i: u32 = 0; i < 256 + 513; i++) store<u32>(CODED + (i << 2), UNUSED);

/** Gives each symbol its code (RFC 1951, 3.2.2). */
function assignCodes(lengths: usize, count: u32): void {
  memory.fill(CODES, 0, 288 * 4);
  sortSymbols(lengths, count);
  let place: usize = SORTED;
  let code: u32 = 0;
  for (let bits: u32 = 1; bits <= 15; bits++) {
    for (let left = load<u32>(COUNTS + (bits << 2)); left > 0; left--) {
      store<u32>(CODES + ((<usize>load<u16>(place)) << 2), code | (bits << 16));
      place += 2;
      code = nextCode(code, bits);
    }
  }
}

/** A literal's or length's entry with `extra` bits of `value` after the code. */
function entryOf(symbol: u32, extra: u32, value: u32): u32 {
  const code = load<u32>(CODES + (symbol << 2));
  if (code === 0) return UNUSED;
  const bits = code >> 16;
  return (code & 0x7fff) | (value << bits) | ((bits + extra) << 24);
}

function buildLiterals(lengths: usize, count: u32): void {
  assignCodes(lengths, count);
  for (let i: u32 = 0; i < 256; i++) store<u32>(CODED + (i << 2), entryOf(i, 0, 0));
  endOfBlock = entryOf(256, 0, 0);
  for (let i: u32 = 0; i < 29; i++) {
    const base = load<u32>(LENGTH_BASE + (i << 2));
    const extra = <u32>load<u8>(LENGTH_EXTRA + i);
    for (let value: u32 = 0; value < (<u32>1) << extra; value++) {
      // 258 is written over by the next symbol, but for what the irregular token wants.
      store<u32>(CODED + ((FIRST_LENGTH + base + value) << 2), entryOf(257 + i, extra, value));
    }
  }
  store<u32>(CODED + ((FIRST_LENGTH + IRREGULAR_LENGTH) << 2), entryOf(284, 5, 31));
}

function buildDistances(lengths: usize, count: u32): void {
  assignCodes(lengths, count);
  let to: usize = DISTANCES;
  for (let i: u32 = 0; i < 30; i++) {
    const code = load<u32>(CODES + (i << 2));
    const bits = code >> 16;
    const extra = <u32>load<u8>(DISTANCE_EXTRA + i);
    const first = load<u32>(DISTANCE_BASE + (i << 2)) - 1;
    const low: u32 = code === 0 ? UNUSED : bits | ((bits + extra) << 8);
    const high = (code & 0x7fff) - (first << bits);
    const entry = ((<u64>high) << 32) | low;
    // Symbols begin at multiples of 128 where entries stand for as many distances.
    const entries = first < 256 ? (<u32>1) << extra : (<u32>1) << (extra - 7);
    const end = to + (entries << 3);
    for (; to < end; to += 8) store<u64>(to, entry);
    // 256 and more are looked up by distance >> 7; the first two entries stand for less.
    if (first + ((<u32>1) << extra) === 256) to += 16;
  }
}

/** Makes the tables of a block from its code lengths. */
export function buildTables(
  literals: usize,
  literalCount: u32,
  distances: usize,
  distanceCount: u32,
): void {
  buildLiterals(literals, literalCount);
  buildDistances(distances, distanceCount);
}
