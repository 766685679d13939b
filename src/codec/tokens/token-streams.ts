/** Tokens as streams of bytes: literals, lengths and distances apart. */
import { distanceOf, IRREGULAR, isMatch, lengthOf, matchToken } from '../deflate/token.ts';
import { ByteReader, ByteWriter } from './bytes.ts';
import { TokenError } from './errors.ts';

/** Value of the last digit that a run can have: no group holds more literals. */
const MAX_SCALE = 0x80 ** 3;

/** How many streams tokens make. */
export const TOKEN_STREAM_COUNT = 6;

/** Writes tokens to streams. */
export class TokenStreamWriter {
  readonly #runs = new ByteWriter();
  readonly #literals = new ByteWriter();
  readonly #lengths = new ByteWriter();
  readonly #low = new ByteWriter();
  readonly #high = new ByteWriter();
  readonly #irregular = new ByteWriter();
  /** Literals since the last match. */
  #run = 0;
  /** Matches since the last irregular one. */
  #regular = 0;

  /** Bytes in all streams so far. */
  get size(): number {
    const rest = this.#runs.length + this.#irregular.length;
    return this.#literals.length + 3 * this.#lengths.length + rest;
  }

  /** The streams in stored order; valid until the next call. */
  get streams(): readonly Uint8Array[] {
    return [
      this.#runs.bytes,
      this.#literals.bytes,
      this.#lengths.bytes,
      this.#low.bytes,
      this.#high.bytes,
      this.#irregular.bytes,
    ];
  }

  add(tokens: Uint32Array): void {
    for (let at = 0; at < tokens.length; at++) {
      const token = tokens[at]!;
      if (isMatch(token)) this.#addMatch(token);
      else {
        this.#literals.byte(token);
        this.#run++;
      }
    }
  }

  #addMatch(token: number): void {
    this.#runs.number(this.#run);
    this.#run = 0;
    this.#lengths.byte(lengthOf(token) - 3);
    const distance = distanceOf(token) - 1;
    this.#low.byte(distance & 0xff);
    this.#high.byte(distance >> 8);
    if (token >= IRREGULAR) {
      this.#irregular.number(this.#regular);
      this.#regular = 0;
    } else {
      this.#regular++;
    }
  }
}

/** Sets bit 31 of the matches that have it. */
function markIrregular(tokens: Uint32Array, irregular: ByteReader): void {
  let at = 0;
  while (irregular.left > 0) {
    for (let regular = irregular.number(); ; at++) {
      if (at >= tokens.length) throw new TokenError('truncated');
      if (!isMatch(tokens[at]!)) continue;
      if (regular === 0) break;
      regular--;
    }
    if (lengthOf(tokens[at]!) !== 258) throw new TokenError('token');
    tokens[at] = tokens[at]! + IRREGULAR;
    at++;
  }
}

/**
 * Reads the tokens of all streams.
 * @throws TokenError `truncated`, `trailing`, `token` when they do not fit together
 */
export function readTokenStreams(streams: readonly Uint8Array[]): Uint32Array {
  const [runs, literals, lengths, low, high, irregular] = streams as readonly [
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
  const matches = lengths.length;
  if (low.length !== matches || high.length !== matches) throw new TokenError('truncated');
  const tokens = new Uint32Array(literals.length + matches);
  let count = 0;
  let literal = 0;
  let at = 0;
  for (let match = 0; match < matches; match++) {
    // Nearly all runs are shorter than 128, so the first byte is all.
    let run = runs[at++]!;
    if (run >= 0x80) {
      run &= 0x7f;
      for (let scale = 0x80; runs[at - 1]! >= 0x80 && scale <= MAX_SCALE; scale *= 0x80) {
        run += (runs[at++]! & 0x7f) * scale;
      }
    }
    const end = literal + run;
    // Not a number when the runs have ended.
    if (!(end <= literals.length)) throw new TokenError('truncated');
    while (literal < end) tokens[count++] = literals[literal++]!;
    const distance = (low[match]! | (high[match]! << 8)) + 1;
    if (distance > 32_768) throw new TokenError('token');
    tokens[count++] = matchToken(lengths[match]! + 3, distance);
  }
  if (at !== runs.length) throw new TokenError('trailing');
  while (literal < literals.length) tokens[count++] = literals[literal++]!;
  if (irregular.length > 0) markIrregular(tokens, new ByteReader(irregular));
  return tokens;
}
