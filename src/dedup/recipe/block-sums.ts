/** Checksums of a layer's bytes, so that any stretch of them can be checked by itself. */
import { createHash } from 'node:crypto';

/** Bytes of a layer that have one checksum; the last block may be shorter. */
export const BLOCK_SIZE = 256 * 1024;
/** Bytes of a checksum: the first of the SHA-256. */
export const SUM_SIZE = 16;

/** Hashes blocks, as their bytes come. */
export class BlockSums {
  #hash = createHash('sha256');
  /** Bytes of the block that have come. */
  #held = 0;

  /** Takes bytes and gives the checksums of the blocks that end in them. */
  *add(bytes: Uint8Array): Generator<Uint8Array, void> {
    for (let at = 0; at < bytes.length; ) {
      const piece = bytes.subarray(at, at + BLOCK_SIZE - this.#held);
      this.#hash.update(piece);
      this.#held += piece.length;
      at += piece.length;
      if (this.#held === BLOCK_SIZE) yield this.#end();
    }
  }

  /** The checksum of the last block, when it is a shorter one. */
  *finish(): Generator<Uint8Array, void> {
    if (this.#held > 0) yield this.#end();
  }

  #end(): Uint8Array {
    const sum = this.#hash.digest().subarray(0, SUM_SIZE);
    this.#hash = createHash('sha256');
    this.#held = 0;
    return sum;
  }
}
