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

/**
 * Puts bytes of a stream into a buffer of the kernel.
 * @param most - how many are of use
 * @returns how many these are
 */
function fill(buffer: Uint8Array, stream: Uint8Array, from: number, most: number): number {
  const piece = stream.subarray(from, from + Math.min(most, buffer.length));
  buffer.set(piece);
  return piece.length;
}

/** Gives memory of at least so many bytes, with anything in it. */
export type Allocate = (bytes: number) => ArrayBuffer;

/** Memory of its own for everything. */
const allocateNew: Allocate = (bytes) => new ArrayBuffer(bytes);

/** Tokens that are made at once: few enough to stay in the processor's cache until they are used. */
const PIECE = 16_384;
/** Bytes of a run at most. */
const RUN_BYTES = 4;

type Streams = readonly [
  runs: Uint8Array,
  literals: Uint8Array,
  lengths: Uint8Array,
  low: Uint8Array,
  high: Uint8Array,
  irregular: Uint8Array,
];

/** Reads tokens from streams, some at a time, in their order. Irregular ones look like all others. */
export class TokenStreamReader {
  readonly #streams: Streams;
  readonly #kernel = kernelOfThread();
  /** How much of the streams has been used. */
  #runs = 0;
  #literals = 0;
  #matches = 0;
  #run = 0;
  #isOpen = false;

  /** @throws TokenError `truncated` when streams of matches differ in length */
  constructor(streams: readonly Uint8Array[]) {
    this.#streams = streams as Streams;
    const [, , lengths, low, high] = this.#streams;
    if (low.length !== lengths.length || high.length !== lengths.length) {
      throw new TokenError('truncated');
    }
  }

  /** All of them. */
  get count(): number {
    const [, literals, lengths] = this.#streams;
    return literals.length + lengths.length;
  }

  /** Whether there may be irregular ones. */
  get hasIrregular(): boolean {
    return this.#streams[5].length > 0;
  }

  /**
   * Reads the next tokens.
   * @param count - no more than are left
   * @param sink - gets them piece by piece, as views that hold until it returns
   * @throws TokenError `truncated`, `token`, `number`
   */
  read(count: number, sink: (tokens: Uint32Array) => void): void {
    const { tokens } = this.#kernel;
    for (let left = count; left > 0; ) {
      const made = this.#make(Math.min(left, PIECE));
      sink(tokens.subarray(0, made));
      left -= made;
    }
  }

  /** All have been read. @throws TokenError `trailing` when the streams go on */
  end(): void {
    if (this.#runs !== this.#streams[0].length) throw new TokenError('trailing');
  }

  /** Makes some of the next tokens. @returns how many, one at least */
  #make(most: number): number {
    const kernel = this.#kernel;
    const [runs, literals, lengths, low, high] = this.#streams;
    if (this.#matches === lengths.length) {
      const size = fill(kernel.literals, literals, this.#literals, most);
      if (size === 0) throw new TokenError('truncated');
      kernel.literalTokens(size);
      this.#literals += size;
      return size;
    }
    const runBytes = fill(kernel.runs, runs, this.#runs, RUN_BYTES * (most + 1));
    const literalBytes = fill(kernel.literals, literals, this.#literals, most);
    const matchBytes = fill(kernel.lengths, lengths, this.#matches, most);
    fill(kernel.low, low, this.#matches, most);
    fill(kernel.high, high, this.#matches, most);
    kernel.resume(this.#run, this.#isOpen);
    const status = kernel.decode(runBytes, literalBytes, matchBytes, most);
    if (status !== NEED_INPUT) throw new TokenError(status === BAD_RUN ? 'number' : 'token');
    const made = kernel.tokenCount;
    if (made === 0) throw new TokenError('truncated');
    this.#runs += kernel.runCount;
    this.#literals += kernel.literalCount;
    this.#matches += kernel.matchCount;
    this.#run = kernel.run;
    this.#isOpen = kernel.isOpen;
    return made;
  }
}

/**
 * Reads the tokens of all streams.
 * @param allocate - where they are put. New memory costs as much as filling it
 * @throws TokenError `truncated`, `trailing`, `token`, `number` when they do not fit together
 */
export function readTokenStreams(
  streams: readonly Uint8Array[],
  allocate: Allocate = allocateNew,
): Uint32Array<ArrayBuffer> {
  const reader = new TokenStreamReader(streams);
  const { count } = reader;
  const tokens = new Uint32Array(allocate(4 * count), 0, count);
  let at = 0;
  reader.read(count, (piece) => {
    tokens.set(piece, at);
    at += piece.length;
  });
  reader.end();
  if (reader.hasIrregular) markIrregular(tokens, new ByteReader(streams[5]!));
  return tokens;
}
