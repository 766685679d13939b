/** Where a file is cut. */
import { GEAR } from './gear.ts';

/** Looks for the ends of chunks. */
export interface CutPoints {
  /** Bytes of a chunk at most. */
  readonly max: number;
  /**
   * Takes bytes of the chunk that is open.
   * @param start - index of the first of them
   * @returns index after the last byte of the chunk, or -1 when it does not end in these bytes
   */
  next(bytes: Uint8Array, start: number): number;
  /** The chunk is over; the next byte begins another one. */
  reset(): void;
}

/** Chunks of one size, the last of a file smaller. */
export function fixedCutPoints(size: number): CutPoints {
  let left = size;
  return {
    max: size,
    next(bytes, start) {
      if (bytes.length - start >= left) return start + left;
      left -= bytes.length - start;
      return -1;
    },
    reset() {
      left = size;
    },
  };
}

/**
 * Content-defined chunks by FastCDC: a gear hash, no look at the first `min` bytes, and two masks, a
 * strict one before the wanted size and a lax one behind it, so that sizes lie close to it (Xia et
 * al., "FastCDC", USENIX ATC 2016, and "The Design of Fast Content-Defined Chunking", TPDS 2020;
 * normalisation level 2). Masks take the highest bits, which depend on the last 32 bytes.
 * @param average - wanted bytes of a chunk, a power of two; a quarter of it at least, 8 times at most
 */
export function fastCdcCutPoints(average: number): CutPoints {
  const bits = Math.log2(average);
  const min = average / 4;
  const max = average * 8;
  const strict = -1 << (32 - (bits + 2));
  const lax = -1 << (32 - (bits - 2));
  let length = 0;
  let hash = 0;

  /** Looks at bytes up to `end` with one mask. */
  function look(bytes: Uint8Array, start: number, end: number, mask: number): number {
    let value = hash;
    for (let at = start; at < end; at++) {
      value = ((value << 1) + GEAR[bytes[at]!]!) | 0;
      if ((value & mask) === 0) return at + 1;
    }
    hash = value;
    return -1;
  }

  return {
    max,
    next(bytes, start) {
      const limit = bytes.length - start;
      let taken = Math.min(limit, Math.max(0, min - length));
      for (const [end, mask] of [
        [average, strict],
        [max, lax],
      ] as const) {
        const until = Math.min(limit, end - length);
        if (until <= taken) continue;
        const cut = look(bytes, start + taken, start + until, mask);
        if (cut >= 0) return cut;
        taken = until;
      }
      length += limit > taken ? taken : limit;
      return length >= max ? start + taken : -1;
    },
    reset() {
      length = 0;
      hash = 0;
    },
  };
}
