/** Restores a layer for one reader alone, as the scrub does that looks whether it still comes back. */
import type { Digest } from '../../oci/digest.ts';
import type { DedupContext } from '../context.ts';
import { checkedBlocks } from './checked-blocks.ts';
import { asLayerError } from './damage.ts';
import { DigestCheck } from './digest-check.ts';
import type { ReadyRecipe } from './sections.ts';

/**
 * Restores all of a layer. The digest is compared before the last block is given. Blocks belong to who
 * takes them.
 * @throws LayerDamagedError instead of wrong bytes, with its cause; the signal's reason; errors of
 *   the system that say nothing about the bytes
 */
export async function* restoreWhole(
  context: DedupContext,
  recipe: ReadyRecipe,
  { digest, signal }: { readonly digest: Digest; readonly signal: AbortSignal },
): AsyncGenerator<Buffer, void> {
  const check = new DigestCheck(digest, recipe);
  const range = { start: 0, end: recipe.index.size };
  let number = 0;
  try {
    for await (const block of checkedBlocks(context, recipe, range, signal)) {
      check.see(number++, block);
      yield block;
      signal.throwIfAborted();
    }
  } catch (error) {
    throw asLayerError(error, digest, recipe.recipe);
  }
}
