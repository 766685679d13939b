/** What is known of layers whose content went: it goes as well. */
import type { StoreContext } from '../../storage/context.ts';
import { type Changes, change } from '../../storage/metadata/changes.ts';
import { keys, lastPart, ranges } from '../../storage/metadata/keys.ts';
import { startPace } from '../../storage/pace.ts';
import { keySteps } from '../../storage/steps.ts';
import { looseRecipe } from './recipes.ts';
import { forgetRefusal } from './waiting.ts';

/**
 * Takes recipes and refusals from digests that have no content. Whoever pushes a layer again before
 * that finds its recipe in place.
 * @throws the signal's reason, CommitError; what was done until then stays
 */
export async function releaseOrphans({ kv }: StoreContext, signal: AbortSignal): Promise<void> {
  const pace = startPace(signal);
  const kinds = [
    { range: ranges.recipes(), release: looseRecipe },
    { range: ranges.refusedLayers(), release: forgetRefusal },
  ] satisfies { range: object; release: (changes: Changes, digest: string) => void }[];
  for (const { range, release } of kinds) {
    for await (const found of keySteps(kv, range, { pace, signal })) {
      for (const digest of found.map(lastPart)) {
        if (kv.has(keys.content(digest))) continue;
        await change(kv, (changes) => {
          // Looks again: it may have been pushed meanwhile.
          if (!changes.tx.has(keys.content(digest))) release(changes, digest);
        });
      }
    }
  }
}
