/**
 * Blocks of layers that several readers have at the same time: nobody may change one. Each reader gets
 * a view of its own, and gives it back when it needs it no more. When nobody holds a block its memory
 * is freed by hand, for blocks come faster than the garbage collector would free them; one that was not
 * given back is left to the collector.
 */
import { freeBytes } from '../../lib/free-bytes.ts';

/** Bytes, and by how many they are held. */
export class SharedBlock {
  readonly bytes: Buffer;
  #holders = 1;

  /** @param bytes - by themselves in their buffer; held by who makes the block */
  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  /** Holds it once more. */
  hold(): this {
    this.#holders++;
    return this;
  }

  /** Ends one hold, which is not to be ended twice. */
  drop(): void {
    this.#holders--;
    if (this.#holders === 0) freeBytes(this.bytes);
  }
}

/** Views that readers have, and the blocks that each holds. */
const lent = new WeakMap<Uint8Array, SharedBlock>();

/**
 * Makes a view of a block for a reader.
 * @param start - its first byte in the block
 * @param end - the byte after its last one
 */
export function lendBlock(block: SharedBlock, start: number, end: number): Buffer {
  const view = block.bytes.subarray(start, end);
  lent.set(view, block.hold());
  return view;
}

/**
 * Takes back a view that a restore has given and that its reader needs no more. Does nothing with other
 * bytes, or the second time.
 */
export function giveBackBlock(view: Uint8Array): void {
  const block = lent.get(view);
  if (block === undefined) return;
  lent.delete(view);
  block.drop();
}
