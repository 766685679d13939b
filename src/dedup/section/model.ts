/**
 * Sections: stretches of a layer that are stored, and can be rebuilt, each by itself.
 *
 * A layer is a sequence of tokens, which belong to parts of files or to the gaps between them, and a
 * sequence of events: blocks that cover the tokens, headers and trailers of gzip members, and what
 * follows the last one. A section has some of either. It begins where a gap or a part begins, which
 * may be inside of a block; then its first event is the rest of that block.
 *
 * A layer that is not compressed has no blocks and no headers. Its tokens are literals, each of which
 * is a byte, and its parts are the bytes of those that are kept, whatever their tokens are.
 */
import type { BlockHead } from '../../codec/deflate/block.ts';
import type { GzipHeader, GzipTail, GzipTrailer } from '../../codec/gzip/parts.ts';
import type { GroupId } from '../../storage/segments/types.ts';

/** A block, or the part of it that lies in the section: `tokens` are those in the section. */
export interface BlockEvent extends BlockHead {
  readonly kind: 'block';
  /** It began in a section before; its head is not written again. */
  readonly isResumed: boolean;
  /** It goes on in the next section. */
  readonly continues: boolean;
  /**
   * Tokens of the whole block, where a head is written that has to say them: that of a stored block
   * which continues. Else 0.
   */
  whole: number;
}

/** What makes the bytes of a layer besides its tokens. */
export type SectionEvent = BlockEvent | GzipHeader | GzipTrailer | GzipTail;

/** Where the tokens of a part are kept. */
export interface BasePlace {
  readonly group: GroupId;
  /** Number of the part in the group. */
  readonly index: number;
}

/** A part as an occurrence of one that is kept. */
export interface PartReference extends BasePlace {
  /** Gap tokens before it. */
  readonly gap: number;
  /** The lead of the occurrence when its tokens have to be patched; undefined when they have not. */
  readonly lead: number | undefined;
}

/** What a section says of its structure. */
export interface SectionStructure {
  /** Whether it belongs to a layer that is not compressed; it has no events then, and no leads. */
  readonly isPlain: boolean;
  readonly events: readonly SectionEvent[];
  readonly parts: readonly PartReference[];
  /** Gap tokens after the last part. */
  readonly lastGap: number;
}

/** Where in the layer's bytes a section lies. Sections may meet inside of a byte. */
export interface BitRange {
  /** Bits of the layer before the section. */
  readonly startBit: number;
  /** Bits of the layer up to its end. */
  readonly endBit: number;
}
