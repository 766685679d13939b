/**
 * The reader kernel: DEFLATE (RFC 1951) to plain bytes, tokens and blocks. `../types.ts` says what
 * it promises. Most tokens go through `readFast`, which looks at its limits once for each refill of
 * its bits; near the limits `readToken` takes one token at a time.
 */
import {
  BAD_BLOCK_TYPE,
  BAD_STORED_LENGTH,
  BLOCK_CAPACITY,
  DISTANCE_TOO_FAR,
  DYNAMIC,
  END,
  FULL,
  HEADER_CAPACITY,
  INPUT_CAPACITY,
  NEED_INPUT,
  OUTPUT_CAPACITY,
  RECORD_BIT,
  RECORD_BYTE,
  RECORD_DETAIL,
  RECORD_SIZE,
  RECORD_TOKEN,
  RECORD_TYPE,
  STORED,
  TOKEN_CAPACITY,
  UNUSED_CODE,
  WINDOW,
} from '../layout';
import { FIXED_DISTANCES, FIXED_LITERALS } from './codes';
import { copyNear } from './copy';
import {
  buildDistances,
  buildLiterals,
  DISTANCE_BITS,
  DISTANCE_TABLE,
  END_OF_BLOCK,
  FIXED_DISTANCE_TABLE,
  FIXED_LITERAL_TABLE,
  LITERAL,
  LITERAL_BITS,
  LITERAL_TABLE,
  SPECIAL,
  SPECIAL_KIND,
} from './decode-table';
import { distanceCount, headerEnd, LENGTHS, literalCount, READ, readHeader } from './header';

/** A token or header was read: none of the numbers of `layout.ts`. */
const DONE: i32 = -1;
/** What `readFast` may read, or write, beyond its limits. */
const INPUT_MARGIN: i32 = 16;
const OUTPUT_MARGIN: i32 = 258 + 16;
const TOKEN_MARGIN: i32 = 4;
/** `tokens` of layout.ts with bit 31 set: length 258 as code 284 and extra bits 31. */
const IRREGULAR: u32 = 0x8000_0000;

// What is read beyond the input: a word, or a header that turns out to be longer than the input.
export const INPUT: usize = memory.data(INPUT_CAPACITY + HEADER_CAPACITY + 512, 16);
const HISTORY: usize = memory.data(WINDOW + OUTPUT_CAPACITY + 258 + 32, 16);
export const OUTPUT: usize = HISTORY + WINDOW;
export const TOKENS: usize = memory.data((TOKEN_CAPACITY + 16) * 4, 16);
export const RECORDS: usize = memory.data(BLOCK_CAPACITY * RECORD_SIZE * 4, 4);
export const HEADERS: usize = memory.data(BLOCK_CAPACITY * HEADER_CAPACITY + 8, 8);

/** First bit of the input that has not been used, and the bit after the last one. */
export let bit: u32 = 0;
let endBit: u32 = 0;
/** Where the next byte and token go. */
let out: usize = OUTPUT;
let token: usize = TOKENS;
/** Bytes from one token to the next: 0 when nobody wants them, so that all go into the same place. */
let stride: usize = 4;
export let recordCount: u32 = 0;
let headerBytes: u32 = 0;
/** Plain bytes of the stream before OUTPUT, at most WINDOW. */
let history: u32 = 0;

/** What comes next: a block's header, its bytes, its tokens, or nothing. */
const AT_HEADER: i32 = 0;
const IN_STORED: i32 = 1;
const IN_CODED: i32 = 2;
let state: i32 = AT_HEADER;
let isFinal: bool = false;
let storedLeft: u32 = 0;
let literals: usize = LITERAL_TABLE;
let distances: usize = DISTANCE_TABLE;

buildLiterals(FIXED_LITERALS, 288, FIXED_LITERAL_TABLE);
buildDistances(FIXED_DISTANCES, 32, FIXED_DISTANCE_TABLE);

export function byteCount(): u32 {
  return <u32>(out - OUTPUT);
}

export function tokenCount(): u32 {
  return <u32>(token - TOKENS) >> 2;
}

export function keepTokens(isWanted: bool): void {
  stride = isWanted ? 4 : 0;
}

