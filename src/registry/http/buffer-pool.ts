/**
 * Buffers for sending files. Large reads cost least, and allocating a buffer for each costs more than
 * the reading; so there is a stock, and its size bounds the memory that downloads take together.
 */

const LARGE = 1024 * 1024;
const SMALL = 256 * 1024;
/** Large buffers lent at once; whoever comes later gets small ones. */
const MAX_LARGE = 40;
/** Small buffers lent at once; whoever comes later waits. */
const MAX_SMALL = 160;

/** A stock of buffers. */
export interface BufferPool {
  /**
   * Calls back with a buffer, at once when there is one.
   * @param wanted - bytes that would be used
   */
  take(wanted: number, callback: (buffer: Buffer) => void): void;
  give(buffer: Buffer): void;
}

/** Creates an empty stock: 80 MiB at most. */
export function createBufferPool(): BufferPool {
  const large: Buffer[] = [];
  const small: Buffer[] = [];
  const waiting: ((buffer: Buffer) => void)[] = [];
  let largeLent = 0;
  let smallLent = 0;

  return {
    take(wanted, callback) {
      if (wanted > SMALL && largeLent < MAX_LARGE) {
        largeLent++;
        callback(large.pop() ?? Buffer.allocUnsafeSlow(LARGE));
      } else if (smallLent < MAX_SMALL) {
        smallLent++;
        callback(small.pop() ?? Buffer.allocUnsafeSlow(SMALL));
      } else waiting.push(callback);
    },
    give(buffer) {
      if (buffer.length === LARGE) {
        largeLent--;
        large.push(buffer);
        return;
      }
      const next = waiting.shift();
      if (next !== undefined) {
        next(buffer);
        return;
      }
      smallLent--;
      small.push(buffer);
    },
  };
}
