/** The reader kernel written for clarity: one bit after the other, one token after the other. */
import * as layout from '../../../src/codec/kernels/layout.ts';
import type { ReaderKernel } from '../../../src/codec/kernels/types.ts';
import { decode, readHeader, StatusError } from './header.ts';
import { codesOf, DISTANCES, FIXED_DISTANCES, FIXED_LITERALS, LENGTHS } from './huffman.ts';

/** Thrown by `take` at the end of the input; what was being read is read again in the next run. */
class NeedInput extends Error {}

/** What a block's tokens are coded with. */
interface Codes {
  readonly literals: ReadonlyMap<string, number>;
  readonly distances: ReadonlyMap<string, number>;
}

const FIXED: Codes = { literals: codesOf(FIXED_LITERALS), distances: codesOf(FIXED_DISTANCES) };

type Block = { readonly stored: number } | Codes;

export class ReferenceReader implements ReaderKernel {
  readonly input = new Uint8Array(layout.INPUT_CAPACITY);
  readonly output = new Uint8Array(layout.OUTPUT_CAPACITY + 257);
  readonly tokens = new Uint32Array(layout.TOKEN_CAPACITY);
  readonly records = new Uint32Array(layout.BLOCK_CAPACITY * layout.RECORD_SIZE);
  readonly headers = new Uint8Array(layout.BLOCK_CAPACITY * layout.HEADER_CAPACITY);
  bit = 0;
  byteCount = 0;
  tokenCount = 0;
  recordCount = 0;
  #length = 0;
  #headerBytes = 0;
  /** Plain bytes before this run, as far back as a match may reach. */
  #history: number[] = [];
  #block: Block | undefined;
  #isFinal = false;

  reset(): void {
    this.#history = [];
    this.#block = undefined;
    this.#isFinal = false;
    this.byteCount = 0;
  }

  run(bit: number, length: number): number {
    const made = this.output.subarray(0, this.byteCount);
    this.#history = [...this.#history, ...made].slice(-layout.WINDOW);
    this.#length = length;
    this.bit = bit;
    this.byteCount = this.tokenCount = this.recordCount = this.#headerBytes = 0;
    for (;;) {
      if (this.#block === undefined && this.#isFinal) return layout.END;
      if (this.#isFull()) return layout.FULL;
      const before = this.bit;
      try {
        if (this.#block === undefined) this.#begin();
        else if ('stored' in this.#block) this.#copy(this.#block);
        else this.#token(this.#block);
      } catch (error) {
        this.bit = before;
        if (error instanceof NeedInput) return layout.NEED_INPUT;
        if (error instanceof StatusError) return error.status;
        throw error;
      }
    }
  }

  #isFull(): boolean {
    return (
      this.byteCount >= layout.OUTPUT_CAPACITY ||
      this.tokenCount >= layout.TOKEN_CAPACITY ||
      this.recordCount >= layout.BLOCK_CAPACITY
    );
  }

  readonly #take = (count: number): number => {
    if (this.bit + count > this.#length * 8) throw new NeedInput();
    let value = 0;
    for (let i = 0; i < count; i++, this.bit++) {
      value += ((this.input[this.bit >> 3]! >> (this.bit & 7)) & 1) * 2 ** i;
    }
    return value;
  };

  #begin(): void {
    const start = this.bit;
    const isFinal = this.#take(1) === 1;
    const type = this.#take(2);
    if (type === 3) throw new StatusError(layout.BAD_BLOCK_TYPE);
    const headerStart = this.bit;
    let detail = 0;
    let block: Block = FIXED;
    if (type === layout.STORED) {
      detail = this.#take(-this.bit & 7);
      const length = this.#take(16);
      if (this.#take(16) !== 0xffff - length) throw new StatusError(layout.BAD_STORED_LENGTH);
      block = { stored: length };
    } else if (type === layout.DYNAMIC) {
      const { literals, distances } = readHeader(this.#take);
      block = { literals: codesOf(literals), distances: codesOf(distances) };
      detail = this.bit - headerStart;
      this.bit = headerStart;
      for (let left = detail; left > 0; left -= 8) {
        this.headers[this.#headerBytes++] = this.#take(Math.min(8, left));
      }
    }
    const record = [type + (isFinal ? 4 : 0), detail, start, this.tokenCount, this.byteCount];
    this.records.set(record, this.recordCount++ * layout.RECORD_SIZE);
    this.#isFinal = isFinal;
    const isEmpty = 'stored' in block && block.stored === 0;
    this.#block = isEmpty ? undefined : block;
  }

  #copy({ stored }: { readonly stored: number }): void {
    const byte = this.#take(8);
    this.tokens[this.tokenCount++] = byte;
    this.output[this.byteCount++] = byte;
    this.#block = stored > 1 ? { stored: stored - 1 } : undefined;
  }

  #token({ literals, distances }: Codes): void {
    const symbol = decode(literals, this.#take);
    if (symbol === 256) {
      this.#block = undefined;
      return;
    }
    if (symbol < 256) {
      this.tokens[this.tokenCount++] = symbol;
      this.output[this.byteCount++] = symbol;
      return;
    }
    const lengths = LENGTHS[symbol - 257];
    if (lengths === undefined) throw new StatusError(layout.UNUSED_CODE);
    const length = lengths.base + this.#take(lengths.extra);
    const reach = DISTANCES[decode(distances, this.#take)];
    if (reach === undefined) throw new StatusError(layout.UNUSED_CODE);
    const distance = reach.base + this.#take(reach.extra);
    if (distance > this.#history.length + this.byteCount) {
      throw new StatusError(layout.DISTANCE_TOO_FAR);
    }
    const isIrregular = length === 258 && lengths.extra > 0;
    this.tokens[this.tokenCount++] = (isIrregular ? 2 ** 31 : 0) + length * 65536 + distance;
    for (let i = 0; i < length; i++) {
      const from = this.byteCount - distance;
      this.output[this.byteCount++] =
        from >= 0 ? this.output[from]! : this.#history[this.#history.length + from]!;
    }
  }
}
