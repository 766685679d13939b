/**
 * Recipes as the metadata store knows them. A recipe is loose while it is made; it becomes that of a
 * layer in one transaction, and loose again when the layer does not need it any more. What is loose
 * and not being made is taken apart, so whatever a crash leaves behind goes the same way.
 */
import type { Digest } from '../../oci/digest.ts';
import type { KeyValueStore } from '../../storage/kv/types.ts';
import { type Changes, change } from '../../storage/metadata/changes.ts';
import { keys, numberOf, ranges } from '../../storage/metadata/keys.ts';
import { type CounterRecord, decode } from '../../storage/metadata/records.ts';
import { type Pace, startPace } from '../../storage/pace.ts';
import type { Placement } from '../../storage/segments/types.ts';
import { keySteps } from '../../storage/steps.ts';
import type { DedupContext } from '../context.ts';
import { forgetIntactCopy, noteIntactCopy } from './intact-copies.ts';
import type { LooseRecipeRecord, RecipeRecord } from './records.ts';
import { removeSection, removeUnusedBase } from './sections.ts';
import { countTotals } from './totals.ts';
import { enterTree, removePieces, type TreeFigures } from './trees.ts';
import { forgetQueued, forgetRefusal } from './waiting.ts';

/** The recipe of a layer, as it is durable. */
export function findRecipe(kv: KeyValueStore, digest: Digest): RecipeRecord | undefined {
  return kv.read(keys.recipe(digest), decode<RecipeRecord>);
}

/** Begins a recipe. @returns its number, which no other ever has */
export async function beginRecipe({ kv, running }: DedupContext, digest: Digest): Promise<number> {
  let number = -1;
  await change(kv, (changes) => {
    const { next } = changes.record<CounterRecord>(keys.recipeCounter) ?? { next: 0 };
    changes.put(keys.recipeCounter, { next: next + 1 } satisfies CounterRecord);
    changes.put(keys.looseRecipe(next), { digest, index: [] } satisfies LooseRecipeRecord);
    // Before the collector can see it.
    running.add(next);
    number = next;
  }).catch((error: unknown) => {
    running.delete(number);
    throw error;
  });
  return number;
}

/** What is entered when a recipe is finished. */
export interface FinishedRecipe {
  readonly digest: Digest;
  readonly record: RecipeRecord;
  /** Of its index, synced. */
  readonly placements: readonly Placement[];
  /** What was stored of its tree. */
  readonly tree: TreeFigures;
}

/**
 * Makes a recipe that of its layer.
 * @returns false when the layer has one already; then nothing is entered
 */
export async function enterRecipe(
  { kv, segments }: DedupContext,
  { digest, record, placements, tree }: FinishedRecipe,
): Promise<boolean> {
  const { result } = await change(kv, (changes) => {
    const { tx } = changes;
    if (tx.has(keys.recipe(digest))) return false;
    segments.addGroups(changes, placements);
    changes.put(keys.recipe(digest), record);
    enterTree(changes, record.recipe, { digest, ...tree });
    tx.remove(keys.looseRecipe(record.recipe));
    forgetQueued(changes, digest);
    forgetRefusal(changes, digest);
    noteIntactCopy(changes, digest, record.size);
    const { size, plainSize, indexBytes } = record;
    countTotals(changes, { layers: 1, size, plainSize, index: indexBytes }, 1);
    return true;
  });
  return result;
}

/** Takes the recipe from a layer, as a part of a transaction. Its bytes go with the next collection. */
export function looseRecipe(changes: Changes, digest: Digest): void {
  const record = changes.record<RecipeRecord>(keys.recipe(digest));
  if (record === undefined) return;
  const { recipe, index, size, plainSize, indexBytes } = record;
  changes.tx.remove(keys.recipe(digest));
  changes.tx.remove(keys.tree(recipe));
  changes.put(keys.looseRecipe(recipe), { digest, index } satisfies LooseRecipeRecord);
  forgetIntactCopy(changes, digest);
  countTotals(changes, { layers: 1, size, plainSize, index: indexBytes }, -1);
}

/**
 * Takes a recipe apart, section by section, if it is loose.
 * @throws the signal's reason, CommitError; what was done until then stays
 */
export async function takeRecipeApart(
  context: DedupContext,
  recipe: number,
  { signal, pace = startPace(signal) }: { readonly signal: AbortSignal; readonly pace?: Pace },
): Promise<void> {
  const { kv, segments } = context;
  if (!kv.has(keys.looseRecipe(recipe))) return;
  for await (const found of keySteps(kv, ranges.sections(recipe), { pace, signal, limit: 8 })) {
    for (const key of found) await change(kv, (changes) => removeSection(context, changes, key));
    await context.faultPoint('collect.section');
  }
  await removePieces(context, recipe, { signal, pace });
  await change(kv, (changes) => {
    const key = keys.looseRecipe(recipe);
    const record = changes.record<LooseRecipeRecord>(key);
    if (record === undefined) return;
    segments.releaseGroups(changes, record.index);
    changes.tx.remove(key);
  });
}

/** What a collection did. */
export interface DedupCollection {
  readonly recipes: number;
  readonly bases: number;
}

/**
 * Takes all loose recipes apart that are neither being made nor restored, and lets base groups go
 * that nothing uses.
 * @throws the signal's reason, CommitError; what was done until then stays
 */
export async function collectRecipes(
  context: DedupContext,
  signal: AbortSignal,
): Promise<DedupCollection> {
  const { kv, running, readers } = context;
  const pace = startPace(signal);
  let recipes = 0;
  let bases = 0;
  for await (const found of keySteps(kv, ranges.looseRecipes(), { pace, signal })) {
    for (const recipe of found.map(numberOf)) {
      if (running.has(recipe) || readers.has(recipe)) continue;
      await takeRecipeApart(context, recipe, { signal, pace });
      recipes++;
    }
  }
  for await (const found of keySteps(kv, ranges.unusedBases(), { pace, signal, limit: 8 })) {
    for (const group of found.map(numberOf)) {
      const { result } = await change(kv, (changes) => removeUnusedBase(context, changes, group));
      if (result) bases++;
    }
    await context.faultPoint('collect.base');
  }
  return { recipes, bases };
}
