/** Distinct chunks of a layer with their counts. */

/**
 * Distinct chunks that are kept: 4 GiB in pieces of 4 KiB. Bounds memory to 32 MB for each way of
 * cutting, and half as much again while the table grows.
 */
const MAX_CHUNKS = 1024 * 1024;
/** Bytes that are kept of the SHA-256 of a chunk. */
const HASH_SIZE = 16;

const WORDS = HASH_SIZE / 4;
const FIRST_ROOM = 1024;

/** A hash table with open addressing; its rows are columns, as they are handed over. */
export class ChunkTable {
  readonly #limit: number;
  #hashes = new Int32Array(FIRST_ROOM * WORDS);
  #sizes = new Uint32Array(FIRST_ROOM);
  #counts = new Uint32Array(FIRST_ROOM);
  /** Number of the row + 1 at each place; twice as many places as rows. */
  #places = new Uint32Array(2 * FIRST_ROOM);
  #rows = 0;
  readonly #key = Buffer.alloc(HASH_SIZE);
  readonly #keyWords = new Int32Array(this.#key.buffer, this.#key.byteOffset, WORDS);

  /** @param limit - distinct chunks at most */
  constructor(limit = MAX_CHUNKS) {
    this.#limit = limit;
  }

  /**
   * Counts a chunk.
   * @param hash - its SHA-256, a byte in each character
   * @returns false when it is a new one and there is no more room
   */
  add(hash: string, size: number): boolean {
    this.#key.write(hash, 0, HASH_SIZE, 'latin1');
    const place = this.#find(this.#keyWords, 0);
    const row = this.#places[place]!;
    if (row > 0) {
      this.#counts[row - 1]!++;
      return true;
    }
    if (this.#rows >= this.#limit) return false;
    if (this.#rows === this.#sizes.length) {
      this.#grow();
      return this.add(hash, size);
    }
    this.#hashes.set(this.#keyWords, this.#rows * WORDS);
    this.#sizes[this.#rows] = size;
    this.#counts[this.#rows] = 1;
    this.#places[place] = ++this.#rows;
    return true;
  }

  /** Copies of the columns. */
  columns(): { hashes: Uint8Array; sizes: Uint32Array; counts: Uint32Array } {
    const bytes = new Uint8Array(this.#hashes.buffer, 0, this.#rows * HASH_SIZE);
    return {
      hashes: bytes.slice(),
      sizes: this.#sizes.slice(0, this.#rows),
      counts: this.#counts.slice(0, this.#rows),
    };
  }

  /** The place of a hash, or the free one where it belongs. */
  #find(words: Int32Array, at: number): number {
    const mask = this.#places.length - 1;
    let place = words[at]! & mask;
    for (;;) {
      const row = this.#places[place]!;
      if (row === 0) return place;
      const other = (row - 1) * WORDS;
      let i = 0;
      while (i < WORDS && this.#hashes[other + i] === words[at + i]) i++;
      if (i === WORDS) return place;
      place = (place + 1) & mask;
    }
  }

  #grow(): void {
    const room = 2 * this.#sizes.length;
    const hashes = new Int32Array(room * WORDS);
    hashes.set(this.#hashes);
    const sizes = new Uint32Array(room);
    sizes.set(this.#sizes);
    const counts = new Uint32Array(room);
    counts.set(this.#counts);
    this.#hashes = hashes;
    this.#sizes = sizes;
    this.#counts = counts;
    this.#places = new Uint32Array(2 * room);
    for (let row = 0; row < this.#rows; row++) {
      this.#places[this.#find(hashes, row * WORDS)] = row + 1;
    }
  }
}
