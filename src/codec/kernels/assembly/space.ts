/** The space kernel: tokens to the plain bytes of some parts of a layer. See `../types.ts`. */
import {
  BAD_POSITION,
  BAD_TOKEN,
  MAX_OVERHANG,
  NEED_INPUT,
  SPACE_CAPACITY,
  TOKEN_CAPACITY,
  WINDOW,
} from '../layout';
import { copyNear } from './copy';

/** Bytes that may be written beyond the end of a match. */
const SLACK: i32 = 16;
const MAX_LENGTH: u32 = 258;

export const TOKENS: usize = memory.data(TOKEN_CAPACITY * 4, 16);
/** Positions that are needed, and their bytes. */
export const NEEDS: usize = memory.data((WINDOW + MAX_OVERHANG) * 4, 16);
export const CONTEXT: usize = memory.data(WINDOW + MAX_OVERHANG, 16);
export const BYTES: usize = memory.data(SPACE_CAPACITY + SLACK, 16);
/** 1 where a byte is known. */
const KNOWN: usize = memory.data(SPACE_CAPACITY + SLACK, 16);

/** Each byte, so that literals can be copied as matches are: what comes next cannot be predicted. */
const LITERALS: usize = memory.data(256 + SLACK, 16);

for (let i: u32 = 0; i < 256; i++) store<u8>(LITERALS + i, <u8>i);

/** Where the known bytes end that lie last. */
let reach: u32 = 0;
/** Begin of what the tokens of the part make, and the end of the part. */
let own: u32 = 0;
let end: u32 = 0;
/** How far its tokens have been looked at, and carried out. */
let seen: u32 = 0;
let made: u32 = 0;
export let needCount: u32 = 0;
/** Nothing has been looked at but the lead. */
let isBegun: bool = false;

export function reset(): void {
  memory.fill(KNOWN, 0, reach);
  reach = 0;
}

/** Asks for the bytes of a stretch that are not known, and takes them for known from now on. */
function need(from: u32, to: u32): void {
  for (let at = from; at < to; at++) {
    if (load<u8>(KNOWN + at)) continue;
    store<u8>(KNOWN + at, 1);
    store<u32>(NEEDS + (needCount++ << 2), at);
  }
}

/** See `SpaceKernel.begin`. */
export function begin(start: u32, lead: u32, size: u32): void {
  own = seen = made = start + lead;
  end = start + size;
  // What tokens before have made there is made again.
  if (reach > own) memory.fill(KNOWN + own, 0, reach - own);
  needCount = 0;
  isBegun = true;
  need(start, own);
  reach = max(reach, own);
}

/** Whether a match is one that cannot be. */
// @ts-expect-error: decorator
function isBad(length: u32, distance: u32): bool {
  return (distance - 1 >= <u32>WINDOW) | (length - 3 > MAX_LENGTH - 3);
}

/** See `SpaceKernel.look`. */
export function look(count: u32): i32 {
  if (!isBegun) needCount = 0;
  isBegun = false;
  let position = seen;
  let at = TOKENS;
  const last = TOKENS + (count << 2);
  // Further on nothing reaches out of the part.
  const far = own + WINDOW;
  for (; at < last && position < far; at += 4) {
    if (position >= end) return BAD_POSITION;
    const token = load<u32>(at);
    const length = (token >> 16) & 0x1ff;
    const distance = token & 0xffff;
    const isMatch = token > 0xff;
    if (isMatch & isBad(length, distance)) return BAD_TOKEN;
    if (isMatch & (distance > position - own)) {
      if (distance > position) return BAD_TOKEN;
      const source = position - distance;
      need(source, min(source + length, own));
    }
    position += select<u32>(length, 1, isMatch);
  }
  let start: u32 = 0;
  let sums = i32x4.splat(0);
  let odd = i32x4.splat(0);
  // Most tokens of large files. The last ones are left to the loop below, which notes their begin.
  for (; at + 16 < last; at += 16) {
    const tokens = v128.load(at);
    const lengths = v128.and(i32x4.shr_u(tokens, 16), i32x4.splat(0x1ff));
    const distances = v128.and(tokens, i32x4.splat(0xffff));
    const isLiteral = i32x4.le_u(tokens, i32x4.splat(0xff));
    const isFar = i32x4.ge_u(i32x4.sub(distances, i32x4.splat(1)), i32x4.splat(WINDOW));
    const isLong = i32x4.gt_u(i32x4.sub(lengths, i32x4.splat(3)), i32x4.splat(MAX_LENGTH - 3));
    odd = v128.or(odd, v128.andnot(v128.or(isFar, isLong), isLiteral));
    // True is -1.
    sums = i32x4.sub(i32x4.add(sums, lengths), isLiteral);
  }
  position += i32x4.extract_lane(sums, 0) + i32x4.extract_lane(sums, 1);
  position += i32x4.extract_lane(sums, 2) + i32x4.extract_lane(sums, 3);
  let bad: bool = v128.any_true(odd);
  for (; at < last; at += 4) {
    start = position;
    const token = load<u32>(at);
    const length = (token >> 16) & 0x1ff;
    const isMatch = token > 0xff;
    bad |= isMatch & isBad(length, token & 0xffff);
    position += select<u32>(length, 1, isMatch);
  }
  if (bad) return BAD_TOKEN;
  if (start >= end) return BAD_POSITION;
  seen = position;
  return NEED_INPUT;
}

/** See `SpaceKernel.make`. */
export function make(count: u32): void {
  for (let i: u32 = 0; i < needCount; i++) {
    store<u8>(BYTES + load<u32>(NEEDS + (i << 2)), load<u8>(CONTEXT + i));
  }
  let to = BYTES + made;
  const last = TOKENS + (count << 2);
  for (let at = TOKENS; at < last; at += 4) {
    const token = load<u32>(at);
    const isMatch = token > 0xff;
    const length = select<u32>((token >> 16) & 0x1ff, 1, isMatch);
    const distance = select<u32>(token & 0xffff, 16, isMatch);
    if (distance < 16) {
      copyNear(to, distance, length);
    } else {
      let from = select<usize>(to - distance, LITERALS + token, isMatch);
      v128.store(to, v128.load(from));
      const stop = to + length;
      for (let next = to + 16; next < stop; next += 16) {
        from += 16;
        v128.store(next, v128.load(from));
      }
    }
    to += length;
  }
  made = <u32>(to - BYTES);
}

/** See `SpaceKernel.finish`. */
export function finish(): i32 {
  if (seen < end) return BAD_POSITION;
  // Further back nothing can reach.
  const from = max(own, seen - min(seen, <u32>(WINDOW + MAX_OVERHANG)));
  memory.fill(KNOWN + from, 1, seen - from);
  reach = max(reach, seen);
  return NEED_INPUT;
}
