/** Restores layers, or stretches of them: every byte is checked before it leaves. */
import { timingSafeEqual } from 'node:crypto';
import { freeBytes } from '../../lib/free-bytes.ts';
import { algorithmOf, type Digest, finishDigest, startDigest } from '../../oci/digest.ts';
import type { DedupContext } from '../context.ts';
import { LayerDamagedError, RecipeError } from '../errors.ts';
import { BLOCK_SIZE, BlockSums, SUM_SIZE } from '../recipe/block-sums.ts';
import { isDamage } from './damage.ts';
import { firstSectionFor, type ReadyRecipe, rebuildSections } from './sections.ts';

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

/** The blocks of a layer that a range touches, each checked. */
async function* checkedBlocks(
  context: DedupContext,
  recipe: ReadyRecipe,
  { start, end }: ByteRange,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void> {
  const { size, sums } = recipe.index;
  let number = Math.floor(start / BLOCK_SIZE);
  const blockStart = number * BLOCK_SIZE;
  const blockEnd = Math.min(size, Math.ceil(end / BLOCK_SIZE) * BLOCK_SIZE);
  const gatherer = new BlockGatherer(blockStart, size);
  const first = firstSectionFor(recipe.index, blockStart);
  const sections = rebuildSections(context, recipe, { first, end: blockEnd, signal });
  for await (const { bytes, startBit, endBit } of sections) {
    const isShared = endBit % 8 !== 0;
    for (const block of gatherer.add(bytes, Math.floor(startBit / 8), isShared)) {
      if (!isSound(block, number, sums)) throw new RecipeError(`block ${number} is wrong`);
      number++;
      yield block;
      if (number * BLOCK_SIZE >= blockEnd) return;
    }
    freeBytes(bytes);
  }
  throw new RecipeError('fewer bytes than the layer has');
}

/**
 * Restores a stretch of a layer. When it is all of it, the digest is compared before the last block
 * is given.
 * @throws LayerDamagedError instead of wrong bytes, with its cause; the signal's reason; errors of
 *   the system that say nothing about the bytes
 */
export async function* restoreRecipe(
  context: DedupContext,
  recipe: ReadyRecipe,
  options: { readonly digest: Digest; readonly range: ByteRange; readonly signal: AbortSignal },
): AsyncGenerator<Buffer, void> {
  const { digest, range, signal } = options;
  const { start, end } = range;
  if (start >= end) return;
  const { size } = recipe.index;
  const algorithm = algorithmOf(digest);
  const whole = start === 0 && end === size ? startDigest(algorithm) : undefined;
  let position = start - (start % BLOCK_SIZE);
  try {
    for await (const block of checkedBlocks(context, recipe, range, signal)) {
      whole?.update(block);
      const blockEnd = position + block.length;
      if (whole !== undefined && blockEnd === size && finishDigest(algorithm, whole) !== digest) {
        throw new RecipeError('the digest differs');
      }
      yield block.subarray(Math.max(0, start - position), Math.min(block.length, end - position));
      position = blockEnd;
      signal.throwIfAborted();
    }
  } catch (error) {
    if (isDamage(error)) throw new LayerDamagedError(digest, recipe.recipe, { cause: error });
    throw error;
  }
}
