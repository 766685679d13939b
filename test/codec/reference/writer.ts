/** The writer kernel written for clarity: one bit after the other, one token after the other. */
import * as layout from '../../../src/codec/kernels/layout.ts';
import type { WriterKernel } from '../../../src/codec/kernels/types.ts';
import { readHeader, StatusError } from './header.ts';
import {
  codesOf,
  DISTANCES,
  FIXED_DISTANCES,
  FIXED_LITERALS,
  LENGTHS,
  type Range,
} from './huffman.ts';

/** Codes by symbol, as strings of 0 and 1 in the order of the stream. */
type Codes = ReadonlyMap<number, string>;

function bySymbol(lengths: readonly number[]): Codes {
  return new Map([...codesOf(lengths)].map(([code, symbol]) => [symbol, code]));
}

const FIXED_CODES = {
  literals: bySymbol(FIXED_LITERALS),
  distances: bySymbol(FIXED_DISTANCES),
};

/** A number as bits, lowest first. */
function bitsOf(value: number, count: number): string {
  return [...value.toString(2).padStart(count, '0')]
    .slice(-count || undefined)
    .reverse()
    .join('');
}

/** Code and extra bits of a value; undefined where the code has no such symbol. */
function inRange(value: number, ranges: readonly Range[], codes: Codes, first: number) {
  const index = ranges.findLastIndex(({ base }) => base <= value);
  const range = ranges[index];
  const code = codes.get(first + index);
  if (range === undefined || code === undefined) return undefined;
  return code + (range.extra === 0 ? '' : bitsOf(value - range.base, range.extra));
}

export class ReferenceWriter implements WriterKernel {
  readonly tokens = new Uint32Array(layout.TOKEN_CAPACITY);
  readonly header = new Uint8Array(layout.HEADER_CAPACITY);
  readonly output = new Uint8Array(layout.WRITER_CAPACITY);
  byteCount = 0;
  bitCount = 0;
  bits = 0;
  taken = 0;
  #codes: { readonly literals: Codes; readonly distances: Codes } | undefined;

  reset(bits: number, count: number): void {
    this.byteCount = 0;
    this.bits = bits;
    this.bitCount = count;
  }

  begin(type: number, detail: number, length: number): number {
    const kind = type & 3;
    const first = bitsOf(type >> 2, 1) + bitsOf(kind, 2);
    if (kind === layout.STORED) {
      const paddingBits = -(this.bitCount + 3) & 7;
      if (detail >= 2 ** paddingBits) return layout.BAD_PADDING;
      if (length > 65535) return layout.BAD_STORED_LENGTH;
      const padding = paddingBits === 0 ? '' : bitsOf(detail, paddingBits);
      this.#put(first + padding + bitsOf(length, 16) + bitsOf(65535 - length, 16));
      this.#codes = undefined;
      return layout.NEED_INPUT;
    }
    if (kind === layout.FIXED) {
      this.#codes = FIXED_CODES;
      this.#put(first);
      return layout.NEED_INPUT;
    }
    if (kind !== layout.DYNAMIC) return layout.BAD_BLOCK_TYPE;
    let bits = '';
    for (let i = 0; i < detail; i++) bits += (this.header[i >> 3]! >> (i & 7)) & 1;
    let at = 0;
    try {
      const { literals, distances } = readHeader((count) => {
        if (at + count > bits.length) throw new StatusError(layout.BAD_HEADER_SIZE);
        let value = 0;
        for (let i = 0; i < count; i++) value += Number(bits[at++]) * 2 ** i;
        return value;
      });
      if (at !== bits.length) return layout.BAD_HEADER_SIZE;
      this.#codes = { literals: bySymbol(literals), distances: bySymbol(distances) };
    } catch (error) {
      if (error instanceof StatusError) return error.status;
      throw error;
    }
    this.#put(first + bits);
    return layout.NEED_INPUT;
  }

  write(from: number, to: number): number {
    for (this.taken = from; this.taken < to; this.taken++) {
      if (this.byteCount > layout.WRITER_CAPACITY - layout.WRITER_MARGIN) return layout.FULL;
      const bits = this.#encode(this.tokens[this.taken]!);
      if (bits === undefined) return layout.BAD_TOKEN;
      this.#put(bits);
    }
    return layout.NEED_INPUT;
  }

  #encode(token: number): string | undefined {
    if (this.#codes === undefined) return token < 256 ? bitsOf(token, 8) : undefined;
    const { literals, distances } = this.#codes;
    if (token < 256) return literals.get(token);
    const isIrregular = token >= 2 ** 31;
    const length = Math.floor((token % 2 ** 31) / 65536);
    const distance = token % 65536;
    if (length < 3 || length > 258 || distance < 1 || distance > 32768) return undefined;
    if (isIrregular && length !== 258) return undefined;
    const irregular = literals.get(284);
    const left = isIrregular
      ? irregular && irregular + bitsOf(31, 5)
      : inRange(length, LENGTHS, literals, 257);
    const right = inRange(distance, DISTANCES, distances, 0);
    return left === undefined || right === undefined ? undefined : left + right;
  }

  finish(): void {
    this.#put(this.#codes?.literals.get(256) ?? '');
  }

  #put(bits: string): void {
    for (const bit of bits) {
      this.bits += Number(bit) * 2 ** this.bitCount++;
      if (this.bitCount < 8) continue;
      this.output[this.byteCount++] = this.bits;
      this.bits = this.bitCount = 0;
    }
  }

  take(): void {
    this.byteCount = 0;
  }
}
