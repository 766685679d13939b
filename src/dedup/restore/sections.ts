/** Reads what a section needs, and has it rebuilt. */
import { keys } from '../../storage/metadata/keys.ts';
import { decode } from '../../storage/metadata/records.ts';
import type { GroupId } from '../../storage/segments/types.ts';
import type { SectionRecord } from '../catalog/records.ts';
import type { DedupContext } from '../context.ts';
import { RecipeError } from '../errors.ts';
import type { RecipeIndex } from '../recipe/recipe-index.ts';
import type { RebuildJob } from './rebuild-job.ts';

/** A recipe that can be restored. */
export interface ReadyRecipe {
  /** Its number. */
  readonly recipe: number;
  readonly index: RecipeIndex;
}

/** Bits of the layer up to the end of a section. */
function endBitOf({ sections, size }: RecipeIndex, number: number): number {
  return sections[number + 1]?.startBit ?? size * 8;
}

/**
 * Gathers what is needed to rebuild a section.
 * @throws RecipeError when the metadata store does not know it, GroupMissingError,
 *   GroupDamagedError, the signal's reason
 */
async function readSection(
  { kv, segments }: DedupContext,
  { recipe, index }: ReadyRecipe,
  number: number,
  signal?: AbortSignal,
): Promise<RebuildJob> {
  const record = kv.read(keys.section(recipe, number), decode<SectionRecord>);
  const place = index.sections[number];
  if (record === undefined || place === undefined) throw new RecipeError('a section is missing');
  const { group, groupCount, startBit } = place;
  const bases: (readonly [GroupId, Uint8Array])[] = [];
  const own: Uint8Array[] = [];
  // Base groups were written before the section, and come before it.
  const ids = [...record.bases, ...Array.from({ length: groupCount }, (_, i) => group + i)];
  for await (const { id, bytes } of segments.readMany(ids, signal)) {
    if (id < group) bases.push([id, bytes]);
    else own.push(bytes);
  }
  return { bases, section: own, startBit, endBit: endBitOf(index, number) };
}

/** The first of the sections that are needed for the bytes from a position on. */
export function firstSectionFor({ sections }: RecipeIndex, position: number): number {
  let low = 0;
  let high = sections.length;
  // The last one all of whose bytes before the position, if any, are its own.
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (Math.ceil(sections[middle]!.startBit / 8) <= position) low = middle;
    else high = middle;
  }
  return low;
}

/**
 * What is needed to rebuild the sections of a layer, one after the other.
 * @throws what is wrong with a section, the signal's reason
 */
export async function* readSections(
  context: DedupContext,
  recipe: ReadyRecipe,
  signal: AbortSignal,
): AsyncGenerator<RebuildJob, void> {
  for (let number = 0; number < recipe.index.sections.length; number++) {
    signal.throwIfAborted();
    yield await readSection(context, recipe, number, signal);
  }
}

/** Bytes of a section, and where in the layer they lie; a byte that it shares is not complete. */
export interface RebuiltSection {
  readonly bytes: Uint8Array;
  readonly startBit: number;
  readonly endBit: number;
}

/**
 * Rebuilds sections in their order, as many ahead of whoever takes them as there are rebuilders, and
 * one more.
 * @param first - number of the first section
 * @param end - bytes of the layer that are wanted
 * @throws what is wrong with a section, the signal's reason
 */
export async function* rebuildSections(
  context: DedupContext,
  recipe: ReadyRecipe,
  { first, end, signal }: { readonly first: number; readonly end: number; signal: AbortSignal },
): AsyncGenerator<RebuiltSection, void> {
  const { sections } = recipe.index;
  const ahead: Promise<RebuiltSection>[] = [];
  let next = first;

  /** Resolves when the first section was read, or could not be. */
  const firstRead = Promise.withResolvers<void>();

  async function read(number: number): Promise<RebuildJob> {
    // Somebody waits for the first one: the others would take the disk from it, and a thread.
    if (number !== first) await firstRead.promise;
    try {
      signal.throwIfAborted();
      return await readSection(context, recipe, number, signal);
    } finally {
      firstRead.resolve();
    }
  }

  async function rebuild(number: number): Promise<RebuiltSection> {
    const job = await read(number);
    const { startBit, endBit } = job;
    signal.throwIfAborted();
    return { bytes: await context.rebuilders.rebuild(job), startBit, endBit };
  }

  try {
    for (;;) {
      while (ahead.length <= context.rebuilders.count && next < sections.length) {
        if (sections[next]!.startBit >= end * 8) break;
        signal.throwIfAborted();
        const section = rebuild(next++);
        // It is looked at in its turn; until then a failure is not unhandled.
        section.catch(() => undefined);
        ahead.push(section);
      }
      const section = ahead.shift();
      if (section === undefined) return;
      yield await section;
    }
  } finally {
    await Promise.allSettled(ahead);
  }
}
