import { deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BlockHead } from '../../../src/codec/deflate/block.ts';
import { IRREGULAR, matchToken } from '../../../src/codec/deflate/token.ts';
import { DeflateWriter } from '../../../src/codec/deflate/writer.ts';
import { mixture } from '../support/content.ts';
import { deflate, type Inflated, inflate } from '../support/deflate.ts';
import { PATIENT, runs } from '../support/effort.ts';
import { tinyDynamicBlocks } from '../support/hostile.ts';
import { strangeStream } from '../support/strange-stream.ts';

/** The bytes of some blocks, begun at the bit where they lie, and the bits after them. */
function writeRange({ tokens, blocks }: Inflated, from: number, to: number) {
  const writer = new DeflateWriter();
  const first = blocks[from]!;
  const last = blocks[to - 1]!;
  writer.reset({ count: first.startBit % 8, bits: 0 });
  writer.addBlocks(blocks.slice(from, to));
  const bytes: number[] = [];
  const mine = tokens.subarray(first.startToken, last.startToken + last.tokens);
  for (const piece of writer.push(mine)) bytes.push(...piece);
  for (const piece of writer.flush()) bytes.push(...piece);
  if (writer.partial.count > 0) bytes.push(writer.partial.bits);
  return { at: Math.floor(first.startBit / 8), bytes, bitsAfter: writer.partial.count };
}

/** Puts ranges together: bytes that two of them share are combined. */
function joinRanges(size: number, ranges: readonly ReturnType<typeof writeRange>[]): Buffer {
  const joined = Buffer.alloc(size);
  for (const { at, bytes } of ranges) {
    for (const [i, byte] of bytes.entries()) joined[at + i]! |= byte;
  }
  return joined;
}

describe('a writer', () => {
  it('begins at any block', () => {
    const stream = deflateRawSync(mixture(300_000), { memLevel: 3 });
    const read = inflate([stream]);
    const count = read.blocks.length;
    expect(count).toBeGreaterThan(20);
    for (let cut = 1; cut < count; cut++) {
      const ranges = [writeRange(read, 0, cut), writeRange(read, cut, count)];
      expect(joinRanges(stream.length, ranges).equals(stream)).toBe(true);
    }
    const single = read.blocks.map((_, i) => writeRange(read, i, i + 1));
    expect(joinRanges(stream.length, single).equals(stream)).toBe(true);
  });

  it('begins at any block of streams that no compressor writes', PATIENT, () => {
    fc.assert(
      fc.property(strangeStream(100), ({ bytes, padding }) => {
        const read = inflate([bytes]);
        const single = read.blocks.map((_, i) => writeRange(read, i, i + 1));
        const joined = joinRanges(bytes.length, single);
        // The padding at the end belongs to no block.
        joined[bytes.length - 1]! |= padding << single.at(-1)!.bitsAfter;
        expect(joined.equals(bytes)).toBe(true);
      }),
      runs(50),
    );
  });

  it('takes tokens in any pieces, and blocks as late as they are needed', () => {
    const stream = deflateRawSync(mixture(50_000), { memLevel: 1 });
    const { tokens, blocks, padding } = inflate([stream]);
    for (const size of [1, 3, 1000, 40_000]) {
      const writer = new DeflateWriter();
      const bytes: Buffer[] = [];
      let added = 0;
      for (let at = 0; at < tokens.length; at += size) {
        const end = at + size;
        const due = blocks.filter(({ startToken }) => startToken < end).length;
        writer.addBlocks(blocks.slice(added, due));
        added = due;
        for (const piece of writer.push(tokens.subarray(at, end))) bytes.push(Buffer.from(piece));
      }
      for (const piece of writer.finish(padding)) bytes.push(Buffer.from(piece));
      expect(Buffer.concat(bytes).equals(stream)).toBe(true);
    }
  });

  it('writes one stream after the other', () => {
    const writer = new DeflateWriter();
    for (const content of [mixture(1000), mixture(77)]) {
      const stream = deflateRawSync(content);
      const { tokens, blocks, padding } = inflate([stream]);
      writer.reset();
      writer.addBlocks(blocks);
      const bytes = [...writer.push(tokens)].map((piece) => Buffer.from(piece));
      for (const piece of writer.finish(padding)) bytes.push(Buffer.from(piece));
      expect(Buffer.concat(bytes).equals(stream)).toBe(true);
    }
  });
});

