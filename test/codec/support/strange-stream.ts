/**
 * DEFLATE streams that no compressor writes: any blocks in any order, any tokens in them, Huffman
 * codes that fit nothing, headers that say it in odd ways. They come with what a reader has to find.
 */
import fc, { type Arbitrary } from 'fast-check';
import { matchToken } from '../../../src/codec/deflate/token.ts';
import {
  codesOf,
  DISTANCES,
  FIXED_DISTANCES,
  FIXED_LITERALS,
  LENGTH_ORDER,
  LENGTHS,
} from '../reference/huffman.ts';
import { BitSink } from './bits.ts';

/** What a reader has to find in a block. */
export interface ExpectedBlock {
  readonly type: number;
  readonly final: boolean;
  readonly tokens: number;
  readonly padding: number;
  readonly headerBits: number;
  readonly header: Buffer;
}

/** A stream and what is in it. */
export interface StrangeStream {
  readonly bytes: Buffer;
  readonly plain: Buffer;
  readonly tokens: readonly number[];
  readonly blocks: readonly ExpectedBlock[];
  readonly padding: number;
}

/** Numbers below a limit, from a list that fast-check made: what it can shrink. */
class Choices {
  readonly #numbers: readonly number[];
  #next = 0;

  constructor(numbers: readonly number[]) {
    this.#numbers = numbers;
  }

