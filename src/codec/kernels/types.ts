/**
 * The inner loops of the codec. A kernel works on buffers of its own, of fixed size, and does one
 * run at a time; who calls it moves bytes in and out. `layout.ts` has sizes and numbers.
 */

/** Reads DEFLATE (RFC 1951). Remembers the block it is in, its codes, and the last 32 KiB. */
export interface ReaderKernel {
  /** Compressed bytes, `INPUT_CAPACITY`. */
  readonly input: Uint8Array;
  /** Plain bytes of the last run. */
  readonly output: Uint8Array;
  /** Tokens of the last run; none, and none are counted, when the kernel was made without them. */
  readonly tokens: Uint32Array;
  /** Blocks that began in the last run, `RECORD_SIZE` numbers each. */
  readonly records: Uint32Array;
  /** Headers of those that are dynamic, one after the other, each from a new byte on. */
  readonly headers: Uint8Array;
  /** Goes back to the begin of a stream. */
  reset(): void;
  /**
   * Reads whole tokens and block headers as long as there are bits and room.
   * @param bit - bit of `input` where to go on: all that the last run has left has to be there
   * @param length - bytes in `input`
   * @returns NEED_INPUT, FULL, END, or an error; after an error only `reset` helps
   */
  run(bit: number, length: number): number;
  /** First bit of `input` that the last run has not used; after an error, where it begins. */
  readonly bit: number;
  /** What the last run made: bytes of `output`, numbers in `tokens`, records in `records`. */
  readonly byteCount: number;
  readonly tokenCount: number;
  readonly recordCount: number;
}

/** Writes DEFLATE (RFC 1951). Remembers the codes of the block it is in, and the last bits. */
export interface WriterKernel {
  /** Tokens to write, `TOKEN_CAPACITY`. */
  readonly tokens: Uint32Array;
  /** Header of the next dynamic block, `HEADER_CAPACITY`. */
  readonly header: Uint8Array;
  /** Compressed bytes, whole ones. */
  readonly output: Uint8Array;
  /** Begins at a bit other than the first of a byte: with `count` bits (0..7), of value `bits`. */
  reset(bits: number, count: number): void;
  /**
   * Writes the head of a block, which needs `WRITER_MARGIN` bytes of room.
   * @param type - BTYPE, plus 4 for the final block
   * @param detail - stored: value of the padding; dynamic: number of bits in `header`
   * @param length - stored: bytes
   * @returns NEED_INPUT, or an error, upon which nothing has been written
   */
  begin(type: number, detail: number, length: number): number;
  /**
   * Writes tokens as long as there is room.
   * @param from - index of the first one in `tokens`
   * @param to - index after the last one
   * @returns NEED_INPUT when all are written, FULL, or BAD_TOKEN, where `taken` tells which one
   */
  write(from: number, to: number): number;
  /** Writes the end-of-block code, for which there has to be `WRITER_MARGIN` of room. */
  finish(): void;
  /** Whole bytes in `output`. */
  readonly byteCount: number;
  /** Bits after them, 0..7, and their value. */
  readonly bitCount: number;
  readonly bits: number;
  /** Index in `tokens` of the first one that the last `write` has not written. */
  readonly taken: number;
  /** Empties `output`; the bits after the last whole byte stay. */
  take(): void;
}

/**
 * Turns streams of bytes (docs/formats.md, "Streams of tokens") into tokens and back, as many at once
 * as fit. The streams of irregular matches are not its business.
 */
export interface TokenKernel {
  /** Bytes of the streams, `STREAM_CAPACITY` each. */
  readonly runs: Uint8Array;
  readonly literals: Uint8Array;
  readonly lengths: Uint8Array;
  readonly low: Uint8Array;
  readonly high: Uint8Array;
  /** Twice `STREAM_CAPACITY`. */
  readonly tokens: Uint32Array;
  /**
   * Goes to where decoding is to go on.
   * @param run - literals that have to come before the next match; 0 at the begin of streams
   * @param isOpen - whether that number has been read from the runs; false at the begin
   */
  resume(run: number, isOpen: boolean): void;
  /**
   * Makes tokens as long as there are bytes of all streams. What the counts say was not used has to be
   * there again in the next call.
   * @param runs - bytes in `runs`
   * @param literals - bytes in `literals`
   * @param matches - bytes in `lengths`, `low` and `high`
   * @param limit - tokens to make at most
   * @returns NEED_INPUT, or BAD_RUN, BAD_TOKEN for what cannot be
   */
  decode(runs: number, literals: number, matches: number, limit: number): number;
  /** Makes a token of each of so many literals. V8 takes five times as long for it. */
  literalTokens(count: number): void;
  /**
   * Makes streams of tokens.
   * @param count - tokens, at most `STREAM_CAPACITY`
   * @param before - literals between the last match of the call before and the first token
   */
  encode(count: number, before: number): void;
  /** After `encode`: literals after the last match. After `decode`: what `resume` is to be told. */
  readonly run: number;
  readonly isOpen: boolean;
  /** What the last call used or made: bytes of the streams, and tokens. */
  readonly runCount: number;
  readonly literalCount: number;
  readonly matchCount: number;
  readonly tokenCount: number;
  /** After `encode`: whether an irregular match was among the tokens. */
  readonly isIrregular: boolean;
}

/**
 * Makes the plain bytes of parts that lie in a space one behind the other, some bytes of which have
 * to be given. For each part `begin`; then for some tokens at a time `look`, which says what they
 * need, and `make`, which may be left out for all of them; then `finish`. After an error only `reset`
 * helps.
 */
export interface SpaceKernel {
  /** Tokens of the part, `TOKEN_CAPACITY` at a time. */
  readonly tokens: Uint32Array;
  /** Positions that are needed, in the order in which they are reached for, and their bytes. */
  readonly needs: Uint32Array;
  readonly context: Uint8Array;
  /** The space, `SPACE_CAPACITY`. */
  readonly bytes: Uint8Array;
  /** Goes back to an empty space. */
  reset(): void;
  /**
   * Begins a part, which has to fit with `MAX_OVERHANG` bytes behind it.
   * @param start - its position, not before the end of the part before
   * @param lead - bytes at its begin that tokens before it make, at most `MAX_OVERHANG`
   * @param size - its bytes, the lead included
   */
  begin(start: number, lead: number, size: number): void;
  /**
   * Looks at the next tokens.
   * @returns NEED_INPUT, BAD_TOKEN for one that cannot be or reaches before the space, BAD_POSITION for
   *   one that starts behind the part
   */
  look(count: number): number;
  /** How many of `needs` there are; their bytes are to be put into `context` before `make`. */
  readonly needCount: number;
  /** Carries out the same tokens. */
  make(count: number): void;
  /** @returns NEED_INPUT, or BAD_POSITION when the tokens did not fill the part */
  finish(): number;
}
