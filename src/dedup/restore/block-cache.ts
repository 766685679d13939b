/**
 * Keeps blocks of layers in memory, each checked already, for layers that are pulled again. Of a layer
 * its begin is kept, without holes: a layer is read from its begin on, so of one that does not fit the
 * begin is what gives hits, while blocks kept by their last use would always be gone when it comes to
 * them.
 *
 * Entries are by recipe. The number of a recipe is never used twice, and whoever asks has just seen that
 * the layer has that recipe; so what was taken away or quarantined is not given, whatever is kept here.
 */
import { BLOCK_SIZE } from '../recipe/block-sums.ts';
import type { SharedBlock } from './shared-block.ts';

/**
 * Bytes that are kept. The layers of an image that many machines start at the same time are, but for
 * large ones, within it; twice as much would be more than everything else in the process takes.
 */
const CACHE_SIZE = 64 * 1024 * 1024;

/** Shares of the cache that a layer takes from others: when it is new, and when it is pulled again. */
const SHARE_OF_NEW = 1 / 4;
const SHARE_OF_HOT = 3 / 4;

/** What is kept of a layer. */
interface KeptLayer {
  /** From its begin on. */
  readonly blocks: SharedBlock[];
  /** Somebody has found its begin here. */
  isHot: boolean;
}

/** The blocks that are kept. */
export class BlockCache {
  readonly #size: number;
  /** Blocks of recipes from their begin on; those least recently used come first. */
  readonly #layers = new Map<number, KeptLayer>();
  #bytes = 0;

  /** @param size - bytes that are kept at most */
  constructor(size: number = CACHE_SIZE) {
    this.#size = size;
  }

  /** Bytes that are kept now. */
  get bytes(): number {
    return this.#bytes;
  }

  /** A block, held for who asks; undefined when it is not kept. */
  take(recipe: number, number: number): SharedBlock | undefined {
    const layer = this.#layers.get(recipe);
    const block = layer?.blocks[number];
    if (layer === undefined || block === undefined) return undefined;
    if (number === 0) layer.isHot = true;
    this.#use(recipe, layer);
    return block.hold();
  }

  /**
   * Keeps a block that was checked, when it goes on where those of its recipe end and there is room.
   * Others make room for the first quarter of the cache that a layer takes, not for more: a large layer
   * that is pulled once does not push out everything. One that is pulled again gets room for all of it,
   * if that is no more than three quarters.
   * @param layerSize - bytes of the layer
   */
  add(recipe: number, number: number, block: SharedBlock, layerSize: number): void {
    const layer = this.#layers.get(recipe) ?? { blocks: [], isHot: false };
    const { blocks, isHot } = layer;
    if (number !== blocks.length) return;
    const { length } = block.bytes;
    const mayPush =
      (number + 1) * BLOCK_SIZE <= this.#size * SHARE_OF_NEW ||
      (isHot && layerSize <= this.#size * SHARE_OF_HOT);
    while (this.#bytes + length > this.#size) {
      if (!mayPush || !this.#dropOne(recipe)) return;
    }
    blocks.push(block.hold());
    this.#bytes += length;
    this.#use(recipe, layer);
  }

  /** Lets all blocks go. */
  clear(): void {
    for (const { blocks } of this.#layers.values()) for (const block of blocks) block.drop();
    this.#layers.clear();
    this.#bytes = 0;
  }

  #use(recipe: number, layer: KeptLayer): void {
    this.#layers.delete(recipe);
    this.#layers.set(recipe, layer);
  }

  /** Lets the last block go of the least recently used of the other recipes. */
  #dropOne(except: number): boolean {
    for (const [recipe, { blocks }] of this.#layers) {
      if (recipe === except) continue;
      const block = blocks.pop()!;
      if (blocks.length === 0) this.#layers.delete(recipe);
      this.#bytes -= block.bytes.length;
      block.drop();
      return true;
    }
    return false;
  }
}
