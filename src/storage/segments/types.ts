/** The terms of the segment store: groups, and where they lie. */
import type { FileId } from '../target/types.ts';

/** Number of a group; no two groups ever have the same, also after the first is gone. */
export type GroupId = number;

/** A group to be stored: bytes that mean something to their owner only. */
export interface NewGroup {
  /** What they mean, 0 to 255. */
  readonly kind: number;
  /** 1 byte to {@link MAX_GROUP}. */
  readonly bytes: Uint8Array;
}

/** A stored group. */
export interface Group extends NewGroup {
  readonly id: GroupId;
}

/** Where a group was written. */
export interface Placement {
  readonly id: GroupId;
  readonly kind: number;
  readonly segment: FileId;
  /** Where its header begins, bytes from the start of the segment. */
  readonly position: number;
  /** Bytes without the header. */
  readonly length: number;
}

/** Bytes that a group may have: read, checked and copied in one piece, it must stay small. */
export const MAX_GROUP = 2 * 1024 * 1024;
