/** Tokens as streams and back, token by token, straight from docs/formats.md. */
import { distanceOf, isMatch, lengthOf, matchToken } from '../../../src/codec/deflate/token.ts';
import { ByteReader, ByteWriter } from '../../../src/codec/tokens/bytes.ts';
import { TokenError } from '../../../src/codec/tokens/errors.ts';

/** The streams of runs, literals, lengths and both halves of distances. */
export type MainStreams = readonly [
  runs: Uint8Array,
  literals: Uint8Array,
  lengths: Uint8Array,
  low: Uint8Array,
  high: Uint8Array,
];

/** Writes tokens. */
export function referenceStreams(tokens: Uint32Array): MainStreams {
  const [runs, literals, lengths, low, high] = Array.from({ length: 5 }, () => new ByteWriter());
  let run = 0;
  for (const token of tokens) {
    if (!isMatch(token)) {
      literals!.byte(token);
      run++;
      continue;
    }
    runs!.number(run);
    run = 0;
    lengths!.byte(lengthOf(token) - 3);
    low!.byte((distanceOf(token) - 1) & 0xff);
    high!.byte((distanceOf(token) - 1) >> 8);
  }
  return [runs!.bytes, literals!.bytes, lengths!.bytes, low!.bytes, high!.bytes];
}

/** Reads tokens. @throws TokenError as `readTokenStreams`, perhaps with another code */
export function referenceTokens([runs, literals, lengths, low, high]: MainStreams): number[] {
  if (low.length !== lengths.length || high.length !== lengths.length) {
    throw new TokenError('truncated');
  }
  const tokens: number[] = [];
  const run = new ByteReader(runs);
  const literal = new ByteReader(literals);
  for (const [match, length] of lengths.entries()) {
    const count = run.number();
    if (count > literal.left) throw new TokenError('truncated');
    tokens.push(...literal.take(count));
    const distance = low[match]! + high[match]! * 256 + 1;
    if (distance > 32_768) throw new TokenError('token');
    tokens.push(matchToken(length + 3, distance));
  }
  run.end();
  tokens.push(...literal.take(literal.left));
  return tokens;
}
