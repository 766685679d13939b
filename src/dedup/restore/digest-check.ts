/**
 * Compares the bytes of a layer with its digest, for all of its readers together. Every block that one
 * of them gets has been compared with its checksum, so it does not matter whose blocks these are, or
 * whether they were rebuilt or kept: each block is hashed once, by the first reader that comes to it.
 */
import { algorithmOf, type Digest, finishDigest, startDigest } from '../../oci/digest.ts';
import { LayerDamagedError, RecipeError } from '../errors.ts';
import { BLOCK_SIZE } from '../recipe/block-sums.ts';
import type { ReadyRecipe } from './sections.ts';

/** The comparison for one recipe. */
export class DigestCheck {
  readonly #digest: Digest;
  readonly #recipe: number;
  /** Blocks of the layer. */
  readonly #count: number;
  #hash: ReturnType<typeof startDigest>;
  /** Blocks that were hashed. */
  #hashed = 0;
  #error: LayerDamagedError | undefined;

  constructor(digest: Digest, { recipe, index }: ReadyRecipe) {
    this.#digest = digest;
    this.#recipe = recipe;
    this.#count = Math.ceil(index.size / BLOCK_SIZE);
    this.#hash = startDigest(algorithmOf(digest));
  }

  /**
   * Sees a block before it is given to a reader of the whole layer, who comes from the block before.
   * @throws LayerDamagedError when the last block was seen and the digest differs
   */
  see(number: number, bytes: Uint8Array): void {
    if (number > this.#hashed) throw new Error('a block without those before it');
    if (number === this.#hashed) {
      this.#hash.update(bytes);
      this.#hashed++;
      if (this.#hashed === this.#count) this.#compare();
    }
    this.requireNotWrong();
  }

  /** @throws LayerDamagedError, always the same, when the digest is known to differ */
  requireNotWrong(): void {
    if (this.#error !== undefined) throw this.#error;
  }

  #compare(): void {
    if (finishDigest(algorithmOf(this.#digest), this.#hash) === this.#digest) return;
    const cause = new RecipeError('the digest differs');
    this.#error = new LayerDamagedError(this.#digest, this.#recipe, { cause });
  }
}
