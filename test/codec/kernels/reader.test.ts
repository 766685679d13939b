import { constants, deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Block } from '../../../src/codec/deflate/block.ts';
import { DeflateError } from '../../../src/codec/deflate/errors.ts';
import { DeflateReader } from '../../../src/codec/deflate/reader.ts';
import { createReaderKernel } from '../../../src/codec/kernels/instances.ts';
import {
  END,
  FULL,
  INPUT_CAPACITY,
  NEED_INPUT,
  RECORD_SIZE,
} from '../../../src/codec/kernels/layout.ts';
import type { ReaderKernel } from '../../../src/codec/kernels/types.ts';
import { ReferenceReader } from '../reference/reader.ts';
import { mixture, noise, text } from '../support/content.ts';
import { PATIENT, runs } from '../support/effort.ts';
import { emptyBlocks } from '../support/hostile.ts';
import { strangeStream } from '../support/strange-stream.ts';

/** All that a caller can see of a run. */
function outcomeOf(kernel: ReaderKernel, bit: number, length: number) {
  const status = kernel.run(bit, length);
  const records = [...kernel.records.subarray(0, kernel.recordCount * RECORD_SIZE)];
  const dynamic = records.filter((_, i) => i % RECORD_SIZE === 1 && records[i - 1]! % 4 === 2);
  const headerBytes = dynamic.reduce((total, bits) => total + Math.ceil(bits / 8), 0);
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
  return {
    status,
    bit: kernel.bit,
    plain: hex(kernel.output.subarray(0, kernel.byteCount)),
    tokens: [...kernel.tokens.subarray(0, kernel.tokenCount)],
    records,
    headers: hex(kernel.headers.subarray(0, headerBytes)),
  };
}

/**
 * Gives both kernels the same bytes in the same steps, and compares after each.
 * @returns how runs ended
 */
function compare(bytes: Uint8Array, steps: readonly number[]): Set<number> {
  const seen = new Set<number>();
  const kernel = createReaderKernel();
  const reference = new ReferenceReader();
  let bit = 0;
  let length = 0;
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const part = bytes.subarray(
      at,
      at + Math.min(steps[i % steps.length]!, INPUT_CAPACITY - length),
    );
    for (const { input } of [kernel, reference]) input.set(part, length);
    at += part.length;
    length += part.length;
    let status: number;
    do {
      const outcome = outcomeOf(kernel, bit, length);
      expect(outcome).toEqual(outcomeOf(reference, bit, length));
      ({ status, bit } = outcome);
      seen.add(status);
    } while (status === FULL);
    if (status !== NEED_INPUT) return seen;
    const used = bit >> 3;
    for (const { input } of [kernel, reference]) input.copyWithin(0, used, length);
    length -= used;
    bit %= 8;
  }
  return seen;
}

const steps = fc.array(
  fc.oneof(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 3000 })),
  {
    minLength: 1,
    maxLength: 5,
  },
);

/** All that a stream holds but for its tokens; or at which bit it is wrong. */
function readAll(kernel: ReaderKernel, bytes: Uint8Array, steps: readonly number[]) {
  const reader = new DeflateReader(kernel);
  const plain: Buffer[] = [];
  const blocks: Omit<Block, 'tokens' | 'startToken'>[] = [];
  let tokens = 0;
  let problem = '';
  try {
    for (let at = 0, i = 0; at < bytes.length && !reader.done; i++) {
      const part = bytes.subarray(at, at + steps[i % steps.length]!);
      at += part.length;
      for (const piece of reader.push(part)) {
        plain.push(Buffer.from(piece.plain));
        tokens += piece.tokens.length;
        for (const { tokens: _, startToken: __, ...rest } of piece.blocks) blocks.push(rest);
      }
    }
  } catch (error) {
    if (!(error instanceof DeflateError)) throw error;
    problem = error.message;
  }
  const { done, unread, padding } = reader;
  return { tokens, rest: { plain: Buffer.concat(plain), blocks, problem, done, unread, padding } };
}

