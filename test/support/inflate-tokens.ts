/**
 * A plain inflate (RFC 1951) that gives tokens beside bytes. Slow and simple: what the tests of the
 * token store take their real input from, and an oracle that shares no code with the product.
 */

/** A DEFLATE stream taken apart. */
export interface InflatedTokens {
  readonly bytes: Uint8Array;
  /** Literal: the byte; match: length << 16 | distance, bit 31 for code 284 with extra bits 31. */
  readonly tokens: Uint32Array;
  /** Bits that the tokens take in the stream, block headers and end-of-block codes left out. */
  readonly tokenBits: Uint8Array;
}

const LENGTH_BASE = [
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131,
  163, 195, 227, 258,
];
const LENGTH_EXTRA = [
  0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
];
const DISTANCE_BASE = [
  1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049,
  3073, 4097, 6145, 8193, 12289, 16385, 24577,
];
const CODE_LENGTH_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/** For every 15 bits that may come, symbol << 4 | code length; 0 where no code begins so. */
function codeTable(lengths: ArrayLike<number>): Uint16Array {
  const table = new Uint16Array(1 << 15);
  let code = 0;
  for (let length = 1; length <= 15; length++) {
    for (let symbol = 0; symbol < lengths.length; symbol++) {
      if (lengths[symbol] !== length) continue;
      let reversed = 0;
      for (let bit = 0; bit < length; bit++) reversed |= ((code >> bit) & 1) << (length - 1 - bit);
      for (let at = reversed; at < 1 << 15; at += 1 << length) table[at] = (symbol << 4) | length;
      code++;
    }
    code <<= 1;
  }
  return table;
}

/** Where a stream stands. */
interface Bits {
  readonly input: Uint8Array;
  position: number;
  hold: number;
  held: number;
}

function take(bits: Bits, count: number): number {
  while (bits.held < count) {
    if (bits.position >= bits.input.length) throw new Error('the stream ends too early');
    bits.hold |= bits.input[bits.position++]! << bits.held;
    bits.held += 8;
  }
  const value = bits.hold & ((1 << count) - 1);
  bits.hold >>>= count;
  bits.held -= count;
  return value;
}

/** @returns symbol << 4 | code length */
function takeSymbol(bits: Bits, table: Uint16Array): number {
  while (bits.held < 15 && bits.position < bits.input.length) {
    bits.hold |= bits.input[bits.position++]! << bits.held;
    bits.held += 8;
  }
  const entry = table[bits.hold & 0x7fff]!;
  const length = entry & 15;
  if (length === 0 || length > bits.held) throw new Error('no such code');
  bits.hold >>>= length;
  bits.held -= length;
  return entry;
}

function takeTables(bits: Bits): [Uint16Array, Uint16Array] {
  const literals = take(bits, 5) + 257;
  const distances = take(bits, 5) + 1;
  const codeLengths = new Uint8Array(19);
  const count = take(bits, 4) + 4;
  for (let i = 0; i < count; i++) codeLengths[CODE_LENGTH_ORDER[i]!] = take(bits, 3);
  const table = codeTable(codeLengths);
  const lengths: number[] = [];
  while (lengths.length < literals + distances) {
    const symbol = takeSymbol(bits, table) >> 4;
    if (symbol < 16) lengths.push(symbol);
    else {
      const [value, times] =
        symbol === 16
          ? [lengths.at(-1)!, 3 + take(bits, 2)]
          : [0, symbol === 17 ? 3 + take(bits, 3) : 11 + take(bits, 7)];
      for (let i = 0; i < times; i++) lengths.push(value);
    }
  }
  return [codeTable(lengths.slice(0, literals)), codeTable(lengths.slice(literals))];
}

const FIXED: [Uint16Array, Uint16Array] = [
  codeTable(Array.from({ length: 288 }, (_, i) => (i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8))),
  codeTable(new Array<number>(30).fill(5)),
];

/**
 * Inflates a raw DEFLATE stream.
 * @param input - the stream; what follows it is not looked at
 * @param size - bytes it inflates to
 * @throws Error when the stream is not valid
 */
export function inflateTokens(input: Uint8Array, size: number): InflatedTokens {
  const bits: Bits = { input, position: 0, hold: 0, held: 0 };
  const bytes = new Uint8Array(size);
  const tokens = new Uint32Array(size);
  const tokenBits = new Uint8Array(size);
  let at = 0;
  let count = 0;
  const add = (token: number, cost: number): void => {
    tokens[count] = token;
    tokenBits[count++] = cost;
  };
  for (let isFinal = false; !isFinal; ) {
    isFinal = take(bits, 1) === 1;
    const type = take(bits, 2);
    if (type === 0) {
      take(bits, bits.held % 8);
      const length = take(bits, 16);
      take(bits, 16);
      for (let i = 0; i < length; i++) {
        const byte = take(bits, 8);
        bytes[at++] = byte;
        add(byte, 8);
      }
      continue;
    }
    if (type === 3) throw new Error('no such type of block');
    const [literals, distances] = type === 1 ? FIXED : takeTables(bits);
    for (;;) {
      const entry = takeSymbol(bits, literals);
      const symbol = entry >> 4;
      if (symbol === 256) break;
      if (symbol < 256) {
        bytes[at++] = symbol;
        add(symbol, entry & 15);
        continue;
      }
      const lengthExtra = LENGTH_EXTRA[symbol - 257]!;
      const length = LENGTH_BASE[symbol - 257]! + take(bits, lengthExtra);
      const second = takeSymbol(bits, distances);
      const distanceCode = second >> 4;
      const distanceExtra = distanceCode < 4 ? 0 : (distanceCode >> 1) - 1;
      const distance = DISTANCE_BASE[distanceCode]! + take(bits, distanceExtra);
      if (distance > at) throw new Error('a distance reaches before the start');
      const isIrregular = symbol === 284 && length === 258;
      const cost = (entry & 15) + lengthExtra + (second & 15) + distanceExtra;
      add(((length << 16) | distance | (isIrregular ? 1 << 31 : 0)) >>> 0, cost);
      for (let i = 0; i < length; i++, at++) bytes[at] = bytes[at - distance]!;
    }
  }
  return {
    bytes: bytes.subarray(0, at),
    tokens: tokens.slice(0, count),
    tokenBits: tokenBits.slice(0, count),
  };
}
