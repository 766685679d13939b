/** The values of the metadata store, kept as JSON. Fields are only ever added, never re-used. */
import type { Digest } from '../../oci/digest.ts';
import type { FileId } from '../target/types.ts';

/** Where the bytes of a digest lie: in a file of the target, in the metadata store, or in a recipe. */
export interface ContentRecord {
  /** Bytes. */
  readonly size: number;
  /** File of the target; absent when the bytes lie elsewhere. */
  readonly file?: FileId;
  /** The bytes are kept nowhere as they are: they come back by the layer's recipe. */
  readonly recipe?: true;
  /** When the bytes came, milliseconds since 1970. */
  readonly at: number;
  /** Why it is quarantined; such content counts as absent until it is pushed again. */
  readonly damaged?: string;
}

/** Why and when content, or a group, was quarantined. */
export interface QuarantineRecord {
  readonly reason: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** A counter. */
export interface CounterRecord {
  /** The number that is handed out next. */
  readonly next: number;
}

/** Where a group of the segment store lies. */
export interface GroupRecord {
  readonly segment: FileId;
  /** Where its header begins, bytes from the start of the segment. */
  readonly position: number;
  /** Bytes without the header. */
  readonly length: number;
  /** What it holds, 0 to 255; the owner knows. */
  readonly kind: number;
  /** Why it is quarantined; it is not read any more, and stays until its owner releases it. */
  readonly damaged?: string;
}

/** What lies in a segment. */
export interface SegmentRecord {
  /** Where the last of the groups ends that were ever entered, bytes from the start. */
  readonly end: number;
  /** Bytes of the groups that are alive, headers included. */
  readonly live: number;
  /** Groups that are alive, and how many of them are quarantined. */
  readonly groups: number;
  readonly damaged: number;
  /** Since when it holds dead bytes, milliseconds since 1970; absent when it holds none. */
  readonly deadSince?: number;
}

/** The sum over all segments. */
export interface SegmentTotals {
  readonly segments: number;
  readonly groups: number;
  readonly damaged: number;
  /** Bytes of the groups that are alive, and of all segments. */
  readonly live: number;
  readonly bytes: number;
}

export const NO_SEGMENTS: SegmentTotals = { segments: 0, groups: 0, damaged: 0, live: 0, bytes: 0 };

/** How far the scrub of the segments has come. */
export interface SegmentScrubRecord {
  /** The key of the group looked at last; absent before the first. */
  readonly last?: string;
  /** When the pass began, milliseconds since 1970. */
  readonly started: number;
  /** When the last pass that came to its end did so; absent when none has. */
  readonly completed?: number;
}

/** How far the scrub has come, so that a restart does not begin anew. */
export interface ScrubRecord {
  /** The digest looked at last; absent before the first. */
  readonly last?: Digest;
  /** When the pass began, milliseconds since 1970. */
  readonly started: number;
  /** When the last pass that came to its end did so; absent when none has. */
  readonly completed?: number;
}

/** A manifest in a repository. */
export interface ManifestRecord {
  /** As pushed, without parameters. */
  readonly mediaType: string;
  /** Bytes. */
  readonly size: number;
  /** When it was pushed first, milliseconds since 1970. */
  readonly at: number;
  readonly subject?: Digest;
  /** It does not go by age before this time, because a tag that was deleted may come back. */
  readonly keptUntil?: number;
}

/** A tag. */
export interface TagRecord {
  readonly digest: Digest;
  /** When it was set, milliseconds since 1970. */
  readonly at: number;
}

/** A blob in a repository, or a repository. */
export interface MarkRecord {
  /** When it came, milliseconds since 1970. */
  readonly at: number;
}

/** A deleted manifest that can still be restored. */
export interface DeletedManifestRecord {
  readonly record: ManifestRecord;
  /** Tags that pointed to it. */
  readonly tags: readonly string[];
  /** Its entry in the list of referrers, when it has a subject. */
  readonly referrer?: string;
  /** When it was deleted and when it goes for good, milliseconds since 1970. */
  readonly at: number;
  readonly until: number;
}

/** A deleted tag that can still be restored. */
export interface DeletedTagRecord {
  readonly digest: Digest;
  readonly at: number;
  readonly until: number;
}

/** What the registry holds, kept with every change so that nobody ever has to count. */
export interface Totals {
  readonly repositories: number;
  readonly tags: number;
  readonly manifests: number;
  /** Distinct digests that have content, manifests included, and their bytes. */
  readonly contents: number;
  readonly bytes: number;
  /** Those of them that are kept as recipes only; older records do not have them. */
  readonly recipeContents: number;
  readonly recipeBytes: number;
}

export const NO_TOTALS: Totals = {
  repositories: 0,
  tags: 0,
  manifests: 0,
  contents: 0,
  bytes: 0,
  recipeContents: 0,
  recipeBytes: 0,
};

/** A value as stored. */
export function encode(record: object): Buffer {
  return Buffer.from(JSON.stringify(record));
}

/** A stored value as a record of the type that its key has. */
export function decode<T>(bytes: Uint8Array): T {
  const { buffer, byteOffset, byteLength } = bytes;
  return JSON.parse(Buffer.from(buffer, byteOffset, byteLength).toString('utf8')) as T;
}

/** The value of keys that say everything themselves. */
export const PRESENT: Uint8Array = Buffer.from('{}');
