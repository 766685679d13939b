/** Plain bytes of parts, byte by byte, straight from docs/formats.md ("Bases"). */
import { distanceOf, isMatch, lengthOf } from '../../../src/codec/deflate/token.ts';
import { TokenError } from '../../../src/codec/tokens/errors.ts';
import type { TokenPart } from '../../../src/codec/tokens/part.ts';

/** A space without limits. */
export class ReferenceSpace {
  readonly #bytes: number[] = [];
  #end = 0;

  /** The bytes from one position to another; unknown ones are undefined. */
  bytes(start: number, end: number): (number | undefined)[] {
    return Array.from({ length: end - start }, (_, i) => this.#bytes[start + i]);
  }

  /** Adds a part; see `PlainSpace.add`. */
  add(
    { tokens, size, lead }: TokenPart,
    gap: number,
    context: (position: number) => number,
  ): number {
    const bytes = this.#bytes;
    const start = this.#end + gap;
    const end = start + size;
    const own = start + lead;
    if (bytes.length > own) bytes.length = own;
    const need = (from: number, to: number): void => {
      for (let at = from; at < to; at++) bytes[at] ??= context(at);
    };
    need(start, own);
    const made: number[] = [];
    for (const token of tokens) {
      const position = own + made.length;
      if (position >= end) throw new TokenError('position');
      if (!isMatch(token)) {
        made.push(token);
        continue;
      }
      const source = position - distanceOf(token);
      if (source < 0) throw new TokenError('token');
      need(source, Math.min(source + lengthOf(token), own));
      for (let i = 0; i < lengthOf(token); i++) {
        const at = source + i;
        made.push(at < own ? bytes[at]! : made[at - own]!);
      }
    }
    if (own + made.length < end) throw new TokenError('position');
    for (const [i, byte] of made.entries()) bytes[own + i] = byte;
    this.#end = end;
    return start;
  }
}
