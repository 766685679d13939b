/** Canonical Huffman codes (RFC 1951, 3.2.2). */

/** What code lengths make: complete, one code of one bit, no code at all, or what zlib refuses. */
export const COMPLETE: i32 = 0;
export const SINGLE: i32 = 1;
export const EMPTY: i32 = 2;
export const BAD: i32 = 3;

/** Symbols for each length, and where those of a length begin in SORTED; 16 numbers each. */
export const COUNTS: usize = memory.data(16 * 4, 4);
const STARTS: usize = memory.data(16 * 4, 4);
/** Symbols that have a code, in the order of their codes. */
export const SORTED: usize = memory.data(288 * 2, 2);

/** Counts symbols by length into COUNTS and judges whether their code is full (Kraft). */
export function judge(lengths: usize, count: u32): i32 {
  memory.fill(COUNTS, 0, 64);
  for (let i: u32 = 0; i < count; i++) {
    const at = COUNTS + ((<usize>load<u8>(lengths + i)) << 2);
    store<u32>(at, load<u32>(at) + 1);
  }
  const used = count - load<u32>(COUNTS);
  store<u32>(COUNTS, 0);
  let left: i32 = 1;
  for (let bits: u32 = 1; bits < 16; bits++) {
    left = (left << 1) - <i32>load<u32>(COUNTS + (bits << 2));
    if (left < 0) return BAD;
  }
  if (left === 0) return COMPLETE;
  if (used === 0) return EMPTY;
  return used === 1 && load<u32>(COUNTS, 4) === 1 ? SINGLE : BAD;
}

/** Sorts symbols by code into SORTED, with COUNTS; returns what `judge` does. */
export function sortSymbols(lengths: usize, count: u32): i32 {
  const judgement = judge(lengths, count);
  if (judgement === BAD) return BAD;
  let start: u32 = 0;
  for (let bits: u32 = 1; bits < 16; bits++) {
    store<u32>(STARTS + (bits << 2), start);
    start += load<u32>(COUNTS + (bits << 2));
  }
  for (let i: u32 = 0; i < count; i++) {
    const bits = <usize>load<u8>(lengths + i);
    if (bits === 0) continue;
    const at = STARTS + (bits << 2);
    const place = load<u32>(at);
    store<u32>(at, place + 1);
    store<u16>(SORTED + (place << 1), <u16>i);
  }
  return judgement;
}

/**
 * The code after this one of the same length, both with the first bit lowest, as they stand in the
 * stream. A code that gets longer keeps its number: the bit that is added is 0 and the highest.
 */
export function nextCode(code: u32, bits: u32): u32 {
  let mask: u32 = (<u32>1) << (bits - 1);
  while (code & mask) {
    code ^= mask;
    mask >>= 1;
  }
  return code | mask;
}