  below(limit: number): number {
    // A list that has come to its end begins again, a little different.
    const round = Math.floor(this.#next / this.#numbers.length);
    const number = this.#numbers[this.#next++ % this.#numbers.length] ?? 0;
    return (number + round * 7) % limit;
  }

  one<Value>(values: readonly Value[]): Value {
    return values[this.below(values.length)]!;
  }
}

/** A match that says 258 by code 284. */
const IRREGULAR_LENGTH = 2 ** 31;
const LONGEST = 15;

/** Lengths of a complete code for the symbols given, as a tree whose leaves are split at random. */
function completeLengths(
  choices: Choices,
  symbols: readonly number[],
  size: number,
  longest: number,
): number[] {
  const lengths = new Array<number>(size).fill(0);
  const depths = [0];
  while (depths.length < symbols.length) {
    const start = choices.below(depths.length);
    // From there on the first one that is not too deep.
    const at = [...depths.keys()].map((i) => (i + start) % depths.length);
    const index = at.find((i) => depths[i]! < longest)!;
    const depth = depths[index]! + 1;
    depths.splice(index, 1, depth, depth);
  }
  for (const symbol of symbols) {
    const [depth = 1] = depths.splice(choices.below(depths.length), 1);
    // A code of one symbol has one bit, and is the only one that is not full.
    lengths[symbol] = Math.max(1, depth);
  }
  return lengths;
}

/** Code lengths as symbols of the code of code lengths, with repeats used or not as chance will. */
function repeatLengths(choices: Choices, lengths: readonly number[]) {
  const symbols: { symbol: number; extra: number; bits: number }[] = [];
  for (let i = 0; i < lengths.length; ) {
    const value = lengths[i]!;
    let run = 1;
    while (lengths[i + run] === value) run++;
    if (value === 0 && run >= 11 && choices.below(4) > 0) {
      const times = 11 + choices.below(Math.min(run, 138) - 10);
      symbols.push({ symbol: 18, extra: times - 11, bits: 7 });
      i += times;
    } else if (value === 0 && run >= 3 && choices.below(4) > 0) {
      const times = 3 + choices.below(Math.min(run, 10) - 2);
      symbols.push({ symbol: 17, extra: times - 3, bits: 3 });
      i += times;
    } else if (i > 0 && lengths[i - 1] === value && run >= 3 && choices.below(4) > 0) {
      const times = 3 + choices.below(Math.min(run, 6) - 2);
      symbols.push({ symbol: 16, extra: times - 3, bits: 2 });
      i += times;
    } else {
      symbols.push({ symbol: value, extra: 0, bits: 0 });
      i++;
    }
  }
  return symbols;
}

/** Writes a dynamic header; returns the code lengths. */
function putHeader(sink: BitSink, choices: Choices, used: ReadonlySet<number>, far: Set<number>) {
  const some = (count: number, limit: number): number[] =>
    Array.from({ length: choices.below(count) }, () => choices.below(limit));
  const literals = [...new Set([256, ...used, ...some(40, 286)])];
  const distances = [...new Set([...far, ...some(10, 30)])];
  const literalCount = Math.max(257, Math.max(...literals) + 1);
  const distanceCount = Math.max(1, ...distances.map((symbol) => symbol + 1));
  const hlit = literalCount + choices.below(287 - literalCount);
  const hdist = distanceCount + choices.below(31 - distanceCount);
  const literalLengths = completeLengths(choices, literals, hlit, LONGEST);
  const distanceLengths = completeLengths(choices, distances, hdist, LONGEST);
  const repeated = repeatLengths(choices, [...literalLengths, ...distanceLengths]);
  // The code of code lengths has to be full, so it has two symbols at least.
  const orderSymbols = [...new Set([...repeated.map(({ symbol }) => symbol), 0, 1])];
  const orderLengths = completeLengths(choices, orderSymbols, 19, 7);
  const needed = LENGTH_ORDER.findLastIndex((symbol) => orderLengths[symbol]! > 0) + 1;
  const hclen = Math.max(4, needed + choices.below(20 - needed));
  sink.put(hlit - 257, 5);
  sink.put(hdist - 1, 5);
  sink.put(hclen - 4, 4);
  for (const symbol of LENGTH_ORDER.slice(0, hclen)) sink.put(orderLengths[symbol]!, 3);
  const codes = invert(codesOf(orderLengths));
  for (const { symbol, extra, bits } of repeated) {
    sink.putCode(codes.get(symbol)!);
    sink.put(extra, bits);
  }
  return { literals: literalLengths, distances: distanceLengths };
}

function invert(codes: ReadonlyMap<string, number>): Map<number, string> {
  return new Map([...codes].map(([code, symbol]) => [symbol, code]));
}

const lengthSymbol = (token: number): number =>
  token >= IRREGULAR_LENGTH ? 284 : 257 + LENGTHS.findLastIndex(({ base }) => base <= token >>> 16);
const distanceSymbol = (token: number): number =>
  DISTANCES.findLastIndex(({ base }) => base <= (token & 0xffff));

/** Makes up tokens and adds what they stand for to `plain`. */
function makeTokens(choices: Choices, count: number, plain: number[]): number[] {
  return Array.from({ length: count }, () => {
    if (plain.length === 0 || choices.below(3) === 0) {
      const byte = choices.below(256);
      plain.push(byte);
      return byte;
    }
    const reach = Math.min(plain.length, 32768);
    const distance = 1 + choices.below(choices.one([Math.min(reach, 20), reach]));
    const length = choices.one([3 + choices.below(256), 3 + choices.below(20), 258]);
    for (let i = 0; i < length; i++) plain.push(plain[plain.length - distance]!);
    const isIrregular = length === 258 && choices.below(2) === 0;
    return matchToken(length, distance) + (isIrregular ? IRREGULAR_LENGTH : 0);
  });
}

function putTokens(
  sink: BitSink,
  tokens: readonly number[],
  literals: readonly number[],
  distances: readonly number[],
): void {
  const literalCodes = invert(codesOf(literals));
  const distanceCodes = invert(codesOf(distances));
  for (const token of tokens) {
    if (token < 256) {
      sink.putCode(literalCodes.get(token)!);
      continue;
    }
    const length = lengthSymbol(token);
    const { base, extra } = LENGTHS[length - 257]!;
    sink.putCode(literalCodes.get(length)!);
    sink.put(((token >>> 16) & 0x1ff) - base, extra);
    const distance = distanceSymbol(token);
    const reach = DISTANCES[distance]!;
    sink.putCode(distanceCodes.get(distance)!);
    sink.put((token & 0xffff) - reach.base, reach.extra);
  }
  sink.putCode(literalCodes.get(256)!);
}

/** Adds a block; `plain` grows by what it stands for. Returns its tokens. */
function putBlock(
  sink: BitSink,
  choices: Choices,
  size: number,
  final: boolean,
  plain: number[],
): { readonly block: ExpectedBlock; readonly tokens: readonly number[] } {
  const type = choices.below(3);
  const block = { type, final, tokens: size, padding: 0, headerBits: 0, header: Buffer.alloc(0) };
  sink.put(final ? 1 : 0, 1);
  sink.put(type, 2);
  if (type === 0) {
    const paddingBits = -sink.length & 7;
    const padding = choices.below(2 ** paddingBits);
    const tokens = Array.from({ length: size }, () => choices.below(256));
    plain.push(...tokens);
    sink.put(padding, paddingBits);
    sink.put(size, 16);
    sink.put(size ^ 0xffff, 16);
    for (const byte of tokens) sink.put(byte, 8);
    return { block: { ...block, padding }, tokens };
  }
  const tokens = makeTokens(choices, size, plain);
  if (type === 1) {
    putTokens(sink, tokens, FIXED_LITERALS, FIXED_DISTANCES);
    return { block, tokens };
  }
  const used = new Set(tokens.map((token) => (token > 255 ? lengthSymbol(token) : token)));
  const far = new Set(tokens.filter((token) => token > 255).map(distanceSymbol));
  const start = sink.length;
  const { literals, distances } = putHeader(sink, choices, used, far);
  const headerBits = sink.length - start;
  const header = sink.toBytes(start);
  putTokens(sink, tokens, literals, distances);
  return { block: { ...block, headerBits, header }, tokens };
}

/** Makes a stream of blocks with so many tokens each out of a list of numbers. */
function makeStream(numbers: readonly number[], sizes: readonly number[]): StrangeStream {
  const choices = new Choices(numbers);
  const sink = new BitSink();
  const plain: number[] = [];
  const tokens: number[] = [];
  const blocks: ExpectedBlock[] = [];
  sizes.forEach((size, i) => {
    const made = putBlock(sink, choices, size, i === sizes.length - 1, plain);
    for (const token of made.tokens) tokens.push(token);
    blocks.push(made.block);
  });
  const paddingBits = -sink.length & 7;
  const padding = choices.below(2 ** paddingBits);
  sink.put(padding, paddingBits);
  return { bytes: sink.toBytes(), plain: Buffer.from(plain), tokens, blocks, padding };
}

/**
 * Any stream.
 * @param tokens - the most that a block may have, up to 65,535
 */
export function strangeStream(tokens: number): Arbitrary<StrangeStream> {
  const size = fc.oneof(fc.constant(0), fc.nat({ max: 20 }), fc.nat({ max: tokens }));
  return fc
    .tuple(
      fc.array(fc.nat({ max: 2 ** 30 }), { minLength: 1, maxLength: 400 }),
      fc.array(size, { minLength: 1, maxLength: 8 }),
    )
    .map(([numbers, sizes]) => makeStream(numbers, sizes));
}
