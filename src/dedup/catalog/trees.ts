/**
 * Trees of layers as the metadata store knows them: where their pieces are, and in which pieces to look
 * for a file. Pieces come and go one by one with the recipe, as sections do.
 */
import type { Digest } from '../../oci/digest.ts';
import { type Changes, change } from '../../storage/metadata/changes.ts';
import { keys, numberOf, ranges } from '../../storage/metadata/keys.ts';
import { decode, encode } from '../../storage/metadata/records.ts';
import { type Pace, startPace } from '../../storage/pace.ts';
import type { GroupId, Placement } from '../../storage/segments/types.ts';
import { keySteps } from '../../storage/steps.ts';
import type { DedupContext } from '../context.ts';
import type { TreePiece } from '../files/model.ts';
import { readPiece } from '../files/piece-format.ts';
import { keysOf } from '../files/search-key.ts';
import { isDamage } from '../restore/damage.ts';
import type { FileKeyRecord, TreePieceRecord, TreeRecord } from './records.ts';
import { countTotals } from './totals.ts';

/** What was stored of a tree. */
export interface TreeFigures {
  readonly pieces: number;
  readonly entries: number;
}

/** A piece that has been written and synced. */
export interface WrittenPiece {
  readonly recipe: number;
  /** Number of the piece in the tree. */
  readonly number: number;
  readonly placement: Placement;
  readonly piece: Omit<TreePiece, 'bytes'>;
}

/** How work that goes over pieces is paced. */
interface Paced {
  readonly signal: AbortSignal;
  readonly pace?: Pace;
}

/** Pieces looked at between two pauses; each may have some hundred keys. */
const PIECES_AT_ONCE = 2;

/** Counts keys that come or go; all values of one recipe have the same length. */
function countKeys(changes: Changes, all: readonly string[], value: number, sign: 1 | -1): void {
  const bytes = all.reduce((sum, key) => sum + key.length + value, 0);
  countTotals(changes, { fileKeys: all.length, fileKeyBytes: bytes }, sign);
}

/**
 * Enters a piece of a recipe that is being made.
 * @throws CommitError; nothing was entered then
 */
export async function enterPiece(
  { kv, segments }: DedupContext,
  { recipe, number, placement, piece }: WrittenPiece,
): Promise<void> {
  const { first, run, entries } = piece;
  const { id: group, length: bytes } = placement;
  const own = piece.keys.map((key) => keys.fileKey(key, group));
  const value = encode({ recipe } satisfies FileKeyRecord);
  await change(kv, (changes) => {
    segments.addGroups(changes, [placement]);
    const record = { group, first, run, entries, bytes };
    changes.put(keys.treePiece(recipe, number), record satisfies TreePieceRecord);
    for (const key of own) changes.tx.put(key, value);
    countKeys(changes, own, value.length, 1);
    countTotals(changes, { trees: bytes, files: entries }, 1);
  });
}

/** Enters the tree of a recipe that is finished, as a part of a transaction: it can be found then. */
export function enterTree(
  changes: Changes,
  recipe: number,
  { digest, pieces, entries }: TreeFigures & { readonly digest: Digest },
): void {
  changes.put(keys.tree(recipe), { digest, pieces, entries } satisfies TreeRecord);
}

/** The keys under which a piece is found; undefined when it cannot be read. */
async function readKeys({ segments }: DedupContext, group: GroupId): Promise<string[] | undefined> {
  try {
    const { bytes } = await segments.read(group);
    return keysOf(readPiece(bytes)).map((key) => keys.fileKey(key, group));
  } catch (error) {
    if (isDamage(error)) return undefined;
    throw error;
  }
}

/** The same for a piece that is damaged: looks at all keys that there are. */
async function findKeys(
  { kv }: DedupContext,
  group: GroupId,
  { signal, pace = startPace(signal) }: Paced,
): Promise<string[]> {
  const own: string[] = [];
  for await (const found of keySteps(kv, ranges.allFileKeys(), { pace, signal, limit: 256 })) {
    for (const key of found) if (numberOf(key) === group) own.push(key);
  }
  return own;
}

/**
 * Takes the pieces of a recipe's tree away.
 * @throws the signal's reason, CommitError; what was done until then stays
 */
export async function removePieces(
  context: DedupContext,
  recipe: number,
  { signal, pace = startPace(signal) }: Paced,
): Promise<void> {
  const { kv, segments } = context;
  const steps = { pace, signal, limit: PIECES_AT_ONCE };
  const value = encode({ recipe } satisfies FileKeyRecord).length;
  for await (const found of keySteps(kv, ranges.treePieces(recipe), steps)) {
    for (const key of found) {
      const { group, bytes, entries } = kv.read(key, decode<TreePieceRecord>)!;
      const own =
        (await readKeys(context, group)) ?? (await findKeys(context, group, { signal, pace }));
      await change(kv, (changes) => {
        if (!changes.tx.has(key)) return;
        const there = own.filter((fileKey) => changes.tx.has(fileKey));
        for (const fileKey of there) changes.tx.remove(fileKey);
        countKeys(changes, there, value, -1);
        countTotals(changes, { trees: bytes, files: entries }, -1);
        segments.releaseGroups(changes, [group]);
        changes.tx.remove(key);
      });
      await context.faultPoint('collect.tree');
    }
  }
}

/**
 * Takes the trees away of which damaged groups are a part. Their layers stay; files of them are found
 * by unpacking.
 * @throws the signal's reason, CommitError; what was done until then stays
 */
export async function removeDamagedTrees(
  context: DedupContext,
  groups: ReadonlySet<GroupId>,
  signal: AbortSignal,
): Promise<void> {
  const { kv, running } = context;
  const pace = startPace(signal);
  const recipes = new Set<number>();
  for await (const found of keySteps(kv, ranges.allTreePieces(), { pace, signal })) {
    for (const key of found) {
      const record = kv.read(key, decode<TreePieceRecord>);
      if (record === undefined || !groups.has(record.group)) continue;
      recipes.add(numberOf(key.slice(0, key.lastIndexOf(' '))));
    }
  }
  for (const recipe of recipes) {
    if (running.has(recipe)) continue;
    await change(kv, (changes) => changes.tx.remove(keys.tree(recipe)));
    await removePieces(context, recipe, { signal, pace });
  }
}
