/** Tokens as streams of bytes: literals, lengths and distances apart. */
import { IRREGULAR, isMatch, lengthOf } from '../deflate/token.ts';
import { createTokenKernel } from '../kernels/instances.ts';
import { BAD_RUN, NEED_INPUT, STREAM_CAPACITY } from '../kernels/layout.ts';
import type { TokenKernel } from '../kernels/types.ts';
import { ByteReader, ByteWriter } from './bytes.ts';
import { TokenError } from './errors.ts';

/** How many streams tokens make. */
export const TOKEN_STREAM_COUNT = 6;

let shared: TokenKernel | undefined;

/** One for all on this thread: no stream is left unfinished in it. */
function kernelOfThread(): TokenKernel {
  shared ??= createTokenKernel();
  return shared;
}

/** Writes tokens to streams. */
export class TokenStreamWriter {
  readonly #kernel = kernelOfThread();
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

  /** Begins anew. */
  clear(): void {
    this.#runs.clear();
    this.#literals.clear();
    this.#lengths.clear();
    this.#low.clear();
    this.#high.clear();
    this.#irregular.clear();
    this.#run = this.#regular = 0;
  }

  add(tokens: Uint32Array): void {
    for (let at = 0; at < tokens.length; at += STREAM_CAPACITY) {
      this.#encode(tokens.subarray(at, at + STREAM_CAPACITY));
    }
  }

  /** Adds a literal for each byte. */
  addLiterals(bytes: Uint8Array): void {
    this.#literals.append(bytes);
    this.#run += bytes.length;
  }

  #encode(tokens: Uint32Array): void {
    const kernel = this.#kernel;
    kernel.tokens.set(tokens);
    kernel.encode(tokens.length, this.#run);
    const { runCount, literalCount, matchCount } = kernel;
    this.#run = kernel.run;
    this.#runs.append(kernel.runs.subarray(0, runCount));
    this.#literals.append(kernel.literals.subarray(0, literalCount));
    this.#lengths.append(kernel.lengths.subarray(0, matchCount));
    this.#low.append(kernel.low.subarray(0, matchCount));
    this.#high.append(kernel.high.subarray(0, matchCount));
    if (kernel.isIrregular) this.#noteIrregular(tokens);
    else this.#regular += matchCount;
  }

  #noteIrregular(tokens: Uint32Array): void {
    for (let at = 0; at < tokens.length; at++) {
      const token = tokens[at]!;
      if (!isMatch(token)) continue;
      if (token < IRREGULAR) {
        this.#regular++;
        continue;
      }
      this.#irregular.number(this.#regular);
      this.#regular = 0;
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

/** Puts as much of a stream into a buffer of the kernel as fits. @returns how many bytes */
function fill(buffer: Uint8Array, stream: Uint8Array, from: number): number {
  const piece = stream.subarray(from, from + buffer.length);
  buffer.set(piece);
  return piece.length;
}

/** Gives memory of at least so many bytes, with anything in it. */
export type Allocate = (bytes: number) => ArrayBuffer;

/** Memory of its own for everything. */
const allocateNew: Allocate = (bytes) => new ArrayBuffer(bytes);

/**
 * Reads the tokens of all streams.
 * @param allocate - where they are put. New memory costs as much as filling it
 * @throws TokenError `truncated`, `trailing`, `token`, `number` when they do not fit together
 */
export function readTokenStreams(
  streams: readonly Uint8Array[],
  allocate: Allocate = allocateNew,
): Uint32Array<ArrayBuffer> {
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
  const all = literals.length + matches;
  const tokens = new Uint32Array(allocate(4 * all), 0, all);
  const kernel = kernelOfThread();
  kernel.reset();
  let count = 0;
  let run = 0;
  let literal = 0;
  for (let match = 0; match < matches; ) {
    const runBytes = fill(kernel.runs, runs, run);
    const literalBytes = fill(kernel.literals, literals, literal);
    const matchBytes = fill(kernel.lengths, lengths, match);
    fill(kernel.low, low, match);
    fill(kernel.high, high, match);
    const status = kernel.decode(runBytes, literalBytes, matchBytes);
    if (status !== NEED_INPUT) throw new TokenError(status === BAD_RUN ? 'number' : 'token');
    const { runCount, literalCount, matchCount, tokenCount } = kernel;
    if (runCount + literalCount + matchCount === 0) throw new TokenError('truncated');
    tokens.set(kernel.tokens.subarray(0, tokenCount), count);
    count += tokenCount;
    run += runCount;
    literal += literalCount;
    match += matchCount;
  }
  if (run !== runs.length) throw new TokenError('trailing');
  while (literal < literals.length) {
    const size = fill(kernel.literals, literals, literal);
    kernel.literalTokens(size);
    tokens.set(kernel.tokens.subarray(0, size), count);
    literal += size;
    count += size;
  }
  if (irregular.length > 0) markIrregular(tokens, new ByteReader(irregular));
  return tokens;
}
