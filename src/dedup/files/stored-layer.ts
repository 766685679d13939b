/** The files of a layer that has been taken apart: read from what is stored, nothing is restored. */
import { setImmediate as turn } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import { MAX_OVERHANG } from '../../codec/kernels/layout.ts';
import { readBaseContents } from '../../codec/tokens/base-group.ts';
import { PART_SIZE } from '../../codec/tokens/part.ts';
import type { Digest } from '../../oci/digest.ts';
import { keys, ranges } from '../../storage/metadata/keys.ts';
import { decode } from '../../storage/metadata/records.ts';
import type { GroupId } from '../../storage/segments/types.ts';
import { findRecipe } from '../catalog/recipes.ts';
import type { TreePieceRecord } from '../catalog/records.ts';
import type { DedupContext } from '../context.ts';
import { RecipeError } from '../errors.ts';
import type { RecipeIndex } from '../recipe/recipe-index.ts';
import { isDamage, isGroupError } from '../restore/damage.ts';
import type { RecipeOpener } from '../restore/open-recipe.ts';
import { readStructure, splitSection } from '../section/format.ts';
import type { PartReference } from '../section/model.ts';
import { FilesError, type LayerFiles } from './layer-files.ts';
import type { FileContent, TreeEntry } from './model.ts';
import { readPiece } from './piece-format.ts';
import { Tree } from './tree.ts';

/** Bytes, nearly, of what is kept in memory: entries of pieces, parts of sections, plain groups. */
const PIECES = 16 * 1024 * 1024;
const SECTIONS = 8 * 1024 * 1024;
const GROUPS = 16 * 1024 * 1024;
/** Bytes that an entry, a reference to a part and the place of a piece take. */
const ENTRY = 400;
const REFERENCE = 80;

/** Files of layers that have a tree. */
export interface StoredFiles {
  /**
   * Lends the files of a layer; as long as they are lent, the collector leaves them alone.
   * @returns undefined when there is no tree of it
   * Reading its tree throws FilesError 'damaged'.
   * @throws LayerDamagedError, the signal's reason
   */
  open(digest: Digest, signal: AbortSignal): Promise<LayerFiles | undefined>;
  /** The entries of a piece. @throws what `isDamage` says is damage */
  readPiece(group: GroupId): Promise<readonly TreeEntry[]>;
}

/** Where a part may be: the number of its section, and its own number there. */
interface PartPlace {
  readonly section: number;
  readonly part: number;
}

/**
 * The places where a part of a file may be, to be looked at in this order: the first one that has
 * such a part has it. The sections say where they begin, not where their parts end; what a part's
 * size leaves open is decided by what the section really has.
 */
function* placesOf(
  { sections }: RecipeIndex,
  { start, section, part }: FileContent,
  number: number,
): Generator<PartPlace, void> {
  if (number === 0) {
    yield { section, part };
    return;
  }
  const position = start + number * PART_SIZE;
  /** The number in the file of the first part of a section that begins in the file. */
  const firstIn = (s: number): number =>
    s === section ? -part : Math.floor((sections[s]!.startByte - start) / PART_SIZE);
  const placeIn = (s: number): PartPlace => ({ section: s, part: number - firstIn(s) });
  let found = sections.length - 1;
  // The tokens before a part may reach into it, so its section may begin a little later than it does.
  while (found > section && sections[found]!.startByte > position + MAX_OVERHANG) found--;
  while (found > section && firstIn(found) > number) found--;
  // One that begins later than the part may begin in it, or behind it where the part is that short.
  if (found > section && sections[found]!.startByte > position) yield placeIn(found - 1);
  yield placeIn(found);
}

/**
 * Reads the files of layers that have a tree.
 * @param onDamage - called when a group could not be had that a file or a tree needs
 */
