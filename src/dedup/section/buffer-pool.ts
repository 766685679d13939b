/** Memory of sections that are over, for those that come: new memory costs as much as filling it. */
import { freeBuffer } from '../../lib/free-bytes.ts';

/** Buffers of one size. */
export class BufferPool {
  readonly #size: number;
  readonly #most: number;
  readonly #idle: ArrayBuffer[] = [];

  /**
   * @param size - bytes of each
   * @param most - how many are kept that nobody uses
   */
  constructor(size: number, most: number) {
    this.#size = size;
    this.#most = most;
  }

  /** A buffer with any bytes in it, longer than usual when so many are needed. */
  take(least = 0): ArrayBuffer {
    if (least > this.#size) return new ArrayBuffer(least);
    return this.#idle.pop() ?? new ArrayBuffer(this.#size);
  }

  /** Gives one back; views of it must not be used any more. */
  give(buffer: ArrayBuffer): void {
    if (buffer.byteLength === this.#size && this.#idle.length < this.#most) this.#idle.push(buffer);
    else freeBuffer(buffer);
  }
}
