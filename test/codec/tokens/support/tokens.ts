/** Random token streams, and what they say. */
import fc from 'fast-check';
import { IRREGULAR, lengthOf, matchToken } from '../../../../src/codec/deflate/token.ts';
import { TokenError } from '../../../../src/codec/tokens/errors.ts';
import type { TokenPart } from '../../../../src/codec/tokens/part.ts';

/** The part with these tokens whose plain bytes end where the last token ends, less `overhang`. */
export function partOf(
  tokens: readonly number[],
  lead: number,
  overhang: number,
): TokenPart & { readonly size: number } {
  const covered = tokens.reduce((total, token) => total + lengthOf(token), 0);
  const last = tokens.length === 0 ? 1 : lengthOf(tokens.at(-1)!);
  return {
    tokens: Uint32Array.from(tokens),
    lead,
    size: tokens.length === 0 ? lead : lead + covered - Math.min(overhang, last - 1),
  };
}

/** Distances as they come: near, far, the ends of the range, and often the same again. */
const distance = fc.oneof(
  fc.integer({ min: 1, max: 32_768 }),
  fc.integer({ min: 1, max: 40 }),
  fc.constantFrom(1, 100, 256, 32_768),
);
const length = fc.oneof(
  fc.integer({ min: 3, max: 258 }),
  fc.integer({ min: 3, max: 6 }),
  fc.constantFrom(3, 258),
);

/** Any token. */
export const anyToken: fc.Arbitrary<number> = fc.oneof(
  { weight: 4, arbitrary: fc.nat(255) },
  { weight: 4, arbitrary: fc.tuple(length, distance).map(([l, d]) => matchToken(l, d)) },
  { weight: 1, arbitrary: distance.map((d) => IRREGULAR + matchToken(258, d)) },
);

/** Any tokens. */
export const anyTokens = fc.array(anyToken, { maxLength: 200 });

/** The code of the error that something throws; undefined when it throws none. */
export function errorCodeOf(action: () => void): string | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    if (error instanceof TokenError) return error.code;
    throw error;
  }
}