describe('what makes no stream is refused', () => {
  const fixed: BlockHead = {
    type: 1,
    final: true,
    tokens: 2,
    padding: 0,
    header: new Uint8Array(0),
    headerBits: 0,
  };
  const dynamic = inflate([deflateRawSync(mixture(5000))]).blocks[0]!;
  const header = Buffer.from(dynamic.header);
  const stored = { ...fixed, type: 0 } as const;
  const onlyA = inflate([tinyDynamicBlocks(1)]).blocks[0]!;
  const long = Buffer.alloc(300);

  it.each<[string, string, number[], BlockHead[], number]>([
    ['no block', 'token-count', [65], [], 0],
    ['no final block', 'truncated', [65, 66], [{ ...fixed, final: false }], 0],
    ['no blocks at all', 'truncated', [], [], 0],
    ['too few tokens', 'token-count', [65], [fixed], 0],
    ['too many tokens', 'token-count', [65, 66, 67], [fixed], 0],
    ['a number of tokens below 0', 'token-count', [65], [{ ...fixed, tokens: -1 }], 0],
    ['half a token', 'token-count', [65], [{ ...fixed, tokens: 0.5 }], 0],
    ['a block after the final one', 'after-end', [65, 66, 67, 68], [fixed, fixed], 0],
    [
      'a block without tokens after the final one',
      'after-end',
      [65, 66],
      [fixed, { ...fixed, tokens: 0 }],
      0,
    ],
    ['length 2', 'token', [65, matchToken(2, 1)], [fixed], 0],
    ['length 259', 'token', [65, matchToken(259, 1)], [fixed], 0],
    ['distance 0', 'token', [65, matchToken(3, 0)], [fixed], 0],
    ['distance 32769', 'token', [65, matchToken(3, 32_769)], [fixed], 0],
    ['a literal of 256', 'token', [65, 256], [fixed], 0],
    ['length 257 in the irregular way', 'token', [65, matchToken(257, 1) + IRREGULAR], [fixed], 0],
    ['a match in a stored block', 'token', [65, matchToken(3, 1)], [stored], 0],
    ['a literal that has no code', 'token', [66], [{ ...dynamic, ...onlyA }], 0],
    ['a stored block of 65,536 bytes', 'stored-length', [65], [{ ...stored, tokens: 65_536 }], 0],
    [
      'padding of six bits before a stored block',
      'padding',
      [65, 66],
      [{ ...stored, padding: 32 }],
      0,
    ],
    ['padding at the end that is too long', 'padding', [65, 66], [fixed], 2 ** 7],
    [
      'a header cut short',
      'header-size',
      [65],
      [{ ...dynamic, headerBits: dynamic.headerBits - 1 }],
      0,
    ],
    [
      'a header with a byte too many',
      'header-size',
      [65],
      [{ ...dynamic, header: Buffer.concat([header, header]) }],
      0,
    ],
    [
      'a header that is too long',
      'header-size',
      [65],
      [{ ...dynamic, header: long, headerBits: 2400 }],
      0,
    ],
    [
      'a header for fixed codes',
      'header-size',
      [65],
      [{ ...fixed, header, headerBits: dynamic.headerBits }],
      0,
    ],
    [
      'a header that says nothing',
      'length-code',
      [65],
      [{ ...dynamic, header: header.fill(0) }],
      0,
    ],
    ['a block of type 3', 'block-type', [65], [{ ...fixed, type: 3 } as unknown as BlockHead], 0],
  ])('%s: %s', (_, code, tokens, blocks, padding) => {
    const write = () => deflate({ tokens: Uint32Array.from(tokens), blocks, padding });
    expect(write).toThrow(expect.objectContaining({ name: 'DeflateError', code }));
  });
});
