/** Which layers need a group. */
import type { Digest } from '../../oci/digest.ts';
import { keys, lastPart, ranges } from '../../storage/metadata/keys.ts';
import { decode } from '../../storage/metadata/records.ts';
import { startPace } from '../../storage/pace.ts';
import type { GroupId } from '../../storage/segments/types.ts';
import { keySteps } from '../../storage/steps.ts';
import type { DedupContext } from '../context.ts';
import type { RecipeRecord, SectionRecord } from './records.ts';

/** A layer, and which of the recipes that it may ever have. */
export interface AffectedLayer {
  readonly digest: Digest;
  readonly recipe: number;
}

/**
 * The layers whose recipe needs one of some groups. Goes over all recipes.
 * @throws the signal's reason
 */
export async function findAffected(
  { kv }: DedupContext,
  groups: ReadonlySet<GroupId>,
  signal: AbortSignal,
): Promise<AffectedLayer[]> {
  const pace = startPace(signal);
  const affected: AffectedLayer[] = [];

  function isNeeded({ groups: own, bases }: SectionRecord): boolean {
    const [first, count] = own;
    for (let i = 0; i < count; i++) if (groups.has(first + i)) return true;
    return bases.some((group) => groups.has(group));
  }

  async function needs({ recipe, index }: RecipeRecord): Promise<boolean> {
    if (index.some((group) => groups.has(group))) return true;
    for await (const found of keySteps(kv, ranges.sections(recipe), { pace, signal })) {
      for (const key of found) {
        const record = kv.read(key, decode<SectionRecord>);
        if (record !== undefined && isNeeded(record)) return true;
      }
    }
    return false;
  }

  for await (const found of keySteps(kv, ranges.recipes(), { pace, signal })) {
    for (const digest of found.map(lastPart)) {
      const record = kv.read(keys.recipe(digest), decode<RecipeRecord>);
      if (record === undefined || !(await needs(record))) continue;
      affected.push({ digest, recipe: record.recipe });
    }
  }
  return affected;
}
