/** What reading a layer once gives. */
import type { Digest } from '../../oci/digest.ts';

/** Kinds of entries of a layer, by their number in {@link EntryBatch.kinds}. */
export const ENTRY_KINDS = [
  'file',
  'directory',
  'symlink',
  'hardlink',
  'character-device',
  'block-device',
  'fifo',
  'other',
  /** An entry of no size that hides one of a lower layer, or all of a directory. */
  'whiteout',
  'opaque-whiteout',
] as const;
export type EntryKind = (typeof ENTRY_KINDS)[number];

/** Entries of one layer, as columns; all have `count` rows. Transferable to another thread. */
export interface EntryBatch {
  readonly count: number;
  /** Numbers the entries of a layer from 0 on, in the order of the archive. */
  readonly firstIndex: number;
  /**
   * As engines see them: no `./` or `/` before, no `/` behind, no `.` or `..` or empty parts; the
   * root is ''. What is not UTF-8 is written as `\xNN`, and a backslash as `\\`.
   */
  readonly paths: readonly string[];
  /** Indexes into {@link ENTRY_KINDS}. */
  readonly kinds: Uint8Array;
  /** Bytes of files; 0 for others, hard links too. */
  readonly sizes: Float64Array;
  /** SHA-256 of files, 32 bytes a row; zeros for others. */
  readonly hashes: Uint8Array;
  /** Number of the type (types/taxonomy.ts) of files; 0 for others. */
  readonly types: Uint16Array;
  /** Permission bits with set-user-ID, set-group-ID and sticky. */
  readonly modes: Uint16Array;
  readonly uids: Float64Array;
  readonly gids: Float64Array;
  /** Seconds since 1970. */
  readonly mtimes: Float64Array;
  /** Targets of links (hard links: normalised like paths); undefined for others. */
  readonly links: readonly (string | undefined)[];
  /**
   * Compressed bytes of the layer that fell to the body of the entry, read off the decompressor's
   * position; 0 for others. The size itself in plain layers.
   */
  readonly packedSizes: Float64Array;
}

/** How a layer is compressed; `unknown` is no archive at all. */
export type LayerCompression = 'gzip' | 'zstd' | 'none' | 'unknown';

/** A layer after it was read to its end. */
export interface LayerScan {
  /** Of the bytes as stored, computed. */
  readonly digest: Digest;
  /** Of the uncompressed bytes, computed. */
  readonly diffId: Digest;
  readonly compression: LayerCompression;
  /** Bytes as stored. */
  readonly storedSize: number;
  /** Bytes of the uncompressed tar. */
  readonly archiveSize: number;
  /** Entries of the archive that engines unpack; those after its end are not counted. */
  readonly entries: number;
  /** What is odd about it, for the report, each kind once with a count; empty for most. */
  readonly remarks: readonly LayerRemark[];
  /** Chunk hashes by way of cutting, when asked for. */
  readonly chunks: readonly ChunkSet[];
}

/** Something odd in a layer that did not keep it from being read. */
export interface LayerRemark {
  /** For machines, for example `media-type-lies`, `truncated`, `duplicate-path`, `not-utf8`. */
  readonly code: string;
  /** For people, with the first example. */
  readonly message: string;
  readonly count: number;
}

/** The chunks of a layer, cut in one way. */
export interface ChunkSet {
  /** For example `fixed-4096` or `cdc-8192`; what is cut are the bodies of files. */
  readonly method: string;
  /** First 16 bytes of the SHA-256 of each distinct chunk of the layer, one after the other. */
  readonly hashes: Uint8Array;
  /** Bytes of each. */
  readonly sizes: Uint32Array;
  /** How often each occurs in the layer. */
  readonly counts: Uint32Array;
}
