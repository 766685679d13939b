/** Hands out the gap tokens of a section, in their order. */
import { readGapGroup } from '../../codec/tokens/gap-group.ts';
import { RecipeError } from '../errors.ts';
import type { BufferPool } from './buffer-pool.ts';

/** The gap tokens of one section. */
export class GapTokens {
  readonly #tokens: Uint32Array<ArrayBuffer>;
  readonly #pool: BufferPool;
  #taken = 0;

  /**
   * @param gaps - a gap group, or nothing
   * @param pool - gives the memory for them, and gets it back
   * @throws TokenError when it is damaged
   */
  constructor(gaps: Uint8Array, pool: BufferPool) {
    this.#pool = pool;
    this.#tokens =
      gaps.length > 0 ? readGapGroup(gaps, (bytes) => pool.take(bytes)) : new Uint32Array(0);
  }

  /**
   * The next tokens, as a view that holds until the end.
   * @throws RecipeError when there are not so many
   */
  take(count: number): Uint32Array {
    const from = this.#taken;
    if (count > this.#tokens.length - from) throw new RecipeError('too few gap tokens');
    this.#taken += count;
    return this.#tokens.subarray(from, this.#taken);
  }

  /**
   * Gives their memory back.
   * @throws RecipeError when some are left
   */
  end(): void {
    if (this.#taken < this.#tokens.length) throw new RecipeError('too many gap tokens');
    if (this.#tokens.length > 0) this.#pool.give(this.#tokens.buffer);
  }
}
