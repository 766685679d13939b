/**
 * Turns the tokens of a base group into plain bytes.
 *
 * Matches reach up to 32 KiB back, out of their own part. Parts of a group mostly follow one another
 * in the layer that they come from, so what a match reaches for is mostly there, in another part.
 * The rest (headers between files, files that were known already, what lies before the group) is the
 * context: just those bytes, in the order in which they are first reached for. Both sides replay
 * the same tokens, so nothing needs to be said about where they belong.
 */
import { distanceOf, isMatch, lengthOf } from '../deflate/token.ts';
import { TokenError } from './errors.ts';
import { MAX_OVERHANG, type TokenPart } from './part.ts';

/** How far a match may reach back. */
export const WINDOW = 32 * 1024;
/** Gaps between parts are cut to this; nothing can be reached across more. */
export const MAX_GAP = WINDOW + MAX_OVERHANG + 1;
/** Bytes of a space: parts, and gaps between them. */
export const MAX_SPACE = 8 * 1024 * 1024;

/** Gives a byte that no token of the group makes. */
export type ContextSource = (position: number) => number;

/** The plain bytes around some parts of one layer, as far as they are known. */
export class PlainSpace {
  #bytes: Uint8Array;
  /** 1 where a byte is known. */
  #known: Uint8Array;
  #end = 0;

  /** @param size - bytes to make room for at first */
  constructor(size: number) {
    this.#bytes = new Uint8Array(Math.min(size, MAX_SPACE));
    this.#known = new Uint8Array(this.#bytes.length);
  }

  /** Where the last part ends. */
  get end(): number {
    return this.#end;
  }

  /** Bytes from one position to another; valid until the next part is added. */
  bytes(start: number, end: number): Uint8Array {
    return this.#bytes.subarray(start, end);
  }

  /** Whether a part fits in after a gap. */
  fits(gap: number, size: number): boolean {
    return this.#end + gap + size + MAX_OVERHANG <= MAX_SPACE;
  }

  /**
   * Adds a part.
   * @param gap - bytes between the part before and this one, {@link MAX_GAP} at most
   * @param context - asked for each unknown byte that is needed, once
   * @returns where the part starts
   * @throws TokenError `size` when it does not fit, `position` when its tokens do not fill it,
   *   `token` when one reaches before the space
   */
  add(part: TokenPart, gap: number, context: ContextSource): number {
    const { tokens, size, lead } = part;
    if (gap > MAX_GAP || lead > size || !this.fits(gap, size)) throw new TokenError('size');
    const start = this.#end + gap;
    const end = start + size;
    this.#reserve(end + MAX_OVERHANG);
    this.#need(start, start + lead, context);
    const own = start + lead;
    const bytes = this.#bytes;
    let position = own;
    for (let at = 0; at < tokens.length; at++) {
      if (position >= end) throw new TokenError('position');
      const token = tokens[at]!;
      if (!isMatch(token)) {
        bytes[position++] = token;
        continue;
      }
      const length = lengthOf(token);
      let source = position - distanceOf(token);
      if (source < own) {
        if (source < 0) throw new TokenError('token');
        this.#need(source, Math.min(source + length, own), context);
      }
      const until = position + length;
      while (position < until) bytes[position++] = bytes[source++]!;
    }
    if (position < end) throw new TokenError('position');
    this.#known.fill(1, own, position);
    this.#end = end;
    return start;
  }

  #need(from: number, to: number, context: ContextSource): void {
    for (let position = from; position < to; position++) {
      if (this.#known[position] === 1) continue;
      this.#known[position] = 1;
      this.#bytes[position] = context(position);
    }
  }

  #reserve(size: number): void {
    if (size <= this.#bytes.length) return;
    const grow = (old: Uint8Array): Uint8Array<ArrayBuffer> => {
      const grown = new Uint8Array(Math.min(MAX_SPACE, Math.max(size, 2 * old.length)));
      grown.set(old);
      return grown;
    };
    this.#bytes = grow(this.#bytes);
    this.#known = grow(this.#known);
  }
}
