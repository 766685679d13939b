/**
 * Turns the tokens of a base group into plain bytes.
 *
 * Matches reach up to 32 KiB back, out of their own part. Parts of a group mostly follow one another
 * in the layer that they come from, so what a match reaches for is mostly there, in another part.
 * The rest (headers between files, files that were known already, what lies before the group) is the
 * context: just those bytes, in the order in which they are first reached for. Both sides replay
 * the same tokens, so nothing needs to be said about where they belong.
 */
import { createSpaceKernel } from '../kernels/instances.ts';
import {
  BAD_POSITION,
  MAX_OVERHANG,
  NEED_INPUT,
  SPACE_CAPACITY,
  TOKEN_CAPACITY,
  WINDOW,
} from '../kernels/layout.ts';
import type { SpaceKernel } from '../kernels/types.ts';
import { TokenError } from './errors.ts';
import type { TokenPart } from './part.ts';

/** Gaps between parts are cut to this; nothing can be reached across more. */
export const MAX_GAP = WINDOW + MAX_OVERHANG + 1;

/** The plain bytes around some parts of one layer, as far as they are known. */
export class PlainSpace {
  readonly #kernel: SpaceKernel;
  #end = 0;

  /** @param kernel - to be used by this space alone, until nobody needs it any more */
  constructor(kernel: SpaceKernel = createSpaceKernel()) {
    this.#kernel = kernel;
    kernel.reset();
  }

  /** Begins anew, with nothing in it. */
  clear(): void {
    this.#kernel.reset();
    this.#end = 0;
  }

  /** Where the last part ends. */
  get end(): number {
    return this.#end;
  }

  /** Bytes from one position to another, as a view. */
  bytes(start: number, end: number): Uint8Array {
    return this.#kernel.bytes.subarray(start, end);
  }

  /** Whether a part fits in after a gap. */
  fits(gap: number, size: number): boolean {
    return this.#end + gap + size + MAX_OVERHANG <= SPACE_CAPACITY;
  }

  /**
   * Adds a part, and makes its bytes.
   * @param gap - bytes between the part before and this one, {@link MAX_GAP} at most
   * @param context - asked for each unknown byte that is needed, once
   * @returns where the part starts
   * @throws TokenError `size` when it does not fit, `position` when its tokens do not fill it,
   *   `token` when one cannot be or reaches before the space; then only `clear` helps
   */
  add(part: TokenPart, gap: number, context: (position: number) => number): number {
    const kernel = this.#kernel;
    return this.#place(part, gap, (count) => {
      const { needs, needCount } = kernel;
      for (let i = 0; i < needCount; i++) kernel.context[i] = context(needs[i]!);
      kernel.make(count);
    });
  }

  /**
   * Passes over a part without making its bytes, all of which are known from then on.
   * @param gap - see {@link add}
   * @param context - told of each unknown byte that is needed, once
   * @returns where the part starts
   * @throws TokenError as {@link add}
   */
  pass(part: TokenPart, gap: number, context: (position: number) => void): number {
    const kernel = this.#kernel;
    return this.#place(part, gap, () => {
      const { needs, needCount } = kernel;
      for (let i = 0; i < needCount; i++) context(needs[i]!);
    });
  }

  /**
   * Leaves out a part whose tokens are literals, as far as nothing that comes later reaches for them.
   * @param size - its bytes
   * @throws TokenError `size` when it does not fit
   */
  skip(size: number): void {
    if (!this.fits(0, size)) throw new TokenError('size');
    this.#end += size;
  }

  /** @param handle - called for some tokens at a time, when it is known what they need */
  #place({ tokens, size, lead }: TokenPart, gap: number, handle: (count: number) => void): number {
    if (gap > MAX_GAP || lead > Math.min(size, MAX_OVERHANG) || !this.fits(gap, size)) {
      throw new TokenError('size');
    }
    const kernel = this.#kernel;
    const start = this.#end + gap;
    kernel.begin(start, lead, size);
    let at = 0;
    do {
      const piece = tokens.subarray(at, at + TOKEN_CAPACITY);
      kernel.tokens.set(piece);
      const status = kernel.look(piece.length);
      if (status === BAD_POSITION) throw new TokenError('position');
      if (status !== NEED_INPUT) throw new TokenError('token');
      handle(piece.length);
      at += piece.length;
    } while (at < tokens.length);
    if (kernel.finish() !== NEED_INPUT) throw new TokenError('position');
    this.#end = start + size;
    return start;
  }
}
