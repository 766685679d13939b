import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { distanceOf, IRREGULAR, lengthOf, matchToken } from '../../../src/codec/deflate/token.ts';
import type { TokenPart } from '../../../src/codec/tokens/part.ts';
import { PatchApplier } from '../../../src/codec/tokens/patch-apply.ts';
import { encodePatch } from '../../../src/codec/tokens/patch-encode.ts';
import {
  createPatchReaders,
  createPatchWriters,
  endPatchReaders,
  patchBytes,
} from '../../../src/codec/tokens/patch-streams.ts';
import { PATIENT, runs } from '../support/effort.ts';
import { anyToken, errorCodeOf, partOf } from './support/tokens.ts';

/** Cuts tokens so that they fill exactly `size` bytes after `lead`, whatever they were. */
function filled(tokens: readonly number[], lead: number, size: number): TokenPart {
  const own: number[] = [];
  let position = lead;
  for (const token of tokens) {
    if (position >= size) break;
    own.push(token);
    position += lengthOf(token);
  }
  for (; position < size; position++) own.push(0x20);
  return { tokens: Uint32Array.from(own), lead: Math.min(lead, size), size };
}

/** Whether a number is a token that DEFLATE can say. */
function isToken(token: number): boolean {
  const distance = distanceOf(token);
  const isMatch = lengthOf(token) >= 3 && distance >= 1 && distance <= 32_768;
  return token <= 0xff || isMatch;
}

/** Changes of a token stream: at a place, so many tokens are replaced. */
const changes = fc.array(
  fc.record({
    at: fc.nat(220),
    remove: fc.nat(4),
    insert: fc.array(anyToken, { maxLength: 4 }),
    shift: fc.integer({ min: -3, max: 3 }),
  }),
  { maxLength: 8 },
);

/** A base and another occurrence: mostly the same, or nothing alike. */
const occurrences = fc
  .tuple(
    fc.array(anyToken, { maxLength: 200 }),
    changes,
    fc.nat(20),
    fc.nat(20),
    fc.option(fc.array(anyToken, { maxLength: 200 })),
    fc.nat(8000),
  )
  .map(([tokens, edits, baseLead, lead, others, size]): readonly [TokenPart, TokenPart] => {
    const changed = others ?? [...tokens];
    for (const { at, remove, insert, shift } of edits) {
      changed.splice(at % (changed.length + 1), remove, ...insert);
      const next = changed[at % (changed.length + 1)];
      // Another distance of the same length, which is what most edits are.
      if (next !== undefined && next > 0xff && next < IRREGULAR) {
        const distance = Math.min(32_768, Math.max(1, (next & 0xffff) + shift));
        changed[at % (changed.length + 1)] = matchToken(lengthOf(next), distance);
      }
    }
    return [filled(tokens, baseLead, size), filled(changed, lead, size)];
  });

