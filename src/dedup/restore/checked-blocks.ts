/** The blocks of a layer, put together from its sections, each compared with its checksum. */
import { timingSafeEqual } from 'node:crypto';
import { freeBytes } from '../../lib/free-bytes.ts';
import type { DedupContext } from '../context.ts';
import { RecipeError } from '../errors.ts';
import { BLOCK_SIZE, BlockSums, SUM_SIZE } from '../recipe/block-sums.ts';
import type { RecipeIndex } from '../recipe/recipe-index.ts';
import {
  firstSectionFor,
  type ReadyRecipe,
  type RebuiltSection,
  rebuildSections,
} from './sections.ts';

/** A stretch of a layer in bytes; `end` is not included. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** Puts the bytes of sections, from a block's begin on, into blocks. */
class BlockGatherer {
  readonly #size: number;
  /** Position of the block that is gathered. */
  #start: number;
  #block: Buffer;
  #filled = 0;
  /** Bits of the next byte that the section before has given. */
  #shared = 0;

  /**
   * @param start - where the first block begins
   * @param size - bytes of the layer
   */
  constructor(start: number, size: number) {
    this.#size = size;
    this.#start = start;
    this.#block = this.#newBlock();
  }

  #newBlock(): Buffer {
    return Buffer.allocUnsafeSlow(Math.min(BLOCK_SIZE, Math.max(0, this.#size - this.#start)));
  }

  /**
   * Takes the bytes of the next section and gives the blocks that are whole.
   * @param at - position of its first byte in the layer
   * @param isShared - its last byte is also the first one of the next section
   */
  *add(bytes: Uint8Array, at: number, isShared: boolean): Generator<Buffer, void> {
    if (bytes.length > 0) bytes[0]! |= this.#shared;
    this.#shared = 0;
    let own = bytes;
    if (isShared) {
      this.#shared = own.at(-1) ?? 0;
      own = own.subarray(0, -1);
    }
    // What lies before the first block is not wanted.
    let from = Math.max(0, this.#start + this.#filled - at);
    while (from < own.length) {
      const piece = own.subarray(from, from + this.#block.length - this.#filled);
      if (piece.length === 0) throw new RecipeError('more bytes than the layer has');
      this.#block.set(piece, this.#filled);
      this.#filled += piece.length;
      from += piece.length;
      if (this.#filled < this.#block.length) continue;
      yield this.#block;
      this.#start += this.#filled;
      this.#filled = 0;
      this.#block = this.#newBlock();
    }
  }
}

/** Compares a block with its checksum. */
function isSound(block: Uint8Array, number: number, sums: Uint8Array): boolean {
  const hasher = new BlockSums();
  const [sum] = [...hasher.add(block), ...hasher.finish()];
  const wanted = sums.subarray(number * SUM_SIZE, (number + 1) * SUM_SIZE);
  return sum !== undefined && wanted.length === SUM_SIZE && timingSafeEqual(sum, wanted);
}

/** The range of whole blocks that a range touches. */
function wholeBlocks({ start, end }: ByteRange, size: number): ByteRange {
  return {
    start: Math.floor(start / BLOCK_SIZE) * BLOCK_SIZE,
    end: Math.min(size, Math.ceil(end / BLOCK_SIZE) * BLOCK_SIZE),
  };
}

/**
 * Puts sections together into the blocks of a layer that a range touches, each by itself in its buffer.
 * @param sections - from the one on that has the first byte of these blocks
 * @throws RecipeError instead of giving a wrong block; what the sections throw
 */
export async function* blocksOf(
  sections: AsyncIterable<RebuiltSection>,
  { size, sums }: Pick<RecipeIndex, 'size' | 'sums'>,
  range: ByteRange,
): AsyncGenerator<Buffer, void> {
  const { start, end } = wholeBlocks(range, size);
  let number = start / BLOCK_SIZE;
  const gatherer = new BlockGatherer(start, size);
  for await (const { bytes, startBit, endBit } of sections) {
    const isShared = endBit % 8 !== 0;
    for (const block of gatherer.add(bytes, Math.floor(startBit / 8), isShared)) {
      if (!isSound(block, number, sums)) throw new RecipeError(`block ${number} is wrong`);
      number++;
      yield block;
      if (number * BLOCK_SIZE >= end) return;
    }
    freeBytes(bytes);
  }
  throw new RecipeError('fewer bytes than the layer has');
}

/**
 * The blocks of a stored layer that a range touches, each by itself in its buffer.
 * @throws what is wrong, instead of giving a wrong block; the signal's reason
 */
export async function* checkedBlocks(
  context: DedupContext,
  recipe: ReadyRecipe,
  range: ByteRange,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void> {
  const { index } = recipe;
  const { start, end } = wholeBlocks(range, index.size);
  const first = firstSectionFor(index, start);
  yield* blocksOf(rebuildSections(context, recipe, { first, end, signal }), index, range);
}
