/** Rebuilding one section: what it takes, and what it gives. */
import { LRUCache } from 'lru-cache';
import { type BaseGroup, readBaseGroup } from '../../codec/tokens/base-group.ts';
import type { GroupId } from '../../storage/segments/types.ts';
import { RecipeError } from '../errors.ts';
import type { BitRange } from '../section/model.ts';
import { SectionRebuilder } from '../section/rebuild.ts';

/** A section to be rebuilt. */
export interface RebuildJob extends BitRange {
  readonly section: Uint8Array;
  /** The base groups that it needs. */
  readonly bases: readonly (readonly [id: GroupId, bytes: Uint8Array])[];
}

/** Bytes of tokens that are kept decoded, for sections that use the same groups. */
const CACHE_SIZE = 16 * 1024 * 1024;

/** Bytes that a decoded group takes in memory, nearly. */
export function memoryOf({ parts }: BaseGroup): number {
  return parts.reduce((sum, { tokens }) => sum + tokens.byteLength + 128, 128);
}

/** A place to do such jobs, one at a time. */
export type RebuildBench = (job: RebuildJob) => Uint8Array<ArrayBuffer>;

/** Sets up a place, with a cache of decoded groups. */
export function createRebuildBench(): RebuildBench {
  const rebuilder = new SectionRebuilder();
  const decoded = new LRUCache<GroupId, BaseGroup>({
    maxSize: CACHE_SIZE,
    sizeCalculation: memoryOf,
  });
  return ({ section, bases, startBit, endBit }) => {
    const packed = new Map(bases);
    // Held here as well: the cache may be too small for what one section needs.
    const own = new Map<GroupId, BaseGroup>();
    const baseOf = (id: GroupId): BaseGroup => {
      const held = own.get(id);
      if (held !== undefined) return held;
      const bytes = packed.get(id);
      if (bytes === undefined) throw new RecipeError('a group that is not named');
      const group = decoded.get(id) ?? readBaseGroup(bytes);
      decoded.set(id, group);
      own.set(id, group);
      return group;
    };
    return rebuilder.rebuild(section, baseOf, { startBit, endBit });
  };
}
