/** The writer kernel: tokens and block heads to DEFLATE (RFC 1951). See `../types.ts`. */
import {
  BAD_BLOCK_TYPE,
  BAD_HEADER_SIZE,
  BAD_PADDING,
  BAD_STORED_LENGTH,
  BAD_TOKEN,
  DYNAMIC,
  FIXED,
  FULL,
  HEADER_CAPACITY,
  NEED_INPUT,
  STORED,
  TOKEN_CAPACITY,
  WRITER_CAPACITY,
  WRITER_MARGIN,
} from '../layout';
import { FIXED_DISTANCES, FIXED_LITERALS } from './codes';
import {
  buildTables,
  CODED,
  DISTANCES,
  endOfBlock,
  FIRST_LENGTH,
  IRREGULAR_LENGTH,
  NO_DISTANCE,
  UNUSED,
} from './encode-table';
import { distanceCount, headerEnd, LENGTHS, literalCount, READ, readHeader } from './header';

/** Bytes that one token may take: 15 + 5 + 15 + 13 bits. */
const TOKEN_BYTES: u32 = 6;
/** Tokens after which a run of them is judged. */
const BATCH: u32 = 1024;

export const TOKENS: usize = memory.data((TOKEN_CAPACITY + 16) * 4, 16);
export const HEADER: usize = memory.data(HEADER_CAPACITY + 512, 8);
export const OUTPUT: usize = memory.data(WRITER_CAPACITY + 64, 16);

/** Where the next whole byte goes, the bits that wait for it, and how many they are (0..7). */
let out: usize = OUTPUT;
let pending: u64 = 0;
let pendingCount: u64 = 0;
export let taken: u32 = 0;
let isStored: bool = false;

export function byteCount(): u32 {
  return <u32>(out - OUTPUT);
}

export function bits(): u32 {
  return <u32>pending;
}

export function bitCount(): u32 {
  return <u32>pendingCount;
}

export function take(): void {
  out = OUTPUT;
}

export function reset(value: u32, count: u32): void {
  out = OUTPUT;
  pending = value;
  pendingCount = count;
}

/** Adds up to 56 bits. */
function put(value: u64, count: u64): void {
  pending |= value << pendingCount;
  pendingCount += count;
  store<u64>(out, pending);
  out += <usize>(pendingCount >> 3);
  pending >>= pendingCount & 56;
  pendingCount &= 7;
}

/** See `WriterKernel.begin`. */
export function begin(type: u32, detail: u32, length: u32): i32 {
  const kind: i32 = type & 3;
  const first = (type >> 2) | ((<u32>kind) << 1);
  if (kind === STORED) {
    const paddingCount = -(<u32>pendingCount + 3) & 7;
    if (detail >= (<u32>1) << paddingCount) return BAD_PADDING;
    if (length > 65535) return BAD_STORED_LENGTH;
    put(first | (detail << 3), 3 + paddingCount);
    put(length | ((length ^ 0xffff) << 16), 32);
    isStored = true;
    return NEED_INPUT;
  }
  if (kind === FIXED) {
    buildTables(FIXED_LITERALS, 288, FIXED_DISTANCES, 32);
    put(first, 3);
  } else if (kind === DYNAMIC) {
    if (detail > <u32>HEADER_CAPACITY * 8) return BAD_HEADER_SIZE;
    const status = readHeader(HEADER, 0, detail);
    if (status === NEED_INPUT) return BAD_HEADER_SIZE;
    if (status !== READ) return status;
    if (headerEnd !== detail) return BAD_HEADER_SIZE;
    buildTables(LENGTHS, literalCount, LENGTHS + literalCount, distanceCount);
    put(first, 3);
    for (let at: u32 = 0; at < detail; at += 32) {
      const count = min(<u32>32, detail - at);
      put(load<u32>(HEADER + (at >> 3)) & (((<u64>1) << count) - 1), count);
    }
  } else {
    return BAD_BLOCK_TYPE;
  }
  isStored = false;
  return NEED_INPUT;
}

/** See `WriterKernel.finish`. */
export function finish(): void {
  if (!isStored) put(endOfBlock & 0xf_ffff, endOfBlock >> 24);
}

