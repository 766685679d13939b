import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matchToken } from '../../../src/codec/deflate/token.ts';
import { createTokenKernel } from '../../../src/codec/kernels/instances.ts';
import { NEED_INPUT, STREAM_CAPACITY } from '../../../src/codec/kernels/layout.ts';
import {
  readTokenStreams,
  TokenStreamReader,
  TokenStreamWriter,
} from '../../../src/codec/tokens/token-streams.ts';
import { type MainStreams, referenceStreams, referenceTokens } from '../reference/token-streams.ts';
import { PATIENT, runs } from '../support/effort.ts';
import { anyToken, errorCodeOf } from '../tokens/support/tokens.ts';

const NONE = new Uint8Array(0);

/** Tokens with runs of literals that take one, two and three bytes, and that span several calls. */
const pieces = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.array(anyToken, { maxLength: 200 }) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(fc.constantFrom(126, 127, 128, 129, 16_383, 16_384, STREAM_CAPACITY), fc.nat(255))
        .map(([count, value]) => new Array<number>(count).fill(value)),
    },
  ),
  { maxLength: 6 },
);

const regular = (tokens: readonly number[]): Uint32Array =>
  Uint32Array.from(tokens, (token) => token & 0x7fff_ffff);

function write(all: readonly (readonly number[])[]): readonly Uint8Array[] {
  const writer = new TokenStreamWriter();
  for (const piece of all) writer.add(Uint32Array.from(piece));
  return writer.streams.map((stream) => stream.slice());
}

describe('the token kernel', PATIENT, () => {
  it('writes the streams of the reference', () => {
    fc.assert(
      fc.property(pieces, (all) => {
        const streams = write(all);
        const expected = referenceStreams(regular(all.flat()));
        for (const [i, stream] of expected.entries()) {
          expect(Buffer.compare(streams[i]!, stream)).toBe(0);
        }
      }),
      runs(200),
    );
  });

  it('reads the tokens again, irregular ones too', () => {
    fc.assert(
      fc.property(pieces, (all) => {
        const tokens = Uint32Array.from(all.flat());
        expect(readTokenStreams(write(all))).toEqual(tokens);
      }),
      runs(200),
    );
  });

  it('reads some tokens at a time like all at once', () => {
    const counts = fc.array(fc.oneof(fc.nat(3), fc.nat(100), fc.nat(40_000)), { minLength: 1 });
    fc.assert(
      fc.property(pieces, counts, (all, some) => {
        const streams = write(all);
        const reader = new TokenStreamReader(streams);
        const tokens: number[] = [];
        for (let turn = 0; tokens.length < reader.count; turn++) {
          const before = tokens.length;
          const count = Math.min(some[turn % some.length]! + 1, reader.count - before);
          reader.read(count, (views) => {
            for (const token of views) tokens.push(token);
          });
          expect(tokens.length - before).toBe(count);
          // Whatever else the kernel does for others in between.
          if (turn % 50 === 0) readTokenStreams(streams);
        }
        reader.end();
        expect(Uint32Array.from(tokens)).toEqual(regular(all.flat()));
      }),
      runs(100),
    );
  });

  it('reads any streams like the reference, or refuses them like it', () => {
    const stream = fc.uint8Array({ maxLength: 12 });
    const numbers = fc.array(fc.oneof(fc.nat(3), fc.nat(255)), { maxLength: 12 });
    const matches = fc.nat(8).chain((length) => {
      const low = fc.uint8Array({ minLength: length, maxLength: length });
      const high = fc.array(fc.oneof({ weight: 30, arbitrary: fc.nat(127) }, fc.nat(255)), {
        minLength: length,
        maxLength: length,
      });
      return fc.tuple(
        low,
        low,
        high.map((values) => Uint8Array.from(values)),
      );
    });
    const read = (action: () => Iterable<number>): readonly number[] | 'refused' => {
      let tokens: readonly number[] = [];
      const code = errorCodeOf(() => {
        tokens = [...action()];
      });
      return code === undefined ? tokens : 'refused';
    };
    let read1 = 0;
    fc.assert(
      fc.property(numbers, stream, matches, (run, literals, [lengths, low, high]) => {
        const streams: MainStreams = [Uint8Array.from(run), literals, lengths, low, high];
        const expected = read(() => referenceTokens(streams));
        expect(read(() => readTokenStreams([...streams, NONE]))).toEqual(expected);
        if (expected !== 'refused') read1++;
      }),
      runs(3000),
    );
    expect(read1).toBeGreaterThan(10);
  });

  it.each([
    ['a run that ends too early', [Uint8Array.of(0x80), NONE], 'truncated'],
    ['a run of more literals than there are', [Uint8Array.of(3), Uint8Array.of(1, 2)], 'truncated'],
    ['a run without end', [new Uint8Array(9).fill(0xff), NONE], 'number'],
    ['a run too many', [Uint8Array.of(0, 0), NONE], 'trailing'],
  ])('refuses %s', (_, [run, literals], code) => {
    const match = [Uint8Array.of(0), Uint8Array.of(0), Uint8Array.of(0), NONE];
    expect(errorCodeOf(() => readTokenStreams([run!, literals!, ...match]))).toBe(code);
  });

  it('keeps within its buffers when they are full', () => {
    const kernel = createTokenKernel();
    kernel.runs.fill(1);
    kernel.literals.fill(7);
    for (const stream of [kernel.lengths, kernel.low, kernel.high]) stream.fill(0);
    const size = STREAM_CAPACITY;
    kernel.resume(0, false);
    expect(kernel.decode(size, size, size, 2 * size)).toBe(NEED_INPUT);
    expect([kernel.runCount, kernel.literalCount, kernel.matchCount]).toEqual([size, size, size]);
    expect(kernel.tokenCount).toBe(2 * size);
    expect([...kernel.tokens.subarray(-2)]).toEqual([7, matchToken(3, 1)]);
  });
});
