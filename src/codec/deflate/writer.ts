/** Writes a DEFLATE stream from tokens and blocks: the same bits that they were read from. */
import { createWriterKernel } from '../kernels/instances.ts';
import * as layout from '../kernels/layout.ts';
import type { WriterKernel } from '../kernels/types.ts';
import type { BlockHead } from './block.ts';
import { DeflateError, errorOf } from './errors.ts';

/** Bits before the first whole byte: what a block that begins inside of a byte follows. */
export interface PartialByte {
  /** 0..7, the position of the next bit in its byte. */
  readonly count: number;
  /** Their value; 0 when somebody else writes them. */
  readonly bits: number;
}

const NOTHING: PartialByte = { count: 0, bits: 0 };

/** A block's header may follow, and its end, without another look at the room. */
const ROOM = layout.WRITER_CAPACITY - layout.WRITER_MARGIN;

/**
 * Writes blocks one after the other. Any block may be the first: the codes of a block are in its
 * header, and nothing depends on what came before but the bit of the byte at which it begins. So
 * several writers can each write a range of one stream; where two ranges meet in one byte, the
 * last byte of the one and the first of the other are combined by OR.
 */
export class DeflateWriter {
  readonly #kernel: WriterKernel;
  #blocks: readonly BlockHead[] = [];
  /** The next one of `#blocks`. */
  #next = 0;
  /** Tokens that the open block still needs; undefined between blocks. */
  #left: number | undefined;
  #isFinal = false;
  /** Bytes that have been given out. */
  #bytes = 0;

  /** @param kernel - to be used by this writer alone */
  constructor(kernel: WriterKernel = createWriterKernel()) {
    this.#kernel = kernel;
    this.reset();
  }

  /**
   * Begins a new stream, or somewhere inside of one.
   * @param start - where in its byte the first block begins
   */
  reset(start: PartialByte = NOTHING): void {
    this.#kernel.reset(start.bits, start.count);
    this.#blocks = [];
    this.#next = this.#bytes = 0;
    this.#left = undefined;
    this.#isFinal = false;
  }

  /** Bits that lie after the last whole byte. */
  get partial(): PartialByte {
    return { count: this.#kernel.bitCount, bits: this.#kernel.bits };
  }

  /** Says which blocks the next tokens belong to; those said before come first. */
  addBlocks(blocks: readonly BlockHead[]): void {
    const waiting = this.#blocks.slice(this.#next);
    this.#blocks = waiting.length === 0 ? blocks : [...waiting, ...blocks];
    this.#next = 0;
  }

  /**
   * Writes tokens, and every block that begins or ends before, between and after them. They may lie
   * at the begin of the kernel's buffer already. What is given is a view of a buffer that the next
   * piece is written to. A generator that is not run to its end leaves the writer unusable.
   * @throws DeflateError for a block or token that no stream can hold, and for tokens without a
   *   block; then only `reset` helps
   */
  *push(tokens: Uint32Array): Generator<Uint8Array, void> {
    const kernel = this.#kernel;
    const { buffer, byteOffset } = kernel.tokens;
    // Who gathers tokens where the kernel reads them spares the copy.
    const isThere = tokens.buffer === buffer && tokens.byteOffset === byteOffset;
    for (let taken = 0; taken < tokens.length; ) {
      yield* this.#open();
      if (this.#left === undefined) throw new DeflateError('token-count', this.#bit());
      const count = Math.min(tokens.length - taken, layout.TOKEN_CAPACITY);
      if (!isThere) kernel.tokens.set(tokens.subarray(taken, taken + count));
      // As many blocks as there are in what has been copied.
      for (let from = 0; from < count; ) {
        yield* this.#open();
        if (this.#left === undefined) throw new DeflateError('token-count', this.#bit());
        const part = Math.min(this.#left, count - from);
        yield* this.#write(from, from + part);
        from += part;
        this.#left -= part;
        if (this.#left === 0) yield* this.#close();
      }
      taken += count;
    }
  }

  /**
   * Writes what is left: blocks without tokens, and whole bytes. The bits after them are `partial`.
   * @throws DeflateError ('token-count') when a block lacks tokens
   */
  *flush(): Generator<Uint8Array, void> {
    yield* this.#open();
    if (this.#left !== undefined) throw new DeflateError('token-count', this.#bit());
    yield* this.drain();
  }

  /** Gives the whole bytes that are there, also inside of a block. The bits after them are `partial`. */
  *drain(): Generator<Uint8Array, void> {
    if (this.#kernel.byteCount > 0) yield this.#take();
  }

  /**
   * Ends the stream: `flush`, and the last byte with its padding.
   * @param padding - value of the bits after the final block
   * @throws DeflateError when the final block has not been written, or the padding does not fit
   */
  *finish(padding: number): Generator<Uint8Array, void> {
    yield* this.flush();
    if (!this.#isFinal) throw new DeflateError('truncated', this.#bit());
    const { count, bits } = this.partial;
    if (padding !== 0 && (count === 0 || padding >= 1 << (8 - count))) {
      throw new DeflateError('padding', this.#bit());
    }
    if (count > 0) yield Uint8Array.of(bits | (padding << count));
    this.#kernel.reset(0, 0);
  }

  /** Begins blocks up to one that has tokens, if there is one. */
  *#open(): Generator<Uint8Array, void> {
    while (this.#left === undefined && this.#next < this.#blocks.length) {
      if (this.#isFinal) throw new DeflateError('after-end', this.#bit());
      if (this.#kernel.byteCount > ROOM) yield this.#take();
      const block = this.#blocks[this.#next++]!;
      this.#begin(block);
      this.#isFinal = block.final;
      this.#left = block.tokens;
      if (block.tokens === 0) yield* this.#close();
    }
  }

  #begin({ type, final, tokens, padding, header, headerBits }: BlockHead): void {
    const kernel = this.#kernel;
    if (!Number.isSafeInteger(tokens) || tokens < 0) {
      throw new DeflateError('token-count', this.#bit());
    }
    if (type === layout.STORED && tokens > 0xffff) {
      throw new DeflateError('stored-length', this.#bit());
    }
    if (header.length > layout.HEADER_CAPACITY || Math.ceil(headerBits / 8) !== header.length) {
      throw new DeflateError('header-size', this.#bit());
    }
    if (type !== layout.DYNAMIC && headerBits !== 0) {
      throw new DeflateError('header-size', this.#bit());
    }
    kernel.header.set(header);
    const detail = type === layout.STORED ? padding : headerBits;
    const status = kernel.begin(type + (final ? 4 : 0), detail, tokens);
    if (status !== layout.NEED_INPUT) throw errorOf(status, this.#bit());
  }

  *#write(from: number, to: number): Generator<Uint8Array, void> {
    const kernel = this.#kernel;
    let status = kernel.write(from, to);
    while (status === layout.FULL) {
      yield this.#take();
      status = kernel.write(kernel.taken, to);
    }
    if (status !== layout.NEED_INPUT) throw errorOf(status, this.#bit());
  }

  *#close(): Generator<Uint8Array, void> {
    if (this.#kernel.byteCount > ROOM) yield this.#take();
    this.#kernel.finish();
    this.#left = undefined;
  }

  #take(): Uint8Array {
    const { byteCount } = this.#kernel;
    this.#bytes += byteCount;
    this.#kernel.take();
    return this.#kernel.output.subarray(0, byteCount);
  }

  /** Bits that have been written, for messages. */
  #bit(): number {
    return (this.#bytes + this.#kernel.byteCount) * 8 + this.#kernel.bitCount;
  }
}