/** Narrows literals to bytes. Returns false when one of them is not a literal. */
function writeStored(from: usize, end: usize): bool {
  let to = out;
  let all: u32 = 0;
  for (; from + 64 <= end; from += 64) {
    const a = v128.load(from);
    const b = v128.load(from, 16);
    const c = v128.load(from, 32);
    const d = v128.load(from, 48);
    const seen = v128.or(v128.or(a, b), v128.or(c, d));
    if (v128.any_true(v128.and(seen, i32x4.splat(0xffff_ff00)))) return false;
    const low = v128.narrow<u32>(a, b);
    const high = v128.narrow<u32>(c, d);
    v128.store(to, v128.narrow<u16>(low, high));
    to += 16;
  }
  for (; from < end; from += 4) {
    const token = load<u32>(from);
    all |= token;
    store<u8>(to++, <u8>token);
  }
  out = to;
  return all < 256;
}

/**
 * Codes tokens. Returns false when one of them has no code, or is none. Two literals at once are
 * looked for, because they are most of what binaries are made of (a third less time there, a tenth
 * more for text). A literal alone goes the way of matches, with a distance of no bits: a branch on
 * what comes next would often be wrong, and cost more than that.
 */
function writeCoded(from: usize, end: usize): bool {
  let to = out;
  let word = pending;
  let count = pendingCount;
  let seen: u32 = 0;
  while (from < end) {
    const pair = load<u64>(from);
    if ((<u32>pair | <u32>(pair >> 32)) < 256 && from + 4 < end) {
      const first = load<u32>(CODED + ((<usize>pair & 0xff) << 2));
      const second = load<u32>(CODED + ((<usize>(pair >> 32)) << 2));
      const firstBits = <u64>(first >> 24);
      word |= (<u64>(first & 0xf_ffff) | ((<u64>(second & 0xf_ffff)) << firstBits)) << count;
      count += firstBits + <u64>(second >> 24);
      seen |= first | second;
      store<u64>(to, word);
      to += <usize>(count >> 3);
      word >>= count & 56;
      count &= 7;
      from += 8;
      continue;
    }
    const token = <u32>pair;
    from += 4;
    let length = token >> 16;
    if (length >= 512) {
      // Bit 31 is for one length alone.
      if (length !== 0x8000 + 258) return false;
      length = IRREGULAR_LENGTH;
    }
    const isLiteral = token < 256;
    const distance = select<u32>(0, (token & 0xffff) - 1, isLiteral);
    if (distance >= 32768) return false;
    const index = select<u32>(token, FIRST_LENGTH + length, isLiteral);
    const code = load<u32>(CODED + (index << 2));
    const far = select<u32>(distance, 256 + (distance >> 7), distance < 256);
    const reach = load<u64>(DISTANCES + (select<u32>(NO_DISTANCE, far, isLiteral) << 3));
    const codeBits = <u64>(code >> 24);
    const reachBits = ((<u64>distance) << (reach & 63)) + <u64>(<i64>reach >> 32);
    word |= (<u64>(code & 0xf_ffff) | (reachBits << codeBits)) << count;
    count += codeBits + ((reach >> 8) & 63);
    seen |= code | <u32>reach;
    store<u64>(to, word);
    to += <usize>(count >> 3);
    word >>= count & 56;
    count &= 7;
  }
  out = to;
  pending = word;
  pendingCount = count;
  return (seen & UNUSED) === 0;
}

function writeTokens(from: usize, end: usize): bool {
  return isStored ? writeStored(from, end) : writeCoded(from, end);
}

/** See `WriterKernel.write`. */
export function write(from: u32, to: u32): i32 {
  taken = from;
  while (taken < to) {
    const room: i32 = WRITER_CAPACITY - WRITER_MARGIN - <i32>byteCount();
    if (room < <i32>TOKEN_BYTES) return FULL;
    const count = min(min(to - taken, BATCH), <u32>room / TOKEN_BYTES);
    const first = TOKENS + (taken << 2);
    const end = first + (count << 2);
    const before = out;
    const bitsBefore = pending;
    const bitCountBefore = pendingCount;
    if (!writeTokens(first, end)) {
      out = before;
      pending = bitsBefore;
      pendingCount = bitCountBefore;
      // Once more, one by one, to see which token it is.
      while (writeTokens(TOKENS + (taken << 2), TOKENS + (taken << 2) + 4)) taken++;
      return BAD_TOKEN;
    }
    taken += count;
  }
  return NEED_INPUT;
}
