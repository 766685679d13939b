/** Streams of bytes: growing ones to write to, bounded ones to read from. */
import { TokenError } from './errors.ts';

const FIRST_SIZE = 256;

/** Bytes that grow at their end. */
export class ByteWriter {
  #bytes = new Uint8Array(FIRST_SIZE);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** What has been written; valid until the next call. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Writes one byte; of a larger number its lowest eight bits. */
  byte(value: number): void {
    if (this.#length === this.#bytes.length) this.#grow(1);
    this.#bytes[this.#length++] = value;
  }

  /** Writes a number of 0 to 2^53 - 1 in LEB128: seven bits a byte, the lowest first. */
  number(value: number): void {
    let rest = value;
    while (rest > 0x7f) {
      this.byte((rest % 0x80) | 0x80);
      rest = Math.floor(rest / 0x80);
    }
    this.byte(rest);
  }

  /** Makes it empty; the memory is used again. */
  clear(): void {
    this.#length = 0;
  }

  append(bytes: Uint8Array): void {
    if (this.#length + bytes.length > this.#bytes.length) this.#grow(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #grow(room: number): void {
    const grown = new Uint8Array(Math.max(2 * this.#bytes.length, this.#length + room));
    grown.set(this.#bytes);
    this.#bytes = grown;
  }
}

/** Bytes that are read from their start. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Bytes not read yet. */
  get left(): number {
    return this.#bytes.length - this.#at;
  }

  /** @throws TokenError `truncated` */
  byte(): number {
    if (this.#at >= this.#bytes.length) throw new TokenError('truncated');
    return this.#bytes[this.#at++]!;
  }

  /**
   * Reads a number as {@link ByteWriter.number} writes it.
   * @throws TokenError `truncated`, `number` above 2^53 - 1
   */
  number(): number {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (value > Number.MAX_SAFE_INTEGER) throw new TokenError('number');
      if (byte < 0x80) return value;
      scale *= 0x80;
      // Zeros at the end would go on for ever.
      if (scale > Number.MAX_SAFE_INTEGER) throw new TokenError('number');
    }
  }

  /**
   * The next bytes, not copied.
   * @throws TokenError `truncated`
   */
  take(length: number): Uint8Array {
    if (length > this.left) throw new TokenError('truncated');
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  /** @throws TokenError `trailing` when not everything has been read */
  end(): void {
    if (this.left > 0) throw new TokenError('trailing');
  }
}
