import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { DeflateError } from '../../../src/codec/deflate/errors.ts';
import { DeflateReader } from '../../../src/codec/deflate/reader.ts';
import { distanceOf, isMatch, lengthOf } from '../../../src/codec/deflate/token.ts';
import { BitSink } from '../support/bits.ts';
import { mixture, noise, text } from '../support/content.ts';
import { chunksOf, deflate, inflate } from '../support/deflate.ts';
import { isLong } from '../support/effort.ts';
import { emptyBlocks, tinyDynamicBlocks } from '../support/hostile.ts';

/** A stream of numbers, each with the bits it takes. */
function bits(...fields: readonly (readonly [value: number, count: number])[]): Buffer {
  const sink = new BitSink();
  for (const [value, count] of fields) sink.put(value, count);
  // So that what is wrong is seen before the end is.
  return Buffer.concat([sink.toBytes(), Buffer.alloc(400)]);
}

/** Lengths of the code of code lengths, in their order, after the three counts. */
function orderLengths(lengths: readonly number[]) {
  return lengths.map((length) => [length, 3] as const);
}

const DYNAMIC = [
  [1, 1],
  [2, 2],
] as const;
/** All zeros is an incomplete code; 18 and 1 with one bit each is a complete one. */
const ZEROS_AND_ONES = [0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1] as const;
const COUNTS = [
  [0, 5],
  [0, 5],
  [14, 4],
] as const;
const ZEROS = (times: number) =>
  [
    [1, 1],
    [times - 11, 7],
  ] as const;
const ONE = [[0, 1]] as const;

describe('a stream that is wrong', () => {
  it.each([
    ['block-type', 0, [[7, 3]]],
    [
      'stored-length',
      0,
      [
        [1, 3],
        [0, 5],
        [5, 16],
        [5, 16],
      ],
    ],
    ['symbol-count', 0, [...DYNAMIC, [30, 5], [0, 5], [0, 4]]],
    ['symbol-count', 0, [...DYNAMIC, [0, 5], [30, 5], [0, 4]]],
    ['length-code', 0, [...DYNAMIC, ...COUNTS, ...orderLengths(new Array(18).fill(0))]],
    ['length-code', 0, [...DYNAMIC, ...COUNTS, ...orderLengths(new Array(18).fill(1))]],
    // A repeat of nothing: symbol 16 (code 1) first, then with 0.
    ['repeat', 0, [...DYNAMIC, [0, 5], [0, 5], [0, 4], [1, 3], [0, 3], [0, 3], [1, 3], [1, 1]]],
    [
      'repeat',
      0,
      [...DYNAMIC, ...COUNTS, ...orderLengths(ZEROS_AND_ONES), ...ZEROS(138), ...ZEROS(138)],
    ],
    [
      'no-end-of-block',
      0,
      [...DYNAMIC, ...COUNTS, ...orderLengths(ZEROS_AND_ONES), ...ZEROS(138), ...ZEROS(120)],
    ],
    [
      'literal-code',
      0,
      [
        ...DYNAMIC,
        ...COUNTS,
        ...orderLengths(ZEROS_AND_ONES),
        ...ONE,
        ...ONE,
        ...ZEROS(138),
        ...ZEROS(116),
        ...ONE,
        ...ONE,
      ],
    ],
    [
      'distance-code',
      0,
      [
        ...DYNAMIC,
        [0, 5],
        [2, 5],
        [14, 4],
        ...orderLengths(ZEROS_AND_ONES),
        ...ZEROS(138),
        ...ZEROS(118),
        ...ONE,
        ...ONE,
        ...ONE,
        ...ONE,
      ],
    ],
    // A code of one bit, of which the other value is used.
    [
      'unused-code',
      89,
      [
        ...DYNAMIC,
        ...COUNTS,
        ...orderLengths(ZEROS_AND_ONES),
        ...ZEROS(138),
        ...ZEROS(118),
        ...ONE,
        ...ONE,
        [1, 1],
      ],
    ],
    // Fixed codes: symbol 286 (11000110), and a match of 3 with distance symbol 30.
    [
      'unused-code',
      3,
      [
        [3, 3],
        [0b01100011, 8],
      ],
    ],
    [
      'unused-code',
      3,
      [
        [3, 3],
        [0b1000000, 7],
        [0b01111, 5],
      ],
    ],
    // A match at the very begin.
    [
      'distance',
      3,
      [
        [3, 3],
        [0b1000000, 7],
        [0, 5],
      ],
    ],
  ] as const)('is refused: %s at bit %i', (code, bit, fields) => {
    const stream = bits(...(fields as readonly (readonly [number, number])[]));
    expect(() => inflateRawSync(stream)).toThrow();
    expect(() => inflate([stream])).toThrow(expect.objectContaining({ code, bit }));
    expect(() => inflate(chunksOf(stream, 1))).toThrow(expect.objectContaining({ code, bit }));
  });

  it('is told at every byte at which it may have been cut', () => {
    const stream = deflateRawSync(mixture(3000));
    for (let size = 0; size < stream.length; size++) {
      const error = expect.objectContaining({ code: 'truncated', bit: size * 8 });
      expect(() => inflate([stream.subarray(0, size)])).toThrow(error);
    }
  });

  it('is an error or a stream that comes back, for every bit that is flipped', () => {
    const stream = deflateRawSync(isLong ? mixture(20_000) : mixture(900));
    let errors = 0;
    for (let bit = 0; bit < stream.length * 8; bit++) {
      const flipped = Buffer.from(stream);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      try {
        const read = inflate([flipped]);
        const end = flipped.length - read.unread;
        expect(read.plain.equals(inflateRawSync(flipped))).toBe(true);
        expect(deflate(read).equals(flipped.subarray(0, end))).toBe(true);
      } catch (error) {
        if (!(error instanceof DeflateError)) throw error;
        expect(() => inflateRawSync(flipped)).toThrow();
        errors++;
      }
    }
    expect(errors).toBeGreaterThan(100);
  });
});

