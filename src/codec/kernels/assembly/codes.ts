/** The alphabets of RFC 1951, 3.2.5 and 3.2.6. */

/** Bases and numbers of extra bits of the symbols 257 to 285, by symbol - 257. */
export const LENGTH_BASE: usize = memory.data(29 * 4, 4);
export const LENGTH_EXTRA: usize = memory.data(29);
/** The same of the distance symbols. */
export const DISTANCE_BASE: usize = memory.data(30 * 4, 4);
export const DISTANCE_EXTRA: usize = memory.data(30);
/** Lengths of the fixed codes. */
export const FIXED_LITERALS: usize = memory.data(288);
export const FIXED_DISTANCES: usize = memory.data(32);

let length: u32 = 3;
for (let i: u32 = 0; i < 28; i++) {
  const extra: u32 = i < 8 ? 0 : (i >> 2) - 1;
  store<u32>(LENGTH_BASE + (i << 2), length);
  store<u8>(LENGTH_EXTRA + i, <u8>extra);
  length += 1 << extra;
}
// The last symbol stands for 258 alone, which the one before it could say too.
store<u32>(LENGTH_BASE + (28 << 2), 258);
store<u8>(LENGTH_EXTRA + 28, 0);

let distance: u32 = 1;
for (let i: u32 = 0; i < 30; i++) {
  const extra: u32 = i < 4 ? 0 : (i >> 1) - 1;
  store<u32>(DISTANCE_BASE + (i << 2), distance);
  store<u8>(DISTANCE_EXTRA + i, <u8>extra);
  distance += 1 << extra;
}

memory.fill(FIXED_LITERALS, 8, 144);
memory.fill(FIXED_LITERALS + 144, 9, 112);
memory.fill(FIXED_LITERALS + 256, 7, 24);
memory.fill(FIXED_LITERALS + 280, 8, 8);
memory.fill(FIXED_DISTANCES, 5, 32);
