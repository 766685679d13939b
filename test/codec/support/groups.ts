/** Fills groups one after the other, as a store does. */
import type { PackOptions } from '../../../src/codec/tokens/group.ts';

/** Something that is filled and packed. */
export interface GroupWriter {
  readonly isFull: boolean;
  finish(options?: PackOptions): Uint8Array;
}

/** Packed groups, and the one that is being filled. */
export class Groups<Writer extends GroupWriter> {
  readonly packed: Uint8Array[] = [];
  readonly #create: () => Writer;
  readonly #options: PackOptions;
  #open: Writer;

  constructor(create: () => Writer, options: PackOptions = {}) {
    this.#create = create;
    this.#options = options;
    this.#open = create();
  }

  /** The group to add to; it will be number `packed.length`. */
  get open(): Writer {
    if (this.#open.isFull) this.finish();
    return this.#open;
  }

  finish(): void {
    this.packed.push(this.#open.finish(this.#options));
    this.#open = this.#create();
  }

  /** Bytes of all packed groups. */
  get size(): number {
    return this.packed.reduce((total, { length }) => total + length, 0);
  }
}
