import { inflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chunksOf, deflate, inflate } from '../support/deflate.ts';
import { PATIENT, runs } from '../support/effort.ts';
import { type StrangeStream, strangeStream } from '../support/strange-stream.ts';

/** The blocks that were found, without their places. */
function headsOf(blocks: ReturnType<typeof inflate>['blocks']) {
  return blocks.map(({ type, final, tokens, padding, headerBits, header }) => ({
    type,
    final,
    tokens,
    padding,
    headerBits,
    header: Buffer.from(header),
  }));
}

function expectExact({ bytes, plain, tokens, blocks, padding }: StrangeStream, size: number) {
  const read = inflate(chunksOf(bytes, size));
  expect(read.plain.equals(plain)).toBe(true);
  expect(Buffer.from(read.tokens.buffer)).toEqual(Buffer.from(Uint32Array.from(tokens).buffer));
  expect(headsOf(read.blocks)).toEqual(blocks);
  expect(read.padding).toBe(padding);
  expect(read.unread).toBe(0);
  expect(deflate(read).equals(bytes)).toBe(true);
}

describe('streams that no compressor writes', () => {
  it('are streams: zlib reads them', () => {
    fc.assert(
      fc.property(strangeStream(300), ({ bytes, plain }) => {
        expect(inflateRawSync(bytes).equals(plain)).toBe(true);
      }),
      runs(50),
    );
  });

  it('are read as what they were made of, and written again bit for bit', PATIENT, () => {
    fc.assert(
      fc.property(strangeStream(300), fc.integer({ min: 1, max: 5000 }), expectExact),
      runs(100),
    );
  });

  it('also when they are longer than all buffers', PATIENT, () => {
    fc.assert(
      fc.property(strangeStream(8000), fc.integer({ min: 1, max: 100_000 }), expectExact),
      runs(4),
    );
  });

  it('also when they come byte by byte', PATIENT, () => {
    fc.assert(
      fc.property(strangeStream(100), (stream) => expectExact(stream, 1)),
      runs(20),
    );
  });
});
