import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matchToken } from '../../../src/codec/deflate/token.ts';
import { SPACE_CAPACITY, TOKEN_CAPACITY } from '../../../src/codec/kernels/layout.ts';
import type { TokenPart } from '../../../src/codec/tokens/part.ts';
import { MAX_GAP, PlainSpace } from '../../../src/codec/tokens/plain-space.ts';
import { ReferenceSpace } from '../reference/space.ts';
import { PATIENT, runs } from '../support/effort.ts';
import { anyToken, errorCodeOf, partOf } from '../tokens/support/tokens.ts';

interface Placed {
  readonly part: TokenPart;
  readonly gap: number;
}

/** Parts, most of which are right, and gaps between them. */
const placedParts = fc.array(
  fc
    .record({
      tokens: fc.array(anyToken, { minLength: 1, maxLength: 60 }),
      lead: fc.oneof(fc.constant(0), fc.nat(257)),
      overhang: fc.nat(300),
      gap: fc.oneof(fc.nat(20), fc.nat(600), fc.constantFrom(0, MAX_GAP)),
      error: fc.oneof({ weight: 30, arbitrary: fc.constant(0) }, fc.constantFrom(-1, 1)),
    })
    .map(({ tokens, lead, overhang, gap, error }): Placed => {
      const part = partOf(tokens, lead, overhang);
      return { part: { ...part, size: Math.max(lead, part.size + error) }, gap };
    }),
  { minLength: 1, maxLength: 8 },
);

/** What becomes of parts: the bytes of each, and the positions that were asked for. */
function outcomeOf(space: PlainSpace | ReferenceSpace, parts: readonly Placed[]) {
  const made: unknown[] = [];
  const asked: number[] = [];
  const code = errorCodeOf(() => {
    for (const { part, gap } of parts) {
      const start = space.add(part, gap, (position) => {
        asked.push(position);
        return (position * 7) & 0xff;
      });
      made.push(start, [...space.bytes(start, start + part.size)]);
    }
  });
  return code === undefined ? { made, asked } : { made, code };
}

describe('the space kernel', PATIENT, () => {
  it('makes the bytes of the reference, and asks for the same ones', () => {
    let right = 0;
    fc.assert(
      fc.property(placedParts, (parts) => {
        // So that most matches reach for something.
        const [first, ...others] = parts;
        const all = [{ ...first!, gap: MAX_GAP }, ...others];
        const outcome = outcomeOf(new ReferenceSpace(), all);
        expect(outcomeOf(new PlainSpace(), all)).toEqual(outcome);
        if (!('asked' in outcome)) return;
        right++;
        // Who does not want the bytes hears of the same ones.
        const asked: number[] = [];
        const space = new PlainSpace();
        for (const { part, gap } of all) space.pass(part, gap, (position) => asked.push(position));
        expect(asked).toEqual(outcome.asked);
      }),
      runs(300),
    );
    expect(right).toBeGreaterThan(30);
  });

  it('does not remember an earlier space', () => {
    const part = partOf([1, 2, matchToken(9, 2)], 3, 0);
    const asked = (): number => {
      let count = 0;
      new PlainSpace().add(part, 40, () => count++);
      return count;
    };
    expect(asked()).toBe(3);
    expect(asked()).toBe(3);
  });

  it('makes parts of more tokens than it takes at once', () => {
    const tokens = Array.from({ length: 2 * TOKEN_CAPACITY + 5 }, (_, i) =>
      i % 3 === 0 && i > 0 ? matchToken(3, 1 + (i % 2)) : i & 0xff,
    );
    const parts = [{ part: partOf(tokens, 0, 0), gap: 0 }];
    expect(outcomeOf(new PlainSpace(), parts)).toEqual(outcomeOf(new ReferenceSpace(), parts));
  });

  it.each([
    ['a length of 0', 0x100],
    ['a length of 2', matchToken(2, 1)],
    ['a length of 259', matchToken(259, 1)],
    ['a distance of 0', matchToken(3, 0)],
    ['a distance of 32,769', matchToken(3, 32_769)],
  ])('refuses a token with %s', (_, token) => {
    const part = { tokens: Uint32Array.of(1, 2, 3, token), size: 4, lead: 0 };
    expect(errorCodeOf(() => new PlainSpace().add(part, MAX_GAP, () => 0))).toBe('token');
  });

  describe('where nothing reaches out of the part', () => {
    /** More than 32 KiB, and then tokens of which a few are looked at together. */
    const head = [7, ...Array.from({ length: 140 }, () => matchToken(258, 1))];
    const tail = Array.from({ length: 13 }, (_, i) =>
      i % 2 === 0 ? i : matchToken(3 + i, 20 + i),
    );

    it.each([0x100, matchToken(2, 1), matchToken(259, 1), matchToken(3, 0), matchToken(3, 32_769)])(
      'refuses token %d at any place',
      (token) => {
        for (const at of tail.keys()) {
          const tokens = [...head, ...tail.with(at, token)];
          const part = { tokens: Uint32Array.from(tokens), size: 100_000, lead: 0 };
          expect(
            errorCodeOf(() => new PlainSpace().add(part, MAX_GAP, () => 0)),
            `${at}`,
          ).toBe('token');
        }
      },
    );

    it('sees how far the tokens go as the reference does', () => {
      for (let count = 1; count <= tail.length; count++) {
        for (const error of [-20, -4, -3, -1, 0, 1]) {
          const part = partOf([...head, ...tail.slice(0, count)], 0, 0);
          const parts = [{ part: { ...part, size: part.size + error }, gap: 0 }];
          const outcome = outcomeOf(new ReferenceSpace(), parts);
          expect(outcomeOf(new PlainSpace(), parts), `${count} ${error}`).toEqual(outcome);
        }
      }
    });
  });

  it.each([
    ['a gap that is too wide', { size: 1, lead: 0 }, MAX_GAP + 1],
    ['a lead beyond the part', { size: 1, lead: 2 }, 0],
    ['a lead that no token has', { size: 300, lead: 258 }, 0],
    ['a part that is too large', { size: SPACE_CAPACITY, lead: 0 }, 0],
  ])('refuses %s', (_, { size, lead }, gap) => {
    const part = { tokens: Uint32Array.of(1), size, lead };
    expect(errorCodeOf(() => new PlainSpace().add(part, gap, () => 0))).toBe('size');
  });
});
