/** What the parts of the segment store share. */
import type { StoreLogger } from '../context.ts';
import type { KeyValueStore } from '../kv/types.ts';
import type { Clock } from '../leases.ts';
import type { FileId, Target } from '../target/types.ts';

/** Places in the code where a fault test may stop the process; the names are part of the tests. */
export type SegmentFaultPoint =
  | 'segment.synced'
  | 'segment.dead'
  | 'segment.unlinked'
  | 'segment.cut'
  | 'compaction.copied'
  | 'compaction.swapped';

/** A segment that a writer has to itself. */
export interface WritingSegment {
  /** Bytes from its start that would survive power loss. */
  synced: number;
}

/** Shared by all parts of one segment store. */
export interface SegmentContext {
  readonly kv: KeyValueStore;
  /** Holds segments and nothing else; the number of a file is the number of the segment. */
  readonly target: Target;
  readonly clock: Clock;
  readonly logger: StoreLogger;
  /** Bytes that a segment may have. */
  readonly segmentSize: number;
  /** Segments that have a writer. No other part changes their files. */
  readonly writing: Map<FileId, WritingSegment>;
  /** Segments that have room left and no writer, and where their entered bytes end. */
  readonly idle: Map<FileId, number>;
  /** Called at named places; does nothing outside of fault tests. */
  readonly faultPoint: (name: SegmentFaultPoint) => void | Promise<void>;
}
