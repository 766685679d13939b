/** What can be wrong with a group. */
import type { GroupId } from './types.ts';

/** No group of that number: it was released, or never entered. */
export class GroupMissingError extends Error {
  override readonly name = 'GroupMissingError';
  readonly id: GroupId;

  constructor(id: GroupId) {
    super(`group ${id} is not there`);
    this.id = id;
  }
}

/** The bytes of a group are not those that were stored; it is quarantined. */
export class GroupDamagedError extends Error {
  override readonly name = 'GroupDamagedError';
  readonly id: GroupId;
  readonly reason: string;

  constructor(id: GroupId, reason: string) {
    super(`group ${id} is damaged: ${reason}`);
    this.id = id;
    this.reason = reason;
  }
}

/**
 * A group was to be entered that power loss could take: it has not been synced, or its writer was
 * closed. The caller has mistaken the order; nothing was entered.
 */
export class GroupNotDurableError extends Error {
  override readonly name = 'GroupNotDurableError';

  constructor(id: GroupId) {
    super(`group ${id} is not durable, or its writer is closed`);
  }
}

/** The index of the groups is half built: its rebuilding has to be run to its end. */
export class IndexIncompleteError extends Error {
  override readonly name = 'IndexIncompleteError';

  constructor() {
    super('the index of the segments is incomplete: its rebuilding was cut short');
  }
}

/** A segment was written by a newer version. */
export class SegmentVersionError extends Error {
  override readonly name = 'SegmentVersionError';

  constructor(version: number, known: number) {
    super(`a segment has version ${version}, this version knows ${known}: use a newer Stowage`);
  }
}
