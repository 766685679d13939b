/** Which paths a layer has had, by 64 bits of each: for duplicates and for targets of hard links. */

/** Paths that are kept at most, so that memory is bounded (64 MB). */
const LIMIT = 4 * 1024 * 1024;
const FIRST_CAPACITY = 1024;

/** A set of texts that only knows their hashes: two of 4 million are taken for the same once in 2 million times. */
export class PathSet {
  /** Two words for each place; both 0 when it is free. */
  #table = new Uint32Array(2 * FIRST_CAPACITY);
  #mask = FIRST_CAPACITY - 1;
  #size = 0;
  #high = 0;
  #low = 0;

  /** No more are taken. */
  get isFull(): boolean {
    return this.#size >= LIMIT;
  }

  has(path: string): boolean {
    this.#hash(path);
    return this.#table[2 * this.#find() + 1] !== 0;
  }

  /**
   * Takes a path, unless the set is full.
   * @returns whether it was there before
   */
  add(path: string): boolean {
    this.#hash(path);
    const at = 2 * this.#find();
    if (this.#table[at + 1] !== 0) return true;
    if (this.isFull) return false;
    this.#table[at] = this.#high;
    this.#table[at + 1] = this.#low;
    if (++this.#size * 2 > this.#mask) this.#grow();
    return false;
  }

  /** Two hashes of 32 bits by the way of FNV-1a with different multipliers, mixed at the end. */
  #hash(path: string): void {
    let a = 0x811c9dc5;
    let b = 0x9e3779b9;
    for (let i = 0; i < path.length; i++) {
      const unit = path.charCodeAt(i);
      a = Math.imul(a ^ unit, 0x01000193);
      b = Math.imul(b ^ unit, 0x85ebca6b) + 0x165667b1;
      b = (b << 13) | (b >>> 19);
    }
    a ^= a >>> 15;
    a = Math.imul(a, 0x2c1b3c6d);
    a ^= a >>> 12;
    this.#high = a >>> 0;
    // Never 0, which stands for a free place.
    this.#low = ((b ^ (b >>> 16)) | 1) >>> 0;
  }

  /** The place of what was hashed last, or the free one where it belongs. */
  #find(): number {
    let place = (this.#high ^ (this.#low >>> 1)) & this.#mask;
    while (this.#table[2 * place + 1] !== 0) {
      if (this.#table[2 * place] === this.#high && this.#table[2 * place + 1] === this.#low) break;
      place = (place + 1) & this.#mask;
    }
    return place;
  }

  #grow(): void {
    const old = this.#table;
    this.#table = new Uint32Array(2 * old.length);
    this.#mask = old.length - 1;
    for (let at = 0; at < old.length; at += 2) {
      if (old[at + 1] === 0) continue;
      this.#high = old[at]!;
      this.#low = old[at + 1]!;
      const place = 2 * this.#find();
      this.#table[place] = this.#high;
      this.#table[place + 1] = this.#low;
    }
  }
}
