/** Rebuilding one section: what it takes, and what it gives. */
import { LRUCache } from 'lru-cache';
import { DeflateError } from '../../codec/deflate/errors.ts';
import { type BaseParts, readBaseParts } from '../../codec/tokens/base-group.ts';
import { TokenError } from '../../codec/tokens/errors.ts';
import { freeBuffer, freeBytes } from '../../lib/free-bytes.ts';
import type { GroupId } from '../../storage/segments/types.ts';
import { RecipeError } from '../errors.ts';
import type { BitRange } from '../section/model.ts';
import { SectionRebuilder } from '../section/rebuild.ts';

/** A section to be rebuilt: all in one buffer, which is handed over, also to another thread. */
export interface RebuildJob extends BitRange {
  /** The base groups that it needs, and behind them the section. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Base groups and their bytes, in order. */
  readonly bases: readonly (readonly [id: GroupId, size: number])[];
}

/** Bytes of tokens that are kept decoded, for sections that use the same groups. */
const CACHE_SIZE = 8 * 1024 * 1024;

/** Bytes that decoded parts take in memory, nearly. */
export function memoryOf({ parts, tokens }: BaseParts): number {
  return tokens.byteLength + 128 * parts.length + 128;
}

/**
 * A place to do such jobs, one at a time. The bytes of a job are freed.
 * Throws RecipeError for what is damaged; any other error says nothing about what is stored.
 */
export type RebuildBench = (job: RebuildJob) => Uint8Array<ArrayBuffer>;

/** Sets up a place, with a cache of decoded groups. */
export function createRebuildBench(): RebuildBench {
  const rebuilder = new SectionRebuilder();
  const dropped: BaseParts[] = [];
  const decoded = new LRUCache<GroupId, BaseParts>({
    maxSize: CACHE_SIZE,
    sizeCalculation: memoryOf,
    dispose: (group) => void dropped.push(group),
  });

  /** Frees what was decoded and did not stay in the cache. */
  function freeTokens(used: ReadonlyMap<GroupId, BaseParts>): void {
    for (const [id, group] of used) if (decoded.peek(id) !== group) dropped.push(group);
    for (const { tokens } of dropped.splice(0)) freeBuffer(tokens.buffer);
  }

  return ({ bytes, bases, startBit, endBit }) => {
    const packed = new Map<GroupId, Uint8Array>();
    let at = 0;
    for (const [id, size] of bases) {
      packed.set(id, bytes.subarray(at, at + size));
      at += size;
    }
    // Held here as well: the cache may be too small for what one section needs.
    const used = new Map<GroupId, BaseParts>();
    const baseOf = (id: GroupId): BaseParts => {
      const held = used.get(id);
      if (held !== undefined) return held;
      const group = packed.get(id);
      if (group === undefined) throw new RecipeError('a group that is not named');
      let parts = decoded.get(id);
      if (parts === undefined) {
        parts = readBaseParts(group);
        decoded.set(id, parts);
      }
      used.set(id, parts);
      return parts;
    };
    try {
      return rebuilder.rebuild(bytes.subarray(at), baseOf, { startBit, endBit });
    } catch (error) {
      if (error instanceof TokenError || error instanceof DeflateError) {
        throw new RecipeError(error.message, { cause: error });
      }
      throw error;
    } finally {
      freeTokens(used);
      freeBytes(bytes);
    }
  };
}