export function reset(): void {
  out = OUTPUT;
  history = 0;
  state = AT_HEADER;
  isFinal = false;
}

/** Copies a header from the input, so that its first bit becomes the lowest of a byte. */
function keepHeader(from: u32, bits: u32): void {
  let to = HEADERS + headerBytes;
  for (let at: u32 = 0; at < bits; at += 32) {
    const word = load<u64>(INPUT + ((from + at) >> 3)) >> ((from + at) & 7);
    const left = bits - at;
    store<u32>(to, <u32>word & (left < 32 ? ((<u32>1) << left) - 1 : 0xffff_ffff));
    to += 4;
  }
  headerBytes += (bits + 7) >> 3;
}

function readBlockHeader(): i32 {
  const start = bit;
  if (start + 3 > endBit) return NEED_INPUT;
  const first = <u32>(load<u64>(INPUT + (start >> 3)) >> (start & 7));
  const type: i32 = (first >> 1) & 3;
  let detail: u32 = 0;
  let next = start + 3;
  let nextState = IN_CODED;
  if (type === STORED) {
    const paddingBits = -next & 7;
    detail = (first >> 3) & (((<u32>1) << paddingBits) - 1);
    next += paddingBits;
    if (next + 32 > endBit) return NEED_INPUT;
    const lengths = load<u32>(INPUT + (next >> 3));
    next += 32;
    storedLeft = lengths & 0xffff;
    if (lengths >> 16 !== (storedLeft ^ 0xffff)) return BAD_STORED_LENGTH;
    nextState = storedLeft > 0 ? IN_STORED : AT_HEADER;
  } else if (type === DYNAMIC) {
    const status = readHeader(INPUT, next, endBit);
    if (status !== READ) return status;
    detail = headerEnd - next;
    keepHeader(next, detail);
    next = headerEnd;
    literals = LITERAL_TABLE;
    distances = DISTANCE_TABLE;
    buildLiterals(LENGTHS, literalCount, literals);
    buildDistances(LENGTHS + literalCount, distanceCount, distances);
  } else if (type === 3) {
    return BAD_BLOCK_TYPE;
  } else {
    literals = FIXED_LITERAL_TABLE;
    distances = FIXED_DISTANCE_TABLE;
  }
  const record = RECORDS + recordCount++ * (RECORD_SIZE * 4);
  isFinal = (first & 1) !== 0;
  store<u32>(record + RECORD_TYPE * 4, type | ((<u32>isFinal) << 2));
  store<u32>(record + RECORD_DETAIL * 4, detail);
  store<u32>(record + RECORD_BIT * 4, start);
  store<u32>(record + RECORD_TOKEN * 4, tokenCount());
  store<u32>(record + RECORD_BYTE * 4, byteCount());
  bit = next;
  state = nextState;
  return DONE;
}

/** Takes what there is of a stored block: each byte is a literal. */
function readStored(): i32 {
  let from = INPUT + (bit >> 3);
  let count = min(storedLeft, (endBit - bit) >> 3);
  count = min(count, OUTPUT_CAPACITY - byteCount());
  count = min(count, TOKEN_CAPACITY - tokenCount());
  if (count === 0) return NEED_INPUT;
  memory.copy(out, from, count);
  const end = from + count;
  let to = token;
  // The last round may read and write beyond the end, for which there is room.
  for (; from < end && stride > 0; from += 16) {
    const bytes = v128.load(from);
    const low = v128.extend_low<u8>(bytes);
    const high = v128.extend_high<u8>(bytes);
    v128.store(to, v128.extend_low<u16>(low));
    v128.store(to, v128.extend_high<u16>(low), 16);
    v128.store(to, v128.extend_low<u16>(high), 32);
    v128.store(to, v128.extend_high<u16>(high), 48);
    to += 64;
  }
  out += count;
  token += count * <u32>stride;
  bit += count << 3;
  storedLeft -= count;
  if (storedLeft === 0) state = AT_HEADER;
  return DONE;
}

