/**
 * Sections as the metadata store knows them. A section holds on to its own groups, and to the base
 * groups that it uses: these are counted. What a recipe holds is what its sections hold, so recipes
 * come and go section by section, and no transaction is large.
 */
import { type Changes, change } from '../../storage/metadata/changes.ts';
import { keys } from '../../storage/metadata/keys.ts';
import { type GroupRecord, PRESENT } from '../../storage/metadata/records.ts';
import type { GroupId, Placement } from '../../storage/segments/types.ts';
import type { DedupContext } from '../context.ts';
import { enterParts, forgetParts, noteParts, type PlacedPart } from './part-index.ts';
import type { BaseRecord, SectionRecord } from './records.ts';
import { countTotals } from './totals.ts';

/** Parts that are entered in the index by one transaction, so that none holds up others for long. */
const PARTS_AT_ONCE = 128;

/** A base group that a section refers to has been collected, or is damaged: it must be packed anew. */
export class BaseGoneError extends Error {
  override readonly name = 'BaseGoneError';

  constructor(group: GroupId) {
    super(`base group ${group} is not there any more`);
  }
}

/** A new base group. */
export interface FreshBase {
  readonly placement: Placement;
  readonly hashes: readonly string[];
}

/** A section that has been written. */
export interface WrittenSection {
  /** Its recipe, and its number there. */
  readonly recipe: number;
  readonly number: number;
  readonly placements: readonly Placement[];
  /** New groups, all of which it uses. */
  readonly fresh: readonly FreshBase[];
  readonly record: SectionRecord;
}

/** Uses a group that was there before. */
function useBase(changes: Changes, group: GroupId): void {
  const record = changes.record<BaseRecord>(keys.baseUses(group));
  const stored = changes.record<GroupRecord>(keys.group(group));
  if (record === undefined || stored === undefined || stored.damaged !== undefined) {
    throw new BaseGoneError(group);
  }
  if (record.sections === 0) changes.tx.remove(keys.unusedBase(group));
  changes.put(keys.baseUses(group), { ...record, sections: record.sections + 1 });
}

/**
 * Enters a section; its groups are synced. The parts of its new groups can be found afterwards.
 * @throws BaseGoneError when it has to be packed anew, CommitError; nothing was entered then
 */
export async function enterSection(context: DedupContext, section: WrittenSection): Promise<void> {
  const { kv, segments } = context;
  const { recipe, number, placements, fresh, record } = section;
  const own = new Set(fresh.map(({ placement }) => placement.id));
  await change(kv, (changes) => {
    for (const group of record.bases) if (!own.has(group)) useBase(changes, group);
    segments.addGroups(changes, [...fresh.map(({ placement }) => placement), ...placements]);
    for (const { placement, hashes } of fresh) {
      const { id, length } = placement;
      changes.put(keys.baseUses(id), { sections: 1, bytes: length } satisfies BaseRecord);
      noteParts(changes, id, hashes);
      countTotals(changes, { bases: length }, 1);
    }
    changes.put(keys.section(recipe, number), record);
    countTotals(changes, record.bytes, 1);
  });
  const parts = fresh.flatMap(({ placement, hashes }) =>
    hashes.map((hash, index): PlacedPart => ({ hash, variant: [placement.id, index] })),
  );
  for (let at = 0; at < parts.length; at += PARTS_AT_ONCE) {
    await change(kv, (changes) => enterParts(changes, parts.slice(at, at + PARTS_AT_ONCE)));
  }
}

/** Takes a section away. Base groups that nothing uses any more are left to the collector. */
export function removeSection(context: DedupContext, changes: Changes, key: string): void {
  const record = changes.record<SectionRecord>(key);
  if (record === undefined) return;
  for (const group of record.bases) {
    const base = changes.record<BaseRecord>(keys.baseUses(group));
    if (base === undefined) continue;
    const sections = base.sections - 1;
    changes.put(keys.baseUses(group), { ...base, sections } satisfies BaseRecord);
    if (sections === 0) changes.tx.put(keys.unusedBase(group), PRESENT);
  }
  const [first, count] = record.groups;
  context.segments.releaseGroups(
    changes,
    Array.from({ length: count }, (_, i) => first + i),
  );
  changes.tx.remove(key);
  countTotals(changes, record.bytes, -1);
}

/** Lets a base group go that no section uses and no ingest is about to use. */
export function removeUnusedBase(context: DedupContext, changes: Changes, group: GroupId): boolean {
  const record = changes.record<BaseRecord>(keys.baseUses(group));
  if (context.pins.has(group) || (record !== undefined && record.sections > 0)) return false;
  changes.tx.remove(keys.unusedBase(group));
  if (record === undefined) return false;
  forgetParts(changes, group);
  changes.tx.remove(keys.baseUses(group));
  context.segments.releaseGroups(changes, [group]);
  countTotals(changes, { bases: record.bytes }, -1);
  return true;
}
