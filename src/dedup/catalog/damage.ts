/**
 * What follows from damage (decisions 1): layers that cannot be rebuilt lose their recipe. One that is
 * there as it was pushed is ingested anew, any other one counts as missing until it is pushed again.
 */
import { markDamaged } from '../../storage/content.ts';
import type { StoreContext } from '../../storage/context.ts';
import { change } from '../../storage/metadata/changes.ts';
import { keys } from '../../storage/metadata/keys.ts';
import type { ContentRecord } from '../../storage/metadata/records.ts';
import type { GroupId } from '../../storage/segments/types.ts';
import type { Layers } from '../layers.ts';
import type { AffectedLayer } from './affected.ts';
import { forgetParts } from './part-index.ts';
import type { RecipeRecord } from './records.ts';

/** Damaged groups that are looked at together. */
const MAX_GROUPS = 10_000;

/** What damage is settled with. */
export interface DamageParts {
  readonly store: StoreContext;
  readonly layers: Pick<Layers, 'affected' | 'queue' | 'removeRecipe' | 'removeDamagedTrees'>;
  /** The groups that are damaged now. */
  readonly damaged: () => Iterable<{ readonly id: GroupId }>;
}

/**
 * Takes the recipe from a layer that it does not give back.
 * @returns whether the layer had that recipe
 */
export async function loseRecipe(
  { store, layers }: Pick<DamageParts, 'store' | 'layers'>,
  { digest, recipe }: AffectedLayer,
  reason: string,
): Promise<boolean> {
  const { result } = await change(store.kv, (changes) => {
    if (changes.record<RecipeRecord>(keys.recipe(digest))?.recipe !== recipe) return undefined;
    layers.removeRecipe(changes, digest);
    const record = changes.record<ContentRecord>(keys.content(digest));
    if (record === undefined) return 'gone';
    if (record.recipe === true) {
      markDamaged(store, changes, { digest, size: record.size, record }, reason);
      return 'quarantined';
    }
    layers.queue.requeue(changes, digest);
    return 'kept as it was pushed';
  });
  if (result !== undefined)
    store.logger.error({ digest, reason }, `damaged recipe, layer ${result}`);
  return result !== undefined;
}

/**
 * Takes the recipe from all layers that need damaged groups, and sees to it that nobody refers to
 * these again.
 * @returns layers that lost their recipe
 * @throws the signal's reason, CommitError; what was done until then stays
 */
export async function settleDamage(parts: DamageParts, signal: AbortSignal): Promise<number> {
  const { store, layers } = parts;
  const groups = new Set<GroupId>();
  for (const { id } of parts.damaged()) {
    groups.add(id);
    if (groups.size === MAX_GROUPS) break;
  }
  if (groups.size === 0) return 0;
  for (const group of groups) await change(store.kv, (changes) => forgetParts(changes, group));
  await layers.removeDamagedTrees(groups, signal);
  let lost = 0;
  for (const layer of await layers.affected(groups, signal)) {
    if (await loseRecipe(parts, layer, 'a part of it is damaged')) lost++;
  }
  return lost;
}
