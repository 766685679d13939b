/** What is known of the files in a layer without unpacking it: its tree. */
import type { TarEntryType } from '../../codec/tar/entry.ts';

/**
 * What an entry of a tree is: what the archive says, or that a layer below is covered. `whiteout` takes
 * away what has its path, `opaque` everything in the directory of its path, both in the layers below
 * (OCI image specification, "Layer Filesystem Changeset").
 */
export type TreeEntryType = TarEntryType | 'whiteout' | 'opaque';

/** Where the bytes of a regular file are, and what they have to be. */
export interface FileContent {
  /** SHA-256 of all of them, base64url. */
  readonly digest: string;
  /** Position of the first one in the plain content of the layer. */
  readonly start: number;
  /** Section of the layer's recipe that has its first part, and the number of that part there. */
  readonly section: number;
  readonly part: number;
  /**
   * Of a file of more than one part: the first {@link SUM_SIZE} bytes of the SHA-256 of each. Empty for
   * others, whose only part has the digest of the file.
   */
  readonly sums: Uint8Array;
}

/** Bytes of the checksum of a part. */
export const SUM_SIZE = 16;

/** One entry. */
export interface TreeEntry {
  /** See `paths.ts`. */
  readonly path: string;
  readonly type: TreeEntryType;
  /** Permission bits with set-user-ID, set-group-ID and sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of a file when it has been unpacked, 0 for others. */
  readonly size: number;
  /** Seconds since 1970, may be negative. */
  readonly mtime: number;
  /** Target of a symbolic link as it stands there, path of that of a hard link; '' for others. */
  readonly link: string;
  /** Numbers of a device, 0 for others. */
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  /** Absent for what is no regular file, and for sparse or cut-off ones, whose bytes cannot be had. */
  readonly content?: FileContent;
}

/** Entries of a tree that are stored together. */
export interface TreePiece {
  readonly bytes: Uint8Array;
  /** Entries in it. */
  readonly entries: number;
  /** Path of the first one. */
  readonly first: string;
  /** Pieces of one run follow one another in the order of their paths; later runs win over earlier. */
  readonly run: number;
  /** Under what its files can be found, each once; see `search-key.ts`. */
  readonly keys: readonly string[];
}
