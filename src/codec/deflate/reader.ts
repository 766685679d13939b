/** Reads a DEFLATE stream in pieces: plain bytes, tokens and blocks in one pass. */
import { createReaderKernel } from '../kernels/instances.ts';
import * as layout from '../kernels/layout.ts';
import type { ReaderKernel } from '../kernels/types.ts';
import type { Block, BlockType } from './block.ts';
import { DeflateError, errorOf } from './errors.ts';

/**
 * What was read in one go. The arrays are views of buffers that the next piece is written to: what
 * is to be kept has to be copied before the generator goes on.
 */
export interface DeflatePiece {
  /** At most 128 KiB and the rest of a match. */
  readonly plain: Uint8Array;
  /** The tokens that stand for `plain`; at most 32,768. None when the kernel keeps none. */
  readonly tokens: Uint32Array;
  /** Blocks that ended here, at most 256; the tokens of the first may have come in earlier pieces. */
  readonly blocks: readonly Block[];
}

/** A block whose end has not been seen. */
export type OpenBlock = Omit<Block, 'tokens' | 'bytes'>;

const EMPTY = new Uint8Array(0);

/** One stream at a time; memory is fixed, whatever comes. */
export class DeflateReader {
  readonly #kernel: ReaderKernel;
  /** Bytes of the stream before those in the kernel's buffer, and how many these are. */
  #base = 0;
  #held = 0;
  /** Bit of the kernel's buffer where to go on. */
  #bit = 0;
  #tokens = 0;
  #bytes = 0;
  #open: OpenBlock | undefined;
  #done = false;
  #unread = 0;
  #padding = 0;

  /** @param kernel - to be used by this reader alone */
  constructor(kernel: ReaderKernel = createReaderKernel()) {
    this.#kernel = kernel;
    kernel.reset();
  }

  /** The block in which the tokens so far end, if it is not over. */
  get open(): OpenBlock | undefined {
    return this.#open;
  }

  /** Whether the final block has been read. */
  get done(): boolean {
    return this.#done;
  }

  /** Bytes at the end of the last chunk that lie after the stream; only when `done`. */
  get unread(): number {
    return this.#unread;
  }

  /** Value of the bits between the final block and the next byte; only when `done`. */
  get padding(): number {
    return this.#padding;
  }

  /** Plain bytes so far. */
  get plainBytes(): number {
    return this.#bytes;
  }

  /** Bytes of the stream that have been used for the plain bytes so far, a part of one as a fraction. */
  get position(): number {
    return this.#base + this.#bit / 8;
  }

  /** Begins a new stream, with no history. */
  reset(): void {
    this.#kernel.reset();
    this.#base = this.#held = this.#bit = this.#tokens = this.#bytes = 0;
    this.#open = undefined;
    this.#done = false;
    this.#unread = this.#padding = 0;
  }

  /**
   * Takes the next bytes of the stream and gives what can be read. A generator that is not run to
   * its end leaves the reader unusable.
   * @throws DeflateError what is wrong, and at which bit; then only `reset` helps
   */
  *push(chunk: Uint8Array): Generator<DeflatePiece, void> {
    this.#unread = 0;
    if (this.#done && chunk.length > 0) throw new DeflateError('after-end', this.#base * 8);
    const { input } = this.#kernel;
    for (let taken = 0; taken < chunk.length; ) {
      // What follows a short stream is copied for nothing, so the first part is a small one.
      const room = this.#base + this.#held === 0 ? 4096 : layout.INPUT_CAPACITY - this.#held;
      const part = chunk.subarray(taken, taken + room);
      input.set(part, this.#held);
      taken += part.length;
      yield* this.#run(this.#held + part.length);
      if (this.#done) {
        this.#unread = this.#held + chunk.length - taken;
        return;
      }
    }
  }

  /** @throws DeflateError ('truncated') when the final block has not been read to its end */
  finish(): void {
    if (!this.#done) throw new DeflateError('truncated', (this.#base + this.#held) * 8);
  }

  /** Reads what is in the kernel's buffer; moves what is left to its begin. */
  *#run(length: number): Generator<DeflatePiece, void> {
    const kernel = this.#kernel;
    let status: number;
    do {
      status = kernel.run(this.#bit, length);
      this.#bit = kernel.bit;
      if (status > layout.END) throw errorOf(status, this.#base * 8 + this.#bit);
      const blocks = this.#blocks(status === layout.END);
      const { byteCount, tokenCount } = kernel;
      this.#tokens += tokenCount;
      this.#bytes += byteCount;
      if (byteCount > 0 || blocks.length > 0) {
        yield {
          plain: kernel.output.subarray(0, byteCount),
          tokens: kernel.tokens.subarray(0, tokenCount),
          blocks,
        };
      }
    } while (status === layout.FULL);
    if (status === layout.END) {
      this.#done = true;
      this.#padding = this.#bit % 8 === 0 ? 0 : kernel.input[this.#bit >> 3]! >> (this.#bit % 8);
    }
    const used = this.#done ? Math.ceil(this.#bit / 8) : this.#bit >> 3;
    kernel.input.copyWithin(0, used, length);
    this.#base += used;
    this.#held = length - used;
    this.#bit = this.#done ? 0 : this.#bit % 8;
  }

  /** The blocks that ended in the last run. */
  #blocks(isEnd: boolean): Block[] {
    const { records, headers, recordCount, tokenCount, byteCount } = this.#kernel;
    const ended: Block[] = [];
    let headerStart = 0;
    for (let i = 0; i < recordCount; i++) {
      const at = i * layout.RECORD_SIZE;
      const startToken = this.#tokens + records[at + layout.RECORD_TOKEN]!;
      const startByte = this.#bytes + records[at + layout.RECORD_BYTE]!;
      if (this.#open !== undefined) ended.push(close(this.#open, startToken, startByte));
      const flags = records[at + layout.RECORD_TYPE]!;
      const detail = records[at + layout.RECORD_DETAIL]!;
      const type = (flags & 3) as BlockType;
      const headerBits = type === layout.DYNAMIC ? detail : 0;
      const headerEnd = headerStart + Math.ceil(headerBits / 8);
      this.#open = {
        type,
        final: flags > 3,
        padding: type === layout.STORED ? detail : 0,
        header: headerBits === 0 ? EMPTY : headers.slice(headerStart, headerEnd),
        headerBits,
        startBit: this.#base * 8 + records[at + layout.RECORD_BIT]!,
        startToken,
        startByte,
      };
      headerStart = headerEnd;
    }
    if (isEnd && this.#open !== undefined) {
      ended.push(close(this.#open, this.#tokens + tokenCount, this.#bytes + byteCount));
      this.#open = undefined;
    }
    return ended;
  }
}

function close(open: OpenBlock, endToken: number, endByte: number): Block {
  return { ...open, tokens: endToken - open.startToken, bytes: endByte - open.startByte };
}
