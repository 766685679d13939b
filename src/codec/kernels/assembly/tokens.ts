/** The token kernel: streams of bytes to tokens and back. See `../types.ts`. */
import { BAD_RUN, BAD_TOKEN, NEED_INPUT, STREAM_CAPACITY } from '../layout';

/** Bytes of a run at most: no stream has 2^28 literals. */
const RUN_BYTES: u32 = 4;
/** Bytes that may be read or written beyond the end of a buffer. */
const SLACK: i32 = 16;

export const RUNS: usize = memory.data(STREAM_CAPACITY + SLACK, 16);
export const LITERALS: usize = memory.data(STREAM_CAPACITY + SLACK, 16);
export const LENGTHS: usize = memory.data(STREAM_CAPACITY + SLACK, 16);
export const LOW: usize = memory.data(STREAM_CAPACITY + SLACK, 16);
export const HIGH: usize = memory.data(STREAM_CAPACITY + SLACK, 16);
/** As many literals and matches as the streams can hold. */
export const TOKENS: usize = memory.data((2 * STREAM_CAPACITY + SLACK) * 4, 16);

/** Literals between the last match and the next one, as far as they are known or still to come. */
export let run: u32 = 0;
/** Whether the run before the next match has been read. */
export let isOpen: bool = false;

/** What the last call has used or made. */
export let runCount: u32 = 0;
export let literalCount: u32 = 0;
export let matchCount: u32 = 0;
export let tokenCount: u32 = 0;
/** Whether a token had bit 31. */
export let isIrregular: bool = false;

/** See `TokenKernel.resume`. */
export function resume(left: u32, open: bool): void {
  run = left;
  isOpen = open;
}

/** Widens bytes to tokens, eight at least: a branch for none or a few would often be wrong. */
function widen(from: usize, to: usize, count: u32): void {
  const end = to + (count << 2);
  do {
    const words = v128.load_ext<u8>(from);
    v128.store(to, v128.extend_low<u16>(words));
    v128.store(to, v128.extend_high<u16>(words), 16);
    from += 8;
    to += 32;
  } while (to < end);
}

/** See `TokenKernel.literalTokens`. */
export function literalTokens(count: u32): void {
  widen(LITERALS, TOKENS, count);
}

/** See `TokenKernel.decode`. */
export function decode(runs: u32, literals: u32, matches: u32, limit: u32): i32 {
  let at = RUNS;
  const atEnd = RUNS + runs;
  let literal = LITERALS;
  const literalEnd = LITERALS + literals;
  let to = TOKENS;
  const toEnd = TOKENS + (limit << 2);
  let left = run;
  let open = isOpen;
  let match: u32 = 0;
  let highest: u32 = 0;
  let status: i32 = NEED_INPUT;
  while (match < matches && to < toEnd) {
    if (!open) {
      if (at >= atEnd) break;
      left = load<u8>(at);
      if (left < 0x80) {
        at++;
      } else {
        const size = runSize(at, atEnd);
        if (size === 0) break;
        if (size > RUN_BYTES) {
          status = BAD_RUN;
          break;
        }
        left = readRun(at, size);
        at += size;
      }
      open = true;
    }
    const count = min(min(left, <u32>(literalEnd - literal)), <u32>(toEnd - to) >> 2);
    widen(literal, to, count);
    literal += count;
    to += count << 2;
    left -= count;
    if (left > 0 || to >= toEnd) break;
    open = false;
    const distance = <u32>load<u8>(LOW + match) | ((<u32>load<u8>(HIGH + match)) << 8);
    highest |= distance;
    store<u32>(to, ((<u32>load<u8>(LENGTHS + match) + 3) << 16) | (distance + 1));
    to += 4;
    match++;
  }
  if (highest > 0x7fff) status = BAD_TOKEN;
  run = left;
  isOpen = open;
  runCount = <u32>(at - RUNS);
  literalCount = <u32>(literal - LITERALS);
  matchCount = match;
  tokenCount = <u32>(to - TOKENS) >> 2;
  return status;
}

/** Bytes of the number at `at`; 0 when its end is not there; more than RUN_BYTES when it is too long. */
function runSize(at: usize, end: usize): u32 {
  for (let size: u32 = 1; size <= RUN_BYTES; size++) {
    if (at + size > end) return 0;
    if (load<u8>(at + size - 1) < 0x80) return size;
  }
  return RUN_BYTES + 1;
}

function readRun(at: usize, size: u32): u32 {
  let value: u32 = 0;
  for (let i: u32 = 0; i < size; i++) value |= (<u32>load<u8>(at + i) & 0x7f) << (7 * i);
  return value;
}

/**
 * See `TokenKernel.encode`. All streams are written to for each token, and move on where they were
 * meant: whether a literal or a match comes next cannot be predicted.
 */
export function encode(count: u32, before: u32): void {
  let at = RUNS;
  let literal = LITERALS;
  let left = before;
  let match: u32 = 0;
  let all: u32 = 0;
  const end = TOKENS + (count << 2);
  for (let from = TOKENS; from < end; from += 4) {
    const token = load<u32>(from);
    all |= token;
    const isMatch = <u32>(token > 0xff);
    const distance = (token & 0xffff) - 1;
    store<u8>(literal, <u8>token);
    literal += 1 - isMatch;
    store<u8>(LENGTHS + match, <u8>((token >> 16) - 3));
    store<u8>(LOW + match, <u8>distance);
    store<u8>(HIGH + match, <u8>(distance >> 8));
    match += isMatch;
    if (left >= 0x80 && isMatch) {
      for (; left >= 0x80; left >>= 7) store<u8>(at++, <u8>left | 0x80);
    }
    store<u8>(at, <u8>left);
    at += isMatch;
    left = select<u32>(0, left + 1, isMatch);
  }
  run = left;
  runCount = <u32>(at - RUNS);
  literalCount = <u32>(literal - LITERALS);
  matchCount = match;
  isIrregular = all >> 31 !== 0;
}
