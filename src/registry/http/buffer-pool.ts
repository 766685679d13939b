/**
 * Buffers for sending files. Large reads cost least, and allocating a buffer for each costs more than
 * the reading; so there is a stock, and its size bounds the memory that downloads take together.
 *
 * A slow client holds its buffers for as long as it likes, so nobody may have to wait for a buffer:
 * when the stock is lent out, what is left are pieces so small that one for each connection does not
 * matter, and downloads go on slower.
 */

const LARGE = 1024 * 1024;
const SMALL = 256 * 1024;
const TINY = 16 * 1024;
/** Large buffers lent at once; whoever comes later gets small ones. */
const MAX_LARGE = 40;
/** Small buffers lent at once; whoever comes later gets tiny ones. */
const MAX_SMALL = 160;
/** Tiny buffers kept; more may be lent. */
const MAX_TINY_KEPT = 256;

/** A stock of buffers. */
export interface BufferPool {
  /**
   * Lends a buffer.
   * @param wanted - bytes that would be used
   */
  take(wanted: number): Buffer;
  /** Takes a lent buffer back. */
  give(buffer: Buffer): void;
  /** Buffers that are lent. */
  readonly lent: number;
}

/** Creates an empty stock: 80 MiB at most, and 16 KiB for each buffer that is lent beyond it. */
export function createBufferPool(): BufferPool {
  const large: Buffer[] = [];
  const small: Buffer[] = [];
  const tiny: Buffer[] = [];
  let largeLent = 0;
  let smallLent = 0;
  let tinyLent = 0;

  return {
    take(wanted) {
      if (wanted > SMALL && largeLent < MAX_LARGE) {
        largeLent++;
        return large.pop() ?? Buffer.allocUnsafeSlow(LARGE);
      }
      if (smallLent < MAX_SMALL) {
        smallLent++;
        return small.pop() ?? Buffer.allocUnsafeSlow(SMALL);
      }
      tinyLent++;
      return tiny.pop() ?? Buffer.allocUnsafeSlow(TINY);
    },
    give(buffer) {
      if (buffer.length === LARGE) {
        largeLent--;
        large.push(buffer);
      } else if (buffer.length === SMALL) {
        smallLent--;
        small.push(buffer);
      } else {
        tinyLent--;
        if (tiny.length < MAX_TINY_KEPT) tiny.push(buffer);
      }
    },
    get lent() {
      return largeLent + smallLent + tinyLent;
    },
  };
}
