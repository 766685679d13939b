/**
 * A gzip file (RFC 1952) in parts. For each member a header, data and a trailer; after the last
 * one perhaps bytes that belong to no member. All bytes of the file are in one of them.
 */
import type { BlockHead } from '../deflate/block.ts';
import type { DeflatePiece } from '../deflate/reader.ts';

/** The bytes before the DEFLATE stream of a member, verbatim. */
export interface GzipHeader {
  readonly kind: 'header';
  readonly bytes: Uint8Array;
}

/** A piece of a DEFLATE stream as it is read. */
export interface GzipData extends DeflatePiece {
  readonly kind: 'data';
}

/** What follows a DEFLATE stream. */
export interface GzipTrailer {
  readonly kind: 'trailer';
  /** Value of the bits between the final block and the next byte. */
  readonly padding: number;
  /** CRC32 and ISIZE, 8 bytes, verbatim. */
  readonly bytes: Uint8Array;
}

/** A trailer as it was read: whether it tells the truth. */
export interface CheckedTrailer extends GzipTrailer {
  /** Undefined when it was not compared. */
  readonly isCrcRight: boolean | undefined;
  readonly isSizeRight: boolean;
}

/** Bytes after the last member, or some of them. */
export interface GzipTail {
  readonly kind: 'tail';
  readonly bytes: Uint8Array;
}

/** What is read. */
export type GzipPart = GzipHeader | GzipData | CheckedTrailer | GzipTail;

/** Blocks, and tokens of these or of earlier ones: what a DEFLATE stream is written from. */
export interface GzipTokens {
  readonly kind: 'tokens';
  /** They have to come no later than their first token. */
  readonly blocks: readonly BlockHead[];
  readonly tokens: Uint32Array;
}

/** What is written. */
export type GzipSource = GzipHeader | GzipTokens | GzipTrailer | GzipTail;