export function createStoredFiles(
  context: DedupContext,
  recipes: RecipeOpener,
  onDamage: () => void,
): StoredFiles {
  const { kv, segments } = context;
  const pieces = new LRUCache<GroupId, readonly TreeEntry[]>({
    maxSize: PIECES,
    sizeCalculation: (entries) => 64 + entries.length * ENTRY,
  });
  const sections = new LRUCache<GroupId, readonly PartReference[]>({
    maxSize: SECTIONS,
    sizeCalculation: (parts) => 64 + parts.length * REFERENCE,
  });
  const groups = new LRUCache<GroupId, readonly Uint8Array[]>({
    maxSize: GROUPS,
    sizeCalculation: (parts) => parts.reduce((sum, { length }) => sum + length + 128, 128),
  });

  /** Tells of groups that cannot be had. */
  function look(error: unknown): void {
    if (isGroupError(error)) onDamage();
  }

  async function pieceOf(group: GroupId): Promise<readonly TreeEntry[]> {
    const known = pieces.get(group);
    if (known !== undefined) return known;
    const entries = readPiece((await segments.read(group)).bytes);
    pieces.set(group, entries);
    return entries;
  }

  async function partsOf(index: RecipeIndex, number: number, signal: AbortSignal) {
    const place = index.sections[number];
    if (place === undefined) throw new RecipeError('a file in no section');
    const known = sections.get(place.group);
    if (known !== undefined) return known;
    const own: Uint8Array[] = [];
    const ids = Array.from({ length: place.groupCount }, (_, i) => place.group + i);
    for await (const { bytes } of segments.readMany(ids, signal)) own.push(bytes);
    const { parts } = readStructure(splitSection(Buffer.concat(own)).structure);
    sections.set(place.group, parts);
    return parts;
  }

  async function referenceTo(
    index: RecipeIndex,
    content: FileContent,
    number: number,
    signal: AbortSignal,
  ): Promise<PartReference> {
    for (const { section, part } of placesOf(index, content, number)) {
      const reference = (await partsOf(index, section, signal))[part];
      if (reference !== undefined) return reference;
    }
    throw new RecipeError('a part that is not in its section');
  }

  async function plainOf(group: GroupId): Promise<readonly Uint8Array[]> {
    const known = groups.get(group);
    if (known !== undefined) return known;
    const plain = readBaseContents((await segments.read(group)).bytes).parts;
    groups.set(group, plain);
    // Some milliseconds of work: others have their turn before the next group.
    await turn();
    return plain;
  }

  async function* read(
    index: RecipeIndex,
    content: FileContent,
    { parts, signal }: Parameters<LayerFiles['parts']>[1],
  ): AsyncGenerator<Uint8Array, void> {
    for (let number = parts.first; number < parts.end; number++) {
      signal.throwIfAborted();
      const reference = await referenceTo(index, content, number, signal);
      const bytes = (await plainOf(reference.group))[reference.index];
      if (bytes === undefined) throw new RecipeError('a part that is not in its group');
      yield bytes;
    }
  }

  async function* readParts(...args: Parameters<typeof read>): AsyncGenerator<Uint8Array, void> {
    try {
      yield* read(...args);
    } catch (error) {
      look(error);
      throw error;
    }
  }

  async function treePiece(digest: Digest, group: GroupId): Promise<readonly TreeEntry[]> {
    try {
      return await pieceOf(group);
    } catch (error) {
      look(error);
      if (isDamage(error)) throw new FilesError('damaged', digest, { cause: error });
      throw error;
    }
  }

  return {
    readPiece: pieceOf,
    async open(digest, signal) {
      const record = findRecipe(kv, digest);
      if (record === undefined || !kv.has(keys.tree(record.recipe))) return undefined;
      const recipe = await recipes.open(digest, signal);
      const places: TreePieceRecord[] = [];
      for (const [, value] of kv.entries(ranges.treePieces(recipe.recipe))) {
        places.push(decode<TreePieceRecord>(value));
      }
      return {
        digest,
        tree: new Tree(places, (number) => treePiece(digest, places[number]!.group)),
        parts: (content, options) => readParts(recipe.index, content, options),
        release: () => recipes.release(recipe),
      };
    },
  };
}