/** Reads tokens as long as no limit, end of block or error is near; leaves all those to others. */
function readFast(): void {
  let at: usize = INPUT + (bit >> 3);
  const inputLimit: usize = INPUT + (endBit >> 3) - INPUT_MARGIN;
  const outputLimit: usize = OUTPUT + OUTPUT_CAPACITY - OUTPUT_MARGIN;
  const tokenLimit: usize = TOKENS + (TOKEN_CAPACITY - TOKEN_MARGIN) * 4;
  if (at > inputLimit) return;
  const literalTable = literals;
  const distanceTable = distances;
  const step = stride;
  const lowest: usize = OUTPUT - history;
  let to = out;
  let next = token;
  let word: u64 = load<u64>(at) >> (bit & 7);
  let bits: u64 = 56 - (bit & 7);
  at += 7;
  // A refill takes all whole bytes that fit: at least 56 bits are there then.
  while (at < inputLimit && to < outputLimit && next < tokenLimit) {
    word |= load<u64>(at) << bits;
    at += <usize>((63 - bits) >> 3);
    bits |= 56;
    let entry = load<u32>(literalTable + ((<usize>word & ((1 << LITERAL_BITS) - 1)) << 2));
    if (entry & LITERAL) {
      word >>= <u64>(entry & 63);
      bits -= <u64>(entry & 63);
      store<u8>(to++, <u8>(entry >> 16));
      store<u32>(next, (entry >> 16) & 255);
      next += step;
      entry = load<u32>(literalTable + ((<usize>word & ((1 << LITERAL_BITS) - 1)) << 2));
      if (entry & LITERAL) {
        word >>= <u64>(entry & 63);
        bits -= <u64>(entry & 63);
        store<u8>(to++, <u8>(entry >> 16));
        store<u32>(next, (entry >> 16) & 255);
        next += step;
        entry = load<u32>(literalTable + ((<usize>word & ((1 << LITERAL_BITS) - 1)) << 2));
        if (entry & LITERAL) {
          word >>= <u64>(entry & 63);
          bits -= <u64>(entry & 63);
          store<u8>(to++, <u8>(entry >> 16));
          store<u32>(next, (entry >> 16) & 255);
          next += step;
          continue;
        }
      }
      word |= load<u64>(at) << bits;
      at += <usize>((63 - bits) >> 3);
      bits |= 56;
    }
    if (entry & SPECIAL) {
      if ((entry & SPECIAL_KIND) !== SPECIAL) break;
      const further = <u32>(word >> LITERAL_BITS) & ((1 << (15 - LITERAL_BITS)) - 1);
      entry = load<u32>(literalTable + (((entry >> 16) + further) << 2));
      if (entry & SPECIAL) break;
      if (entry & LITERAL) {
        word >>= <u64>(entry & 63);
        bits -= <u64>(entry & 63);
        store<u8>(to++, <u8>(entry >> 16));
        store<u32>(next, (entry >> 16) & 255);
        next += step;
        continue;
      }
    }
    const lengthBits = <u64>(entry & 63);
    const lengthCode = <u64>((entry >> 8) & 63);
    const extra = <u32>((word & (((<u64>1) << lengthBits) - 1)) >> lengthCode);
    const length = (entry >> 16) + extra;
    const rest = word >> lengthBits;
    let reach = load<u32>(distanceTable + ((<usize>rest & ((1 << DISTANCE_BITS) - 1)) << 2));
    if (reach & SPECIAL) {
      if ((reach & SPECIAL_KIND) !== SPECIAL) break;
      const further = <u32>(rest >> DISTANCE_BITS) & ((1 << (15 - DISTANCE_BITS)) - 1);
      reach = load<u32>(distanceTable + (((reach >> 16) + further) << 2));
      if (reach & SPECIAL) break;
    }
    const distanceBits = <u64>(reach & 63);
    const distanceCode = <u64>((reach >> 8) & 63);
    const distance =
      (reach >> 16) + <u32>((rest & (((<u64>1) << distanceBits) - 1)) >> distanceCode);
    if (<usize>distance > to - lowest) break;
    word = rest >> distanceBits;
    bits -= lengthBits + distanceBits;
    let match = (length << 16) | distance;
    if (extra === 31 && length === 258) match |= IRREGULAR;
    store<u32>(next, match);
    next += step;
    if (distance >= 16) {
      let from = to - distance;
      v128.store(to, v128.load(from));
      if (length > 16) {
        const end = to + length;
        let rest = to + 16;
        from += 16;
        do {
          v128.store(rest, v128.load(from));
          rest += 16;
          from += 16;
        } while (rest < end);
      }
    } else {
      copyNear(to, distance, length);
    }
    to += length;
  }
  bit = ((<u32>(at - INPUT)) << 3) - <u32>bits;
  out = to;
  token = next;
}

