import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lengthOf, matchToken } from '../../../src/codec/deflate/token.ts';
import { TokenMerger } from '../../../src/codec/tokens/merge.ts';
import { PART_SIZE } from '../../../src/codec/tokens/part.ts';
import { TokenSplitter } from '../../../src/codec/tokens/split.ts';
import { PATIENT, runs } from '../support/effort.ts';
import { plainSizeOf } from '../support/plain-size.ts';
import { anyTokens, errorCodeOf } from './support/tokens.ts';

interface Body {
  readonly start: number;
  readonly size: number;
}

interface Piece {
  readonly body: number;
  readonly start: number;
  readonly size: number;
  readonly lead: number;
  readonly tokens: readonly number[];
}

/** Splits tokens that come in pieces; every body is announced as late as it may be. */
function split(tokens: Uint32Array, bodies: readonly Body[], step: number) {
  const gap: number[] = [];
  const parts: Piece[] = [];
  const splitter = new TokenSplitter({
    gap: (piece) => gap.push(...piece),
    part: ({ tokens: own, size, lead }, body, start) => {
      parts.push({ body, start, size, lead, tokens: [...own] });
    },
  });
  const waiting = [...bodies];
  let position = 0;
  for (let at = 0; at < tokens.length; at += step) {
    const piece = tokens.subarray(at, at + step);
    const pieceSize = plainSizeOf(piece);
    position += pieceSize;
    while (waiting.length > 0 && waiting[0]!.start < position) {
      const { start, size } = waiting.shift()!;
      splitter.announce(start, size);
    }
    splitter.push(piece, pieceSize);
  }
  splitter.end();
  return { gap, parts };
}

function merge(gap: readonly number[], parts: readonly Piece[]): number[] {
  const merged: number[] = [];
  const merger = new TokenMerger((tokens) => {
    for (const token of tokens) merged.push(token);
  });
  let rest = Uint32Array.from(gap);
  for (const { start, size, lead, tokens } of parts) {
    rest = rest.subarray(merger.gap(rest, start));
    expect(merger.leadOf(start, size)).toBe(lead);
    merger.part(Uint32Array.from(tokens), start, size);
  }
  expect(merger.gap(rest, Number.POSITIVE_INFINITY)).toBe(rest.length);
  return merged;
}

/** Bodies from distances and sizes in turn. */
function bodiesOf(numbers: readonly (readonly [number, number])[]): Body[] {
  let at = 0;
  return numbers.map(([before, size]) => {
    const start = at + before;
    at = start + size;
    return { start, size };
  });
}

const bodies = fc
  .array(fc.tuple(fc.oneof(fc.nat(3), fc.nat(600)), fc.oneof(fc.nat(5), fc.nat(900))), {
    maxLength: 30,
  })
  .map(bodiesOf);

describe('split and merge', PATIENT, () => {
  it('gives back the same tokens, whatever bodies and pieces', () => {
    fc.assert(
      fc.property(anyTokens, bodies, fc.integer({ min: 1, max: 50 }), (tokens, where, step) => {
        const { gap, parts } = split(Uint32Array.from(tokens), where, step);
        expect(merge(gap, parts)).toEqual(tokens);
      }),
      runs(500),
    );
  });

  it('gives a token to the file in which it starts', () => {
    fc.assert(
      fc.property(anyTokens, bodies, fc.integer({ min: 1, max: 50 }), (tokens, where, step) => {
        const { gap, parts } = split(Uint32Array.from(tokens), where, step);
        const expected = where.map((): number[] => []);
        const outside: number[] = [];
        let position = 0;
        for (const token of tokens) {
          const at = position;
          const body = where.findIndex(({ start, size }) => at >= start && at < start + size);
          (expected[body] ?? outside).push(token);
          position += lengthOf(token);
        }
        expect(gap).toEqual(outside);
        const total = position;
        const begun = where
          .map(({ start, size }, body) => ({ body, start, size: Math.min(size, total - start) }))
          .filter(({ size }) => size > 0);
        expect(
          parts.map(({ body, start, size, tokens: own }) => ({ body, start, size, own })),
        ).toEqual(begun.map((body) => ({ ...body, own: expected[body.body] })));
      }),
      runs(500),
    );
  });

  it('cuts large bodies at multiples of a part', () => {
    const run = matchToken(258, 1);
    const count = Math.ceil((2.5 * PART_SIZE) / 258);
    const tokens = new Uint32Array(count + 1).fill(run);
    tokens[0] = 7;
    const size = count * 258 - 100;
    const { gap, parts } = split(tokens, [{ start: 1, size }], 1000);
    expect(gap).toEqual([7]);
    expect(parts.map((part) => [part.start, part.size])).toEqual([
      [1, PART_SIZE],
      [1 + PART_SIZE, PART_SIZE],
      [1 + 2 * PART_SIZE, size - 2 * PART_SIZE],
    ]);
    expect(parts.map(({ lead }) => lead)).toEqual([
      0,
      258 - (PART_SIZE % 258),
      258 - ((2 * PART_SIZE) % 258),
    ]);
    expect(merge(gap, parts)).toEqual([...tokens]);
  });

  it('a file within one token has no tokens of its own', () => {
    const { gap, parts } = split(
      Uint32Array.of(1, matchToken(100, 1)),
      [{ start: 10, size: 5 }],
      9,
    );
    expect(gap).toHaveLength(2);
    expect(parts).toEqual([{ body: 0, start: 10, size: 5, lead: 5, tokens: [] }]);
  });

  it('refuses bodies that are announced too late, or overlap', () => {
    const splitter = new TokenSplitter({ gap: () => undefined, part: () => undefined });
    splitter.push(Uint32Array.of(1, 2, 3), 3);
    expect(() => splitter.announce(2, 5)).toThrow(RangeError);
    splitter.announce(3, 5);
    expect(() => splitter.announce(7, 1)).toThrow(RangeError);
    splitter.announce(8, 1);
  });
});

describe('merging what does not fit', PATIENT, () => {
  const merger = () => new TokenMerger(() => undefined);
  const part =
    (tokens: readonly number[], start: number, size: number, before = start) =>
    () => {
      const into = merger();
      into.gap(new Uint32Array(before), before);
      into.part(Uint32Array.from(tokens), start, size);
    };

  it.each([
    ['gap tokens missing', part([1, 2], 5, 2, 4)],
    ['too few tokens', part([1, 2], 5, 3)],
    ['too many tokens', part([1, 2, 3], 5, 2)],
    ['a token after the end', part([matchToken(3, 1), 1], 5, 2)],
    ['no tokens', part([], 5, 2)],
    ['a lead without gap tokens', () => merger().leadOf(1, 1)],
  ])('%s', (_, action) => {
    expect(errorCodeOf(action)).toBe('position');
  });
});
