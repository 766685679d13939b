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
  /** Tokens of the last run. */
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
