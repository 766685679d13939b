/** Copies of LZ77 matches, 16 bytes at a time. They may write up to 15 bytes too many. */

/** For distances below 16: which of the last `distance` bytes the next 16 are, one row each. */
const REPEAT: usize = memory.data(16 * 16, 16);
/** The largest multiple of the distance up to 16: how far a row may be moved on. */
const STRIDE: usize = memory.data(16);

for (let distance: u32 = 1; distance < 16; distance++) {
  for (let i: u32 = 0; i < 16; i++) store<u8>(REPEAT + (distance << 4) + i, <u8>(i % distance));
  store<u8>(STRIDE + distance, <u8>(16 - (16 % distance)));
}

/** Copies a match whose distance is below 16, so that it may repeat what it writes itself. */
export function copyNear(to: usize, distance: u32, length: u32): void {
  const last = v128.load(to - distance);
  const row = v128.swizzle(last, v128.load(REPEAT + (distance << 4)));
  const stride = <usize>load<u8>(STRIDE + distance);
  const end = to + length;
  do {
    v128.store(to, row);
    to += stride;
  } while (to < end);
}
