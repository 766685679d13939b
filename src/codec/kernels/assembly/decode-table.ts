/**
 * Tables that give symbols for the next bits of a stream, as zlib and libdeflate have them: the
 * first bits of a code index the table itself, further ones a part at its end.
 *
 * ```
 * literal      1 | 0 |  byte 29..16                       | bits 13..8 | bits 5..0
 * match        0 | 0 |  base of length or distance 30..16 | bits 13..8 | bits and extra bits 5..0
 * longer code  0 | 1 |  index of the further part 29..16  |      0     |      0
 * end          0 | 1 |  0                                 |  1 << 8    | bits 5..0
 * unused code  0 | 1 |  0                                 |  2 << 8    | bits 5..0
 * ```
 *
 * The first bit is 31, the second one 15.
 */
import { DISTANCE_BASE, DISTANCE_EXTRA, LENGTH_BASE, LENGTH_EXTRA } from './codes';
import { COMPLETE, COUNTS, nextCode, SORTED, sortSymbols } from './huffman';

export const LITERAL: u32 = 0x8000_0000;
export const SPECIAL: u32 = 0x8000;
export const END_OF_BLOCK: u32 = 0x8100;
const UNUSED: u32 = 0x8200;
/** What tells the three special entries apart. */
export const SPECIAL_KIND: u32 = 0xff00;

/** Bits that index the tables themselves. */
export const LITERAL_BITS: u32 = 11;
export const DISTANCE_BITS: u32 = 9;
/** Bits that index a further part. */
const LITERAL_REST: u32 = 15 - LITERAL_BITS;
const DISTANCE_REST: u32 = 15 - DISTANCE_BITS;
/** Entries of whole tables: two codes at least share a further part. */
const LITERAL_ENTRIES: i32 = (1 << 11) + (144 << 4);
const DISTANCE_ENTRIES: i32 = (1 << 9) + (16 << 6);

export const LITERAL_TABLE: usize = memory.data(LITERAL_ENTRIES * 4, 16);
export const DISTANCE_TABLE: usize = memory.data(DISTANCE_ENTRIES * 4, 16);
export const FIXED_LITERAL_TABLE: usize = memory.data(LITERAL_ENTRIES * 4, 16);
export const FIXED_DISTANCE_TABLE: usize = memory.data(DISTANCE_ENTRIES * 4, 16);

/** Entries of all symbols without the length of their codes. */
const LITERAL_SYMBOLS: usize = memory.data(288 * 4, 4);
const DISTANCE_SYMBOLS: usize = memory.data(32 * 4, 4);

for (let i: u32 = 0; i < 256; i++) store<u32>(LITERAL_SYMBOLS + (i << 2), LITERAL | (i << 16));
store<u32>(LITERAL_SYMBOLS + (256 << 2), END_OF_BLOCK);
for (let i: u32 = 0; i < 29; i++) {
  const entry = (load<u32>(LENGTH_BASE + (i << 2)) << 16) | <u32>load<u8>(LENGTH_EXTRA + i);
  store<u32>(LITERAL_SYMBOLS + ((257 + i) << 2), entry);
}
for (let i: u32 = 286; i < 288; i++) store<u32>(LITERAL_SYMBOLS + (i << 2), UNUSED);
for (let i: u32 = 0; i < 30; i++) {
  const entry = (load<u32>(DISTANCE_BASE + (i << 2)) << 16) | <u32>load<u8>(DISTANCE_EXTRA + i);
  store<u32>(DISTANCE_SYMBOLS + (i << 2), entry);
}
for (let i: u32 = 30; i < 32; i++) store<u32>(DISTANCE_SYMBOLS + (i << 2), UNUSED);

/** The entry of a symbol whose code has so many bits. */
function entryOf(symbols: usize, symbol: u32, bits: u32): u32 {
  const entry = load<u32>(symbols + (symbol << 2));
  // Special entries have their kind where the others have the bits of the code alone.
  return entry & SPECIAL ? entry + bits : entry + bits * 0x101;
}

/** Fills a table from code lengths that were judged before. */
function build(
  lengths: usize,
  count: u32,
  symbols: usize,
  table: usize,
  tableBits: u32,
  restBits: u32,
): void {
  const isComplete = sortSymbols(lengths, count) === COMPLETE;
  let place: usize = SORTED;
  let code: u32 = 0;
  let size: u32 = 1;
  // The table of n bits is the one of n - 1 bits twice, with the codes of n bits written over it.
  for (let bits: u32 = 1; bits <= tableBits; bits++) {
    memory.copy(table + (size << 2), table, size << 2);
    size <<= 1;
    for (let left = load<u32>(COUNTS + (bits << 2)); left > 0; left--) {
      store<u32>(table + (code << 2), entryOf(symbols, load<u16>(place), bits));
      place += 2;
      code = nextCode(code, bits);
    }
  }
  if (!isComplete) {
    // No code, or a single one of one bit, which is 0: the other bit stands for nothing.
    const first: u32 = place === SORTED ? 0 : 1;
    for (let i = first; i < size; i += 1 + first) store<u32>(table + (i << 2), UNUSED | 1);
    return;
  }
  let prefix: u32 = 0xffff;
  let part: u32 = size - ((<u32>1) << restBits);
  for (let bits = tableBits + 1; bits <= 15; bits++) {
    for (let left = load<u32>(COUNTS + (bits << 2)); left > 0; left--) {
      const first = code & (size - 1);
      if (first !== prefix) {
        prefix = first;
        part += (<u32>1) << restBits;
        store<u32>(table + (prefix << 2), SPECIAL | (part << 16));
      }
      const entry = entryOf(symbols, load<u16>(place), bits);
      const step: u32 = (<u32>1) << (bits - tableBits);
      for (let i = code >> tableBits; i < (<u32>1) << restBits; i += step) {
        store<u32>(table + ((part + i) << 2), entry);
      }
      place += 2;
      code = nextCode(code, bits);
    }
  }
}

export function buildLiterals(lengths: usize, count: u32, table: usize): void {
  build(lengths, count, LITERAL_SYMBOLS, table, LITERAL_BITS, LITERAL_REST);
}

export function buildDistances(lengths: usize, count: u32, table: usize): void {
  build(lengths, count, DISTANCE_SYMBOLS, table, DISTANCE_BITS, DISTANCE_REST);
}
