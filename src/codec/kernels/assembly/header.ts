/** The code lengths at the head of a dynamic block (RFC 1951, 3.2.7). */
import {
  BAD_DISTANCE_CODE,
  BAD_LENGTH_CODE,
  BAD_LITERAL_CODE,
  BAD_REPEAT,
  BAD_SYMBOL_COUNT,
  NEED_INPUT,
  NO_END_OF_BLOCK,
} from '../layout';
import { BAD, COMPLETE, COUNTS, judge, nextCode, SORTED, sortSymbols } from './huffman';

/** A header that was read whole: none of the numbers of `layout.ts` for what else may happen. */
export const READ: i32 = -1;

const ORDER: usize = memory.data<u8>([
  16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15,
]);
const ORDER_LENGTHS: usize = memory.data(19);
/** Symbol << 8 | bits for the next 7 bits. */
const ORDER_TABLE: usize = memory.data(128 * 2, 2);
/** Code lengths of literals, then of distances; the longest repeat may run over the end. */
export const LENGTHS: usize = memory.data(286 + 30 + 138);

/** How many of LENGTHS are literals and distances, and the bit after the header. */
export let literalCount: u32 = 0;
export let distanceCount: u32 = 0;
export let headerEnd: u32 = 0;

function buildOrderTable(): void {
  let place: usize = SORTED;
  let code: u32 = 0;
  for (let bits: u32 = 1; bits <= 7; bits++) {
    for (let left = load<u32>(COUNTS + (bits << 2)); left > 0; left--) {
      const entry = (load<u16>(place) << 8) | <u16>bits;
      for (let i = code; i < 128; i += (<u32>1) << bits) store<u16>(ORDER_TABLE + (i << 1), entry);
      place += 2;
      code = nextCode(code, bits);
    }
  }
}

/** What went wrong, if the bits that it was seen in are there at all. */
function failure(status: i32, at: u32, end: u32): i32 {
  return at > end ? NEED_INPUT : status;
}

/**
 * Reads a header, from the bit after BTYPE on.
 * @param base - where the bits lie; 8 bytes beyond what may be a header have to be readable
 * @param bit - of the first one, counted from `base`
 * @param end - bits that are there
 * @returns READ, NEED_INPUT when the header is longer than what is there, or an error
 */
export function readHeader(base: usize, bit: u32, end: u32): i32 {
  let at = bit;
  let word = load<u64>(base + (at >> 3)) >> (at & 7);
  literalCount = (<u32>word & 31) + 257;
  distanceCount = (<u32>(word >> 5) & 31) + 1;
  const orderCount: u32 = (<u32>(word >> 10) & 15) + 4;
  at += 14;
  if (literalCount > 286 || distanceCount > 30) return failure(BAD_SYMBOL_COUNT, at, end);
  memory.fill(ORDER_LENGTHS, 0, 19);
  word = load<u64>(base + (at >> 3)) >> (at & 7);
  for (let i: u32 = 0; i < orderCount; i++) {
    store<u8>(ORDER_LENGTHS + <usize>load<u8>(ORDER + i), <u8>word & 7);
    word >>= 3;
  }
  at += 3 * orderCount;
  if (sortSymbols(ORDER_LENGTHS, 19) !== COMPLETE) return failure(BAD_LENGTH_CODE, at, end);
  buildOrderTable();
  const total = literalCount + distanceCount;
  let count: u32 = 0;
  while (count < total) {
    const bits = <u32>(load<u64>(base + (at >> 3)) >> (at & 7));
    const entry = <u32>load<u16>(ORDER_TABLE + ((bits & 127) << 1));
    const used = entry & 255;
    const symbol = entry >> 8;
    at += used;
    if (symbol < 16) {
      store<u8>(LENGTHS + count++, <u8>symbol);
      continue;
    }
    const extra = bits >> used;
    let times: u32 = 0;
    let value: u8 = 0;
    if (symbol === 16) {
      if (count === 0) return failure(BAD_REPEAT, at, end);
      times = 3 + (extra & 3);
      at += 2;
      value = load<u8>(LENGTHS + count - 1);
    } else if (symbol === 17) {
      times = 3 + (extra & 7);
      at += 3;
    } else {
      times = 11 + (extra & 127);
      at += 7;
    }
    memory.fill(LENGTHS + count, value, times);
    count += times;
  }
  if (at > end) return NEED_INPUT;
  if (count > total) return BAD_REPEAT;
  if (load<u8>(LENGTHS + 256) === 0) return NO_END_OF_BLOCK;
  if (judge(LENGTHS, literalCount) === BAD) return BAD_LITERAL_CODE;
  if (judge(LENGTHS + literalCount, distanceCount) === BAD) return BAD_DISTANCE_CODE;
  headerEnd = at;
  return READ;
}
