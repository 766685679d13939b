/**
 * What the floor above, which keeps layers as recipes, adds to the work of the store. It enters its
 * functions when it is opened; a store without it leaves layers as they are.
 */
import type { Digest } from '../oci/digest.ts';
import type { Changes } from './metadata/changes.ts';

/** A blob that was pushed and was not there before, or was damaged. */
export interface NewBlob {
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  readonly repository: string;
  /** Its first bytes, `HEAD_SIZE` at most; undefined when they would have to be read again. */
  readonly head: Uint8Array | undefined;
}

/** Bytes at the begin of a blob by which most of what is no layer can be told. */
export const HEAD_SIZE = 512;

/** What a scrub has read beside the contents. */
export interface ScrubbedBytes {
  /** Bytes read. */
  readonly bytes: number;
  /** What was found damaged. */
  readonly damaged: number;
}

/** Bytes that are no contents and are to be read again with them. */
export interface ScrubbedStore {
  /** Bytes that there are. */
  bytes(): number;
  /**
   * Reads all of them.
   * @param rate - bytes a second
   * @throws the signal's reason, CommitError
   */
  scrub(rate: () => number, signal: AbortSignal): Promise<ScrubbedBytes>;
}

/** Functions of the floor above; undefined where there is none. */
export interface StoreHooks {
  /** Called within the transaction that gives a blob its content. */
  blobAdded: ((changes: Changes, blob: NewBlob) => void) | undefined;
  /** Called when a blob is pushed, mounted, asked for or read. Must be quick. */
  blobUsed: ((digest: Digest, size: number) => void) | undefined;
  /**
   * Frees what contents that went had beside their bytes.
   * @returns recipes that were taken apart
   * @throws the signal's reason, CommitError
   */
  collect: ((signal: AbortSignal) => Promise<number>) | undefined;
  scrubbed: ScrubbedStore | undefined;
}

/** No functions yet. */
export function noHooks(): StoreHooks {
  return { blobAdded: undefined, blobUsed: undefined, collect: undefined, scrubbed: undefined };
}
