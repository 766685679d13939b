/** Cuts files into chunks and counts the distinct ones of a layer. */
import { hash } from 'node:crypto';
import type { ChunkSet } from '../types.ts';
import { ChunkTable } from './chunk-table.ts';
import { type CutPoints, fastCdcCutPoints, fixedCutPoints } from './cut-points.ts';

/** Ways of cutting, with the bytes of a chunk; of `cdc` the wanted average. */
export const CHUNK_METHODS = ['fixed-4096', 'cdc-8192'] as const;
export type ChunkMethod = (typeof CHUNK_METHODS)[number];

function cutPointsOf(method: ChunkMethod): CutPoints {
  return method === 'fixed-4096' ? fixedCutPoints(4096) : fastCdcCutPoints(8192);
}

/** Takes the content of one file after the other, in pieces of any size. */
export class ChunkCutter {
  readonly #method: ChunkMethod;
  readonly #points: CutPoints;
  readonly #table: ChunkTable;
  /** Bytes of the open chunk from earlier pieces. */
  readonly #held: Uint8Array;
  #heldLength = 0;
  #isCapped = false;

  constructor(method: ChunkMethod, table: ChunkTable = new ChunkTable()) {
    this.#method = method;
    this.#points = cutPointsOf(method);
    this.#table = table;
    this.#held = new Uint8Array(this.#points.max);
  }

  /** Some chunks were not counted, for there were too many. */
  get isCapped(): boolean {
    return this.#isCapped;
  }

  /** The next bytes of a file. */
  push(bytes: Uint8Array): void {
    let start = 0;
    for (;;) {
      const end = start === bytes.length ? -1 : this.#points.next(bytes, start);
      if (end < 0) break;
      this.#close(bytes.subarray(start, end));
      start = end;
    }
    const rest = bytes.subarray(start);
    this.#held.set(rest, this.#heldLength);
    this.#heldLength += rest.length;
  }

  /** The file is over. */
  endFile(): void {
    if (this.#heldLength > 0) this.#close(new Uint8Array(0));
    else this.#points.reset();
  }

  /** The chunks of the layer. */
  result(): ChunkSet {
    return { method: this.#method, ...this.#table.columns() };
  }

  #close(last: Uint8Array): void {
    let chunk = last;
    if (this.#heldLength > 0) {
      this.#held.set(last, this.#heldLength);
      chunk = this.#held.subarray(0, this.#heldLength + last.length);
    }
    if (!this.#table.add(hash('sha256', chunk, 'binary'), chunk.length)) this.#isCapped = true;
    this.#heldLength = 0;
    this.#points.reset();
  }
}
