/** What the parts of this floor share. */
import type { StoreLogger } from '../storage/context.ts';
import type { KeyValueStore } from '../storage/kv/types.ts';
import type { Clock } from '../storage/leases.ts';
import type { SegmentStore } from '../storage/segments/store.ts';
import type { GroupId } from '../storage/segments/types.ts';
import type { Rebuilders } from './restore/rebuilders.ts';

/** Places in the code where a fault test may stop the process; the names are part of the tests. */
export type DedupFaultPoint =
  | 'ingest.begun'
  | 'ingest.written'
  | 'ingest.section'
  | 'ingest.tree'
  | 'ingest.verified'
  | 'ingest.committed'
  | 'collect.section'
  | 'collect.base'
  | 'collect.tree'
  | 'drop.committed'
  | 'drop.unlinked'
  | 'damage.committed'
  | 'undo.synced'
  | 'undo.committed';

/** Shared by ingest, restore and collection. */
export interface DedupContext {
  readonly kv: KeyValueStore;
  readonly segments: SegmentStore;
  readonly rebuilders: Rebuilders;
  readonly clock: Clock;
  readonly logger: StoreLogger;
  /** Base groups that a running ingest is about to refer to, and by how many it is. */
  readonly pins: Map<GroupId, number>;
  /** Recipes that are being restored, and by how many; the collector leaves them alone. */
  readonly readers: Map<number, number>;
  /** Recipes that are being made; all other loose ones are to be taken apart. */
  readonly running: Set<number>;
  /** Called at named places; does nothing outside of fault tests. */
  readonly faultPoint: (name: DedupFaultPoint) => void | Promise<void>;
}

/** What a group of the segment store holds. */
export const GROUP_KIND = { base: 1, section: 2, recipeIndex: 3, tree: 4 } as const;
