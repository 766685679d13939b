/** Rebuilds the bytes of a section of a plain layer. */
import type { BaseContents } from '../../codec/tokens/base-group.ts';
import type { GroupId } from '../../storage/segments/types.ts';
import { RecipeError } from '../errors.ts';
import type { GapTokens } from './gap-tokens.ts';
import type { SectionStructure } from './model.ts';

/** Gives the bytes in the base groups that a section needs. */
export interface ContentSource {
  contents(id: GroupId): BaseContents;
}

/**
 * Rebuilds a section.
 * @param gapTokens - all of its gaps
 * @param out - for its bytes, just as many as it has
 * @throws TokenError, RecipeError when something is damaged, and what `bases` throws
 */
export function rebuildPlain(
  { parts, lastGap }: SectionStructure,
  gapTokens: GapTokens,
  bases: ContentSource,
  out: Uint8Array,
): void {
  let at = 0;
  const put = (bytes: ArrayLike<number>): void => {
    if (bytes.length > out.length - at) throw new RecipeError('a section too long');
    out.set(bytes, at);
    at += bytes.length;
  };
  for (const part of parts) {
    put(gapTokens.take(part.gap));
    const bytes = bases.contents(part.group).parts[part.index];
    if (bytes === undefined) throw new RecipeError('a part that is not in its group');
    put(bytes);
  }
  put(gapTokens.take(lastGap));
  if (at < out.length) throw new RecipeError('a section too short');
  gapTokens.end();
}
