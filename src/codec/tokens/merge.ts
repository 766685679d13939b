/** Puts files and gaps together again: the other way round of `split.ts`. */
import { lengthOf } from '../deflate/token.ts';
import { TokenError } from './errors.ts';

/**
 * The merger. Tokens pass through it as they are, nothing is copied. It counts the plain bytes that
 * they stand for, and so sees whether each piece lies where it has to.
 */
export class TokenMerger {
  readonly #write: (tokens: Uint32Array) => void;
  #position = 0;

  /** @param write - takes the tokens of the layer in order */
  constructor(write: (tokens: Uint32Array) => void) {
    this.#write = write;
  }

  /** Plain bytes of all tokens so far. */
  get position(): number {
    return this.#position;
  }

  /**
   * Writes gap tokens as far as they start before a body.
   * @param until - plain position of the next body
   * @returns how many tokens were taken; when it is fewer than all, the next body has been reached
   */
  gap(tokens: Uint32Array, until: number): number {
    let position = this.#position;
    let at = 0;
    while (at < tokens.length && position < until) position += lengthOf(tokens[at++]!);
    this.#position = position;
    if (at > 0) this.#write(tokens.subarray(0, at));
    return at;
  }

  /**
   * Plain bytes of a part that the tokens so far have covered already.
   * @throws TokenError `position` when they do not reach its start
   */
  leadOf(start: number, size: number): number {
    if (this.#position < start) throw new TokenError('position');
    return Math.min(this.#position - start, size);
  }

  /**
   * Writes the tokens of a part.
   * @param start - plain position of the part
   * @param size - its plain bytes
   * @throws TokenError `position` when one of them does not start in the part, or they do not fill it
   */
  part(tokens: Uint32Array, start: number, size: number): void {
    if (this.#position < start) throw new TokenError('position');
    const end = start + size;
    let last = this.#position;
    let position = last;
    for (let at = 0; at < tokens.length; at++) {
      last = position;
      position += lengthOf(tokens[at]!);
    }
    if (position < end || (tokens.length > 0 && last >= end)) throw new TokenError('position');
    this.#position = position;
    if (tokens.length > 0) this.#write(tokens);
  }
}
