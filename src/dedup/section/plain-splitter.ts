/** Takes a layer that is not compressed apart into files and gaps: `TokenSplitter` for bytes. */
import type { TarEntry } from '../../codec/tar/entry.ts';
import type { TarRegion } from '../../codec/tar/walker.ts';
import { PART_SIZE } from '../../codec/tokens/part.ts';

/** Hears the pieces in the order of the layer. */
export interface PlainSink {
  /**
   * Bytes outside of bodies, valid during the call only.
   * @param start - position of the first one
   */
  gap(bytes: Uint8Array, start: number): void;
  /**
   * A part of a body.
   * @param body - number of the entry in the layer
   * @param start - position of its first byte
   */
  part(size: number, body: number, start: number): void;
}

/** The splitter. It hears what a tar walker hears of. */
export class PlainSplitter {
  readonly #sink: PlainSink;
  #position = 0;
  #body = -1;
  #bodyEnd = 0;
  #partStart = 0;

  constructor(sink: PlainSink) {
    this.#sink = sink;
  }

  /** Takes the next entry; its body comes next. */
  entry({ bodyStart, bodySize }: TarEntry): void {
    this.#body++;
    this.#partStart = bodyStart;
    this.#bodyEnd = bodyStart + bodySize;
  }

  /** Takes the next bytes. */
  bytes(region: TarRegion, bytes: Uint8Array): void {
    if (region === 'body') this.#passBody(this.#position + bytes.length);
    else {
      this.#sink.gap(bytes, this.#position);
      this.#position += bytes.length;
    }
  }

  /** The layer has ended. What is there of an unfinished part counts as the whole of it. */
  end(): void {
    if (this.#position < this.#bodyEnd && this.#position > this.#partStart) this.#endPart();
  }

  #passBody(to: number): void {
    while (this.#position < to) {
      const partEnd = Math.min(this.#partStart + PART_SIZE, this.#bodyEnd);
      this.#position = Math.min(partEnd, to);
      if (this.#position === partEnd) this.#endPart();
    }
  }

  #endPart(): void {
    this.#sink.part(this.#position - this.#partStart, this.#body, this.#partStart);
    this.#partStart = this.#position;
  }
}
