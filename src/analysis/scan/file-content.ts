/** What one file of a layer holds: its SHA-256, its type, its chunks, in one pass. */
import { createHash, type Hash, hash } from 'node:crypto';
import type { SparseExtent } from '../../codec/tar/entry.ts';
import { classify, HEAD_SIZE } from '../types/classify.ts';
import type { ChunkCutter } from './chunks/cutter.ts';

/**
 * Bytes of holes that are hashed as zeros in one layer: some ten seconds of work at most. A sparse
 * file that goes beyond is told apart by its size, its map and what is stored of it.
 */
export const HOLE_LIMIT = 8 * 1024 ** 3;

/**
 * Bytes of holes that count as size in one layer, 4 TiB: real ones, of lastlog or of a disk image, stay
 * below. A header may claim a thousand times as much, and sums over some of those have no meaning, nor
 * room in 64 bits.
 */
export const SIZE_LIMIT = 4 * 1024 ** 4;

const ZEROS = new Uint8Array(64 * 1024);
const EMPTY_HASH = hash('sha256', '', 'binary');

/** Reads one file after the other. */
export class FileContent {
  readonly #cutters: readonly ChunkCutter[];
  readonly #head = new Uint8Array(HEAD_SIZE);
  #headLength = 0;
  #path = '';
  #size = 0;
  /** Bytes of the file so far, holes included. */
  #length = 0;
  #hash: Hash | undefined;
  /** When the file came in one piece: all is known by then. */
  #whole = '';
  #type = 0;
  #extents: readonly SparseExtent[] | undefined;
  #extent = 0;
  /** Bytes of the extent that have come. */
  #filled = 0;
  #holesLeft = HOLE_LIMIT;
  #sizeLeft = SIZE_LIMIT;

  constructor(cutters: readonly ChunkCutter[]) {
    this.#cutters = cutters;
  }

  /** Of the file, once it has ended: as long as it is, or as was read of it. */
  get length(): number {
    return this.#length;
  }

  /** Number of the type of the file that ended last. */
  get type(): number {
    return this.#type;
  }

  /**
   * A file begins.
   * @param size - bytes of it, holes included
   * @param stored - bytes that will come
   * @param sparse - where they belong, when it is a sparse file
   * @returns what is not done because its holes are too large: they are not hashed, or count for nothing
   */
  begin(
    path: string,
    size: number,
    stored: number,
    sparse: readonly SparseExtent[] | undefined,
  ): 'holes-not-hashed' | 'size-not-believed' | undefined {
    this.#path = path;
    this.#size = size;
    this.#length = 0;
    this.#headLength = 0;
    this.#hash = undefined;
    this.#whole = '';
    this.#extents = sparse;
    this.#extent = 0;
    this.#filled = 0;
    if (sparse === undefined) return undefined;
    const holes = Math.max(0, size - stored);
    if (holes <= this.#holesLeft) {
      this.#holesLeft -= holes;
      return undefined;
    }
    // Not the hash of any file's content, so that it is never taken for another file.
    this.#hash = createHash('sha256').update(JSON.stringify(['sparse', size, sparse]));
    this.#extents = undefined;
    if (holes <= this.#sizeLeft) {
      this.#sizeLeft -= holes;
      return 'holes-not-hashed';
    }
    this.#size = stored;
    return 'size-not-believed';
  }

  /** The next bytes that are stored of it. */
  push(bytes: Uint8Array): void {
    if (this.#extents !== undefined) {
      this.#pushSparse(this.#extents, bytes);
    } else if (this.#length === 0 && bytes.length === this.#size && this.#hash === undefined) {
      this.#length = bytes.length;
      this.#whole = hash('sha256', bytes, 'binary');
      this.#type = classify(this.#path, bytes.subarray(0, HEAD_SIZE), this.#size);
      for (const cutter of this.#cutters) cutter.push(bytes);
    } else {
      this.#add(bytes);
    }
  }

  /**
   * The file is over.
   * @param isComplete - whether all of it has come; holes at its end do not come
   * @returns its SHA-256, a byte in each character
   */
  end(isComplete: boolean): string {
    if (isComplete && this.#extents !== undefined) this.#addZeros(this.#size - this.#length);
    for (const cutter of this.#cutters) cutter.endFile();
    if (this.#whole !== '') return this.#whole;
    // What was not hashed of a sparse file counts all the same.
    if (isComplete) this.#length = this.#size;
    this.#type = classify(this.#path, this.#head.subarray(0, this.#headLength), this.#length);
    return this.#hash?.digest('binary') ?? EMPTY_HASH;
  }

  #add(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#length += bytes.length;
    this.#hash ??= createHash('sha256');
    this.#hash.update(bytes);
    for (const cutter of this.#cutters) cutter.push(bytes);
    if (this.#headLength < HEAD_SIZE) {
      const wanted = bytes.subarray(0, HEAD_SIZE - this.#headLength);
      this.#head.set(wanted, this.#headLength);
      this.#headLength += wanted.length;
    }
  }

  #addZeros(count: number): void {
    for (let left = count; left > 0; left -= ZEROS.length) {
      this.#add(left < ZEROS.length ? ZEROS.subarray(0, left) : ZEROS);
    }
  }

  #pushSparse(extents: readonly SparseExtent[], bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      const extent = extents[this.#extent];
      if (extent === undefined) return;
      this.#addZeros(extent.offset + this.#filled - this.#length);
      const piece = bytes.subarray(at, at + extent.length - this.#filled);
      this.#add(piece);
      at += piece.length;
      this.#filled += piece.length;
      if (this.#filled === extent.length) {
        this.#extent++;
        this.#filled = 0;
      }
    }
  }
}