/** @returns the bytes of the stream, read without tokens as with them */
function compareWithout(bytes: Uint8Array, steps: readonly number[]): Buffer {
  const without = readAll(createReaderKernel({ keepsTokens: false }), bytes, steps);
  expect(without.tokens).toBe(0);
  const { rest } = readAll(createReaderKernel(), bytes, steps);
  expect(without.rest.plain.equals(rest.plain)).toBe(true);
  expect({ ...without.rest, plain: 0 }).toEqual({ ...rest, plain: 0 });
  return without.rest.plain;
}

describe('the reader kernel without tokens reads the same', () => {
  it('of any stream, whole or with flipped bits', PATIENT, () => {
    fc.assert(
      fc.property(
        strangeStream(100),
        fc.array(fc.nat(), { maxLength: 2 }),
        steps,
        (stream, flips, sizes) => {
          const { bytes, plain } = stream;
          if (flips.length === 0) expect(compareWithout(bytes, sizes).equals(plain)).toBe(true);
          for (const flip of flips) bytes[(flip >> 3) % bytes.length]! ^= 1 << (flip & 7);
          compareWithout(bytes, sizes);
        },
      ),
      runs(100),
    );
  });

  it.each([
    ['zeros', Buffer.alloc(300_000), {}],
    ['a mixture', mixture(200_000), {}],
    ['stored blocks', noise(150_000), { level: 0 }],
    [
      'literals, of which there are more than room for tokens',
      text(400_000),
      { strategy: constants.Z_HUFFMAN_ONLY },
    ],
  ])('of streams that fill its buffers: %s', (_, plain, options) => {
    expect(compareWithout(deflateRawSync(plain, options), [100_000]).equals(plain)).toBe(true);
  });
});

describe('the reader kernel does what its reference does', () => {
  it('for any stream', PATIENT, () => {
    fc.assert(
      fc.property(strangeStream(200), steps, ({ bytes }, sizes) => {
        compare(bytes, sizes);
      }),
      runs(40),
    );
  });

  it.each([
    ['zeros, which are few bytes for many', deflateRawSync(Buffer.alloc(300_000))],
    ['a mixture', deflateRawSync(mixture(200_000))],
    ['stored blocks', deflateRawSync(noise(150_000), { level: 0 })],
    ['literals', deflateRawSync(text(100_000), { strategy: constants.Z_HUFFMAN_ONLY })],
    ['empty blocks', emptyBlocks(1000)],
  ])('for streams that fill its buffers: %s', (_, bytes) => {
    expect(compare(bytes, [INPUT_CAPACITY])).toContain(FULL);
  });

  it('for streams of which bits have been flipped', PATIENT, () => {
    fc.assert(
      fc.property(
        strangeStream(60),
        fc.array(fc.nat(), { minLength: 1, maxLength: 4 }),
        steps,
        ({ bytes }, flips, sizes) => {
          for (const flip of flips) bytes[(flip >> 3) % bytes.length]! ^= 1 << (flip & 7);
          compare(bytes, sizes);
        },
      ),
      runs(300),
    );
  });

  it('for bytes that are no stream', PATIENT, () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 400 }), steps, (bytes, sizes) => {
        compare(bytes, sizes);
      }),
      runs(300),
    );
  });

  it('for headers that are nearly right', PATIENT, () => {
    // A dynamic block of which each bit of the header is flipped, or the header cut.
    fc.assert(
      fc.property(strangeStream(3), ({ bytes, blocks }) => {
        fc.pre(blocks[0]?.type === 2);
        const end = Math.min(bytes.length * 8, (blocks[0]?.headerBits ?? 0) + 3);
        for (let bit = 3; bit < end; bit += 5) {
          const flipped = Buffer.from(bytes);
          flipped[bit >> 3]! ^= 1 << (bit & 7);
          compare(flipped, [flipped.length]);
        }
      }),
      runs(8),
    );
  });

  it('and can be used again after an error', () => {
    const kernel = createReaderKernel();
    kernel.input[0] = 7;
    expect(kernel.run(0, 1)).toBeGreaterThan(END);
    kernel.reset();
    kernel.input.set([3, 0]);
    expect(kernel.run(0, 2)).toBe(END);
    expect(kernel.bit).toBe(10);
  });
});
