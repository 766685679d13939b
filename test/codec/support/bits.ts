/** Bits in the order of DEFLATE: the first one is the lowest of a byte. */
export class BitSink {
  readonly #bits: number[] = [];

  get length(): number {
    return this.#bits.length;
  }

  /** Adds a number, lowest bit first, as lengths and extra bits are written. */
  put(value: number, count: number): void {
    for (let i = 0; i < count; i++) this.#bits.push(Math.floor(value / 2 ** i) % 2);
  }

  /** Adds a Huffman code, written as a string of 0 and 1. */
  putCode(code: string): void {
    for (const bit of code) this.#bits.push(Number(bit));
  }

  /** The bits from `from` on as bytes; the last one filled up with 0. */
  toBytes(from = 0): Buffer {
    const bytes = Buffer.alloc(Math.ceil((this.#bits.length - from) / 8));
    for (let i = from; i < this.#bits.length; i++) {
      const at = i - from;
      bytes[at >> 3]! |= this.#bits[i]! << (at & 7);
    }
    return bytes;
  }
}
