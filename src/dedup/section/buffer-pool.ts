/** Memory of sections that are over, for those that come: new memory costs as much as filling it. */
import { freeBuffer } from '../../lib/free-bytes.ts';

/** Buffers of one size, and a few that are longer. */
export class BufferPool {
  readonly #size: number;
  readonly #most: number;
  readonly #idle: ArrayBuffer[] = [];
  #idleBytes = 0;

  /**
   * @param size - bytes of each
   * @param most - how many are kept that nobody uses, or as many bytes in longer ones
   */
  constructor(size: number, most: number) {
    this.#size = size;
    this.#most = most;
  }

  /** A buffer with any bytes in it, longer than usual when so many are needed. */
  take(least = 0): ArrayBuffer {
    const at = this.#idle.findIndex(({ byteLength }) => byteLength >= least);
    const [buffer] = at < 0 ? [] : this.#idle.splice(at, 1);
    if (buffer === undefined) return new ArrayBuffer(Math.max(least, this.#size));
    this.#idleBytes -= buffer.byteLength;
    return buffer;
  }

  /** Gives one back; views of it must not be used any more. */
  give(buffer: ArrayBuffer): void {
    const idleBytes = this.#idleBytes + buffer.byteLength;
    if (idleBytes > this.#most * this.#size) {
      freeBuffer(buffer);
      return;
    }
    this.#idleBytes = idleBytes;
    this.#idle.push(buffer);
  }
}
