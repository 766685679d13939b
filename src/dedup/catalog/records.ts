/** What the metadata store knows of layers that are kept as recipes. docs/formats.md has the keys. */
import type { Digest } from '../../oci/digest.ts';
import type { GroupId } from '../../storage/segments/types.ts';
import type { RefusalReason } from '../errors.ts';

/** Where the tokens of a part are kept: the group, and the number of the part in it. */
export type Variant = readonly [group: GroupId, index: number];

/** A part that is known. */
export interface PartRecord {
  /** Its occurrences that are kept, the first ones first. */
  readonly variants: readonly Variant[];
}

/** How a base group is used. */
export interface BaseRecord {
  /** Sections that refer to parts in it. */
  readonly sections: number;
  /** Its bytes. */
  readonly bytes: number;
}

/** Bytes of a section by what they are for. */
export interface SectionBytes {
  readonly structure: number;
  readonly gaps: number;
  readonly patches: number;
}

/** A section, and what it holds on to. */
export interface SectionRecord {
  /** Its own groups: the first one, and how many. */
  readonly groups: readonly [first: GroupId, count: number];
  /** Base groups whose parts it refers to. */
  readonly bases: readonly GroupId[];
  readonly bytes: SectionBytes;
}

/** The recipe of a layer. */
export interface RecipeRecord {
  /** Its number. */
  readonly recipe: number;
  /** The groups of its index. */
  readonly index: readonly GroupId[];
  /** Bytes of the layer, of its plain content, and of the index. */
  readonly size: number;
  readonly plainSize: number;
  readonly indexBytes: number;
  /** When it was made, milliseconds since 1970. */
  readonly at: number;
}

/** A recipe without a layer: one that is being made, or one that is to be taken apart. */
export interface LooseRecipeRecord {
  readonly digest: Digest;
  /** The groups of its index, once there are any. */
  readonly index: readonly GroupId[];
}

/** The tree of a layer whose recipe is finished. */
export interface TreeRecord {
  readonly digest: Digest;
  readonly pieces: number;
  readonly entries: number;
}

/** A piece of a tree. */
export interface TreePieceRecord {
  readonly group: GroupId;
  /** Path of its first entry, and how many it has; see `TreePiece`. */
  readonly first: string;
  readonly entries: number;
  readonly run: number;
  /** Bytes of the group. */
  readonly bytes: number;
}

/** In which recipe's tree something is to be found. */
export interface FileKeyRecord {
  readonly recipe: number;
}

/** A layer that waits to be ingested. */
export interface QueuedLayerRecord {
  /** Since when, milliseconds since 1970. */
  readonly at: number;
}

/** A layer that is kept as it is. */
export interface RefusedLayerRecord {
  readonly reason: RefusalReason;
  readonly at: number;
  /** Format of the data directory that the program knew which refused it; none: 2 or less. */
  readonly format?: number;
}

/** A layer that is there as it was pushed, although it has a recipe. */
export interface IntactCopyRecord {
  /** Bytes. */
  readonly size: number;
}

/** What is kept as recipes, and what waits. Bytes do not count the headers of groups. */
export type DedupTotals = StoredTotals & RefusedTotals;

/** Layers that were refused, by the reason. */
type RefusedTotals = Readonly<Record<`refused ${RefusalReason}`, number>>;

interface StoredTotals {
  /** Layers that have a recipe, their bytes, and those of their plain content. */
  readonly layers: number;
  readonly size: number;
  readonly plainSize: number;
  /** Bytes by what they are for. Those of recipes that are not finished count too. */
  readonly bases: number;
  readonly structure: number;
  readonly gaps: number;
  readonly patches: number;
  readonly index: number;
  readonly trees: number;
  /** Entries in trees. */
  readonly files: number;
  /** Keys by which they are found, and bytes of these in the metadata store. */
  readonly fileKeys: number;
  readonly fileKeyBytes: number;
  /** Layers that have a recipe and are there as they were pushed as well, and their bytes. */
  readonly copies: number;
  readonly copyBytes: number;
  /** Layers that wait to be ingested. */
  readonly queued: number;
}

export const NO_DEDUP_TOTALS: DedupTotals = {
  layers: 0,
  size: 0,
  plainSize: 0,
  bases: 0,
  structure: 0,
  gaps: 0,
  patches: 0,
  index: 0,
  trees: 0,
  files: 0,
  fileKeys: 0,
  fileKeyBytes: 0,
  copies: 0,
  copyBytes: 0,
  queued: 0,
  'refused format': 0,
  'refused zstd': 0,
  'refused broken': 0,
  'refused structure': 0,
  'refused not-worth-it': 0,
  'refused not-exact': 0,
};
