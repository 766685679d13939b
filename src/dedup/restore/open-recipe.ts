/** Finds the recipe of a layer and its index, which is kept in memory for a while. */
import { LRUCache } from 'lru-cache';
import { unlessAborted } from '../../lib/unless-aborted.ts';
import type { Digest } from '../../oci/digest.ts';
import { findRecipe } from '../catalog/recipes.ts';
import type { RecipeRecord } from '../catalog/records.ts';
import type { DedupContext } from '../context.ts';
import { LayerUnknownError } from '../errors.ts';
import { decodeRecipeIndex, type RecipeIndex } from '../recipe/recipe-index.ts';
import { asLayerError } from './damage.ts';
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
  const reading = new Map<number, Promise<RecipeIndex>>();

  function release({ recipe }: Pick<ReadyRecipe, 'recipe'>): void {
    const count = readers.get(recipe)! - 1;
    if (count === 0) readers.delete(recipe);
    else readers.set(recipe, count);
  }

  async function readIndex(
    digest: Digest,
    { recipe, index: groups }: RecipeRecord,
  ): Promise<RecipeIndex> {
    try {
      const pieces: Uint8Array[] = [];
      for await (const { bytes } of segments.readMany(groups)) pieces.push(bytes);
      const index = decodeRecipeIndex(Buffer.concat(pieces));
      indexes.set(recipe, index);
      return index;
    } catch (error) {
      throw asLayerError(error, digest, recipe);
    } finally {
      reading.delete(recipe);
    }
  }

  /** The index of a recipe, read once for all who ask for it meanwhile; they get the same error, too. */
  async function indexOf(
    digest: Digest,
    record: RecipeRecord,
    signal: AbortSignal,
  ): Promise<RecipeIndex> {
    const { recipe } = record;
    const known = indexes.get(recipe);
    if (known !== undefined) return known;
    const index = reading.get(recipe) ?? readIndex(digest, record);
    reading.set(recipe, index);
    return await unlessAborted(index, signal);
  }

  return {
    async open(digest, signal) {
      const record = findRecipe(kv, digest);
      if (record === undefined) throw new LayerUnknownError(digest);
      const { recipe } = record;
      readers.set(recipe, (readers.get(recipe) ?? 0) + 1);
      try {
        return { recipe, index: await indexOf(digest, record, signal) };
      } catch (error) {
        release(record);
        throw error;
      }
    },
    release,
  };
}