/** The bytes of tokens, which compare faster. */
const bytesOf = (tokens: Uint32Array): Buffer =>
  Buffer.from(tokens.buffer, tokens.byteOffset, tokens.byteLength);

describe('a reader', () => {
  it('gives the same whatever the chunks', () => {
    const stream = deflateRawSync(mixture(5000));
    const whole = inflate([stream]);
    const expectSame = (chunks: readonly Uint8Array[]): void => {
      const { plain, tokens, blocks, padding } = inflate(chunks);
      expect(plain.equals(whole.plain)).toBe(true);
      expect(Buffer.compare(bytesOf(tokens), bytesOf(whole.tokens))).toBe(0);
      expect({ blocks, padding }).toEqual({ blocks: whole.blocks, padding: whole.padding });
    };
    for (let at = 0; at <= stream.length; at++) {
      expectSame([stream.subarray(0, at), stream.subarray(at)]);
    }
    expectSame(chunksOf(stream, 1));
  });

  it('tells where blocks lie', () => {
    const { blocks, plain, tokens } = inflate([deflateRawSync(mixture(400_000))]);
    expect(blocks.length).toBeGreaterThan(5);
    blocks.forEach((block, i) => {
      const before = blocks.slice(0, i);
      expect(block.startToken).toBe(before.reduce((total, one) => total + one.tokens, 0));
      expect(block.startByte).toBe(before.reduce((total, one) => total + one.bytes, 0));
      const mine = tokens.subarray(block.startToken, block.startToken + block.tokens);
      expect(block.bytes).toBe(mine.reduce((total, token) => total + lengthOf(token), 0));
    });
    const last = blocks.at(-1)!;
    expect(last.startByte + last.bytes).toBe(plain.length);
  });

  it('gives tokens that say what the bytes are', () => {
    const { plain, tokens } = inflate([deflateRawSync(mixture(300_000))]);
    const bytes = Buffer.alloc(plain.length);
    let at = 0;
    for (const token of tokens) {
      if (!isMatch(token)) bytes[at++] = token;
      else {
        for (let left = lengthOf(token); left > 0; left--, at++) {
          bytes[at] = bytes[at - distanceOf(token)]!;
        }
      }
    }
    expect(bytes.equals(plain)).toBe(true);
  });

  it('leaves what follows the stream', () => {
    const stream = deflateRawSync(text(100));
    const after = noise(70_000);
    const bytes = Buffer.concat([stream, after]);
    for (const size of [1, 7, 100, 5000, bytes.length]) {
      const reader = new DeflateReader();
      let used = 0;
      for (const chunk of chunksOf(bytes, size)) {
        for (const _ of reader.push(chunk));
        used += chunk.length - reader.unread;
        if (reader.done) break;
      }
      expect(used).toBe(stream.length);
      expect(() => [...reader.push(after)]).toThrow(expect.objectContaining({ code: 'after-end' }));
    }
  });

  it('reads one stream after the other', () => {
    const reader = new DeflateReader();
    for (const content of [text(1000), noise(1000), text(50, 9)]) {
      const plain: Buffer[] = [];
      for (const { plain: piece } of reader.push(deflateRawSync(content))) {
        plain.push(Buffer.from(piece));
      }
      reader.finish();
      expect(Buffer.concat(plain).equals(content)).toBe(true);
      reader.reset();
    }
  });

  it('knows nothing of the stream before', () => {
    const reader = new DeflateReader();
    for (const _ of reader.push(deflateRawSync(text(1000))));
    reader.reset();
    const match = bits([3, 3], [0b1000000, 7], [0, 5]);
    expect(() => [...reader.push(match)]).toThrow(expect.objectContaining({ code: 'distance' }));
  });
});

describe('streams that are made to cost', () => {
  /** Reads without keeping anything; the most that one piece had. */
  function most(stream: Buffer): { pieces: number; blocks: number; tokens: number; bytes: number } {
    const reader = new DeflateReader();
    const seen = { pieces: 0, blocks: 0, tokens: 0, bytes: 0 };
    for (const piece of reader.push(stream)) {
      seen.pieces++;
      seen.blocks = Math.max(seen.blocks, piece.blocks.length);
      seen.tokens = Math.max(seen.tokens, piece.tokens.length);
      seen.bytes = Math.max(seen.bytes, piece.plain.length);
    }
    reader.finish();
    return seen;
  }

  it.each([
    ['a million blocks without tokens', () => emptyBlocks(1_000_000)],
    ['thousands of codes for one literal each', () => tinyDynamicBlocks(20_000)],
    [
      'zeros a thousand times as long as the stream',
      () => deflateRawSync(Buffer.alloc(50_000_000)),
    ],
  ])('come in small pieces: %s', (_, make) => {
    const seen = most(make());
    expect(seen.pieces).toBeGreaterThan(70);
    expect(seen.blocks).toBeLessThanOrEqual(256);
    expect(seen.tokens).toBeLessThanOrEqual(32_768);
    expect(seen.bytes).toBeLessThan(131_072 + 258);
  });

  it('come back bit for bit', () => {
    for (const stream of [emptyBlocks(20_000), tinyDynamicBlocks(2000)]) {
      expect(deflate(inflate([stream])).equals(stream)).toBe(true);
    }
  });
});
