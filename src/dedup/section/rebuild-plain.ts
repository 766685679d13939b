/** Rebuilds the bytes of a section of a plain layer. */
import type { BaseContents } from '../../codec/tokens/base-group.ts';
import { readGapGroup } from '../../codec/tokens/gap-group.ts';
import { freeBuffer } from '../../lib/free-bytes.ts';
import type { GroupId } from '../../storage/segments/types.ts';
import { RecipeError } from '../errors.ts';
import type { SectionStructure } from './model.ts';

/** Gives the bytes in the base groups that a section needs. */
export interface ContentSource {
  contents(id: GroupId): BaseContents;
}

/**
 * Rebuilds a section.
 * @param gaps - a gap group, or nothing
 * @param out - for its bytes, just as many as it has
 * @throws TokenError, RecipeError when something is damaged, and what `bases` throws
 */
export function rebuildPlain(
  { parts, lastGap }: SectionStructure,
  gaps: Uint8Array,
  bases: ContentSource,
  out: Uint8Array,
): void {
  const gapTokens = gaps.length > 0 ? readGapGroup(gaps) : new Uint32Array(0);
  let from = 0;
  let at = 0;
  const put = (bytes: ArrayLike<number>): void => {
    if (bytes.length > out.length - at) throw new RecipeError('a section too long');
    out.set(bytes, at);
    at += bytes.length;
  };
  const gap = (count: number): void => {
    if (count > gapTokens.length - from) throw new RecipeError('too few gap tokens');
    put(gapTokens.subarray(from, from + count));
    from += count;
  };
  for (const part of parts) {
    gap(part.gap);
    const bytes = bases.contents(part.group).parts[part.index];
    if (bytes === undefined) throw new RecipeError('a part that is not in its group');
    put(bytes);
  }
  gap(lastGap);
  if (from < gapTokens.length) throw new RecipeError('too many gap tokens');
  if (at < out.length) throw new RecipeError('a section too short');
  freeBuffer(gapTokens.buffer);
}