/** Reads one token, or the end of the block, and looks at everything. */
function readToken(): i32 {
  const left: u32 = endBit - bit;
  const word = load<u64>(INPUT + (bit >> 3)) >> (bit & 7);
  let entry = load<u32>(literals + ((<usize>word & ((1 << LITERAL_BITS) - 1)) << 2));
  if ((entry & SPECIAL_KIND) === SPECIAL) {
    const further = <u32>(word >> LITERAL_BITS) & ((1 << (15 - LITERAL_BITS)) - 1);
    entry = load<u32>(literals + (((entry >> 16) + further) << 2));
  }
  const used = entry & 63;
  if (used > left) return NEED_INPUT;
  if (entry & LITERAL) {
    bit += used;
    store<u8>(out++, <u8>(entry >> 16));
    store<u32>(token, (entry >> 16) & 255);
    token += stride;
    return DONE;
  }
  if (entry & SPECIAL) {
    if ((entry & SPECIAL_KIND) !== END_OF_BLOCK) return UNUSED_CODE;
    bit += used;
    state = AT_HEADER;
    return DONE;
  }
  const extra = (<u32>word & (((<u32>1) << used) - 1)) >> ((entry >> 8) & 63);
  const length = (entry >> 16) + extra;
  const rest = word >> used;
  let reach = load<u32>(distances + ((<usize>rest & ((1 << DISTANCE_BITS) - 1)) << 2));
  if ((reach & SPECIAL_KIND) === SPECIAL) {
    const further = <u32>(rest >> DISTANCE_BITS) & ((1 << (15 - DISTANCE_BITS)) - 1);
    reach = load<u32>(distances + (((reach >> 16) + further) << 2));
  }
  const total = used + (reach & 63);
  if (total > left) return NEED_INPUT;
  if (reach & SPECIAL) return UNUSED_CODE;
  const distanceRest = (<u32>rest & (((<u32>1) << (reach & 63)) - 1)) >> ((reach >> 8) & 63);
  const distance = (reach >> 16) + distanceRest;
  if (distance > history + byteCount()) return DISTANCE_TOO_FAR;
  bit += total;
  let match = (length << 16) | distance;
  if (extra === 31 && length === 258) match |= IRREGULAR;
  store<u32>(token, match);
  token += stride;
  if (distance < 16) {
    copyNear(out, distance, length);
    out += length;
    return DONE;
  }
  const end = out + length;
  for (let to = out; to < end; to += 16) v128.store(to, v128.load(to - distance));
  out = end;
  return DONE;
}

/** See `ReaderKernel.run`. */
export function run(from: u32, length: u32): i32 {
  const made = byteCount();
  memory.copy(HISTORY, HISTORY + made, WINDOW);
  history = min(<u32>WINDOW, history + made);
  bit = from;
  endBit = length << 3;
  out = OUTPUT;
  token = TOKENS;
  recordCount = 0;
  headerBytes = 0;
  // So that bits beyond the end are the same in every run.
  memory.fill(INPUT + length, 0, HEADER_CAPACITY + 16);
  while (true) {
    if (state === AT_HEADER && isFinal) return END;
    if (
      byteCount() >= <u32>OUTPUT_CAPACITY ||
      tokenCount() >= <u32>TOKEN_CAPACITY ||
      recordCount >= <u32>BLOCK_CAPACITY
    ) {
      return FULL;
    }
    let status: i32 = DONE;
    if (state === AT_HEADER) {
      status = readBlockHeader();
    } else if (state === IN_STORED) {
      status = readStored();
    } else {
      readFast();
      // It leaves room for a match, so the limits hold for one more token.
      status = readToken();
    }
    if (status !== DONE) return status;
  }
}
