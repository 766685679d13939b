/** Finds the recipe of a layer and its index, which is kept in memory for a while. */
import { LRUCache } from 'lru-cache';
import type { Digest } from '../../oci/digest.ts';
import type { GroupId } from '../../storage/segments/types.ts';
import { findRecipe } from '../catalog/recipes.ts';
import type { DedupContext } from '../context.ts';
import { LayerDamagedError, LayerUnknownError } from '../errors.ts';
import { decodeRecipeIndex, type RecipeIndex } from '../recipe/recipe-index.ts';
import { isDamage } from './damage.ts';
import type { ReadyRecipe } from './sections.ts';

/** Bytes of indexes that are kept in memory. */
const CACHE_SIZE = 32 * 1024 * 1024;

/** Opens recipes. */
export interface RecipeOpener {
  /**
   * Lends the recipe of a layer; as long as it is lent, the collector leaves it alone.
   * @throws LayerUnknownError, LayerDamagedError, the signal's reason
   */
  open(digest: Digest, signal: AbortSignal): Promise<ReadyRecipe>;
  /** Gives it back. */
  release(recipe: ReadyRecipe): void;
}

/** Creates an opener. */
export function createRecipeOpener({ kv, segments, readers }: DedupContext): RecipeOpener {
  const indexes = new LRUCache<number, RecipeIndex>({
    maxSize: CACHE_SIZE,
    sizeCalculation: ({ sections, sums }) => 256 + sections.length * 96 + sums.length,
  });

  function release({ recipe }: Pick<ReadyRecipe, 'recipe'>): void {
    const count = readers.get(recipe)! - 1;
    if (count === 0) readers.delete(recipe);
    else readers.set(recipe, count);
  }

  async function readIndex(groups: readonly GroupId[], signal: AbortSignal): Promise<RecipeIndex> {
    const pieces: Uint8Array[] = [];
    for await (const { bytes } of segments.readMany(groups, signal)) pieces.push(bytes);
    return decodeRecipeIndex(Buffer.concat(pieces));
  }

  return {
    async open(digest, signal) {
      const record = findRecipe(kv, digest);
      if (record === undefined) throw new LayerUnknownError(digest);
      const { recipe } = record;
      readers.set(recipe, (readers.get(recipe) ?? 0) + 1);
      try {
        const index = indexes.get(recipe) ?? (await readIndex(record.index, signal));
        indexes.set(recipe, index);
        return { recipe, index };
      } catch (error) {
        release(record);
        if (isDamage(error)) throw new LayerDamagedError(digest, recipe, { cause: error });
        throw error;
      }
    },
    release,
  };
}