describe('patches', PATIENT, () => {
  it('give back any tokens from any base, one after the other', () => {
    fc.assert(
      fc.property(fc.array(occurrences, { maxLength: 5 }), (pairs) => {
        const writers = createPatchWriters();
        const figures = pairs.map(([base, part]) => encodePatch(base, part, writers));
        const readers = createPatchReaders(patchBytes(writers));
        const applier = new PatchApplier();
        for (const [i, [base, part]] of pairs.entries()) {
          expect([...applier.apply(base, part.lead, readers)]).toEqual([...part.tokens]);
          expect(figures[i]!.newTokens).toBeLessThanOrEqual(part.tokens.length);
        }
        endPatchReaders(readers);
      }),
      runs(300),
    );
  });

  it('cost one byte where nothing differs', () => {
    fc.assert(
      fc.property(fc.array(anyToken, { maxLength: 200 }), fc.nat(20), (tokens, lead) => {
        const part = partOf(tokens, lead, 0);
        const writers = createPatchWriters();
        expect(encodePatch(part, part, writers)).toEqual({ edits: 0, newTokens: 0 });
        expect(patchBytes(writers).map(({ length }) => length)).toEqual([
          1, 0, 0, 0, 0, 0, 0, 0, 0,
        ]);
      }),
    );
  });

  it('need no distance where all have shifted by the same', () => {
    const base = partOf([1, matchToken(5, 600), 2, matchToken(9, 700), matchToken(4, 800)], 0, 0);
    const part = partOf([1, matchToken(5, 690), 2, matchToken(9, 790), matchToken(4, 890)], 0, 0);
    const writers = createPatchWriters();
    expect(encodePatch(base, part, writers)).toEqual({ edits: 3, newTokens: 3 });
    const { nearLow, foreignLow, lengths } = writers;
    // The first one says how far.
    expect([nearLow.length, foreignLow.length, lengths.length]).toEqual([0, 1, 0]);
  });

  it('damaged in any way give the right tokens, other tokens within bounds, or a typed error', () => {
    const damage = fc.array(fc.tuple(fc.nat(8), fc.nat(), fc.nat(255)), {
      minLength: 1,
      maxLength: 4,
    });
    const cut = fc.tuple(fc.nat(8), fc.nat(3));
    fc.assert(
      fc.property(occurrences, damage, cut, ([base, part], bytes, [stream, length]) => {
        const writers = createPatchWriters();
        encodePatch(base, part, writers);
        const streams = patchBytes(writers).map((piece) => piece.slice());
        for (const [i, at, value] of bytes) {
          const target = streams[i]!;
          if (target.length > 0) target[at % target.length] = value;
        }
        streams[stream] = streams[stream]!.subarray(0, streams[stream]!.length - length);
        const code = errorCodeOf(() => {
          const tokens = new PatchApplier().apply(base, part.lead, createPatchReaders(streams));
          expect(tokens.length).toBeLessThanOrEqual(part.size + base.tokens.length);
          expect(tokens.every(isToken)).toBe(true);
        });
        expect([undefined, 'truncated', 'number', 'token']).toContain(code);
      }),
      runs(300),
    );
  });

  it('made for another base, or random, end as well', () => {
    const stream = fc.uint8Array({ maxLength: 300 });
    const nine = fc.tuple(stream, stream, stream, stream, stream, stream, stream, stream, stream);
    fc.assert(
      fc.property(occurrences, nine, fc.nat(300), ([base], streams, lead) => {
        const code = errorCodeOf(() => {
          new PatchApplier().apply(base, lead, createPatchReaders(streams));
        });
        expect([undefined, 'truncated', 'number', 'token']).toContain(code);
      }),
      runs(300),
    );
  });

  it.each([
    ['an edit that has no place', { edits: [1], runs: [9] }, 'number'],
    // The covering base token is a literal, so the match would be one byte long.
    [
      'a match that is too short',
      { edits: [1], runs: [0], kinds: [12], nearLow: [0], nearHigh: [0] },
      'token',
    ],
    ['a kind that there is none of', { edits: [1], runs: [0], kinds: [20] }, 'token'],
    [
      'a distance of a base token that has none',
      { edits: [1], runs: [0], kinds: [1], lengths: [0] },
      'token',
    ],
  ])('with %s are refused', (_, bytes: Readonly<Record<string, readonly number[]>>, code) => {
    const streams = Object.keys(createPatchWriters()).map((name) =>
      Uint8Array.from(bytes[name] ?? []),
    );
    const base = partOf([1, 2, 3], 0, 0);
    const action = () => new PatchApplier().apply(base, 0, createPatchReaders(streams));
    expect(errorCodeOf(action)).toBe(code);
  });

  it('a part that is larger than a part is refused', () => {
    const base = { tokens: new Uint32Array(1), lead: 0, size: 2 ** 30 };
    const streams = [Uint8Array.of(1), Uint8Array.of(0)];
    while (streams.length < 9) streams.push(new Uint8Array(0));
    const action = () => new PatchApplier().apply(base, 0, createPatchReaders(streams));
    expect(errorCodeOf(action)).toBe('size');
  });
});
