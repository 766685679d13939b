/** Rebuilding one section: what it takes, and what it gives. */
import { LRUCache } from 'lru-cache';
import { DeflateError } from '../../codec/deflate/errors.ts';
import {
  type BaseContents,
  type BaseParts,
  readBaseContents,
  readBaseParts,
} from '../../codec/tokens/base-group.ts';
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

/** Bytes of tokens, and of contents, that are kept for sections that use the same groups. */
const CACHE_SIZE = 8 * 1024 * 1024;

/** Bytes that decoded parts take in memory, nearly. */
export function memoryOf({ parts, tokens }: BaseParts): number {
  return tokens.byteLength + 128 * parts.length + 128;
}

/** Base groups in one of the forms in which sections need them, as long as they do and a while more. */
interface GroupCache<T> {
  /** @param packed - groups that are at hand */
  use(id: GroupId, packed: ReadonlyMap<GroupId, Uint8Array>): T;
  /** The section is over: frees what it has used and is not kept. */
  release(): void;
}

/**
 * Creates a cache.
 * @param bufferOf - what holds the most of a group's memory
 */
function createGroupCache<T extends object>(
  read: (bytes: Uint8Array) => T,
  sizeOf: (group: T) => number,
  bufferOf: (group: T) => ArrayBuffer,
): GroupCache<T> {
  const dropped: T[] = [];
  const kept = new LRUCache<GroupId, T>({
    maxSize: CACHE_SIZE,
    sizeCalculation: sizeOf,
    dispose: (group) => void dropped.push(group),
  });
  // Held here as well: the cache may be too small for what one section needs.
  const used = new Map<GroupId, T>();
  return {
    use(id, packed) {
      const held = used.get(id);
      if (held !== undefined) return held;
      const bytes = packed.get(id);
      if (bytes === undefined) throw new RecipeError('a group that is not named');
      let group = kept.get(id);
      if (group === undefined) {
        group = read(bytes);
        kept.set(id, group);
      }
      used.set(id, group);
      return group;
    },
    release() {
      for (const [id, group] of used) if (kept.peek(id) !== group) dropped.push(group);
      used.clear();
      for (const group of dropped.splice(0)) freeBuffer(bufferOf(group));
    },
  };
}

/**
 * A place to do such jobs, one at a time. The bytes of a job are freed.
 * Throws RecipeError for what is damaged; any other error says nothing about what is stored.
 */
export type RebuildBench = (job: RebuildJob) => Uint8Array<ArrayBuffer>;

/** Sets up a place, with a cache of decoded groups. */
export function createRebuildBench(): RebuildBench {
  const rebuilder = new SectionRebuilder();
  const tokens = createGroupCache<BaseParts>(
    readBaseParts,
    memoryOf,
    (group) => group.tokens.buffer,
  );
  const contents = createGroupCache<BaseContents>(
    readBaseContents,
    ({ bytes, parts }) => bytes.length + 128 * parts.length + 128,
    (group) => group.bytes.buffer,
  );

  return ({ bytes, bases, startBit, endBit }) => {
    const packed = new Map<GroupId, Uint8Array>();
    let at = 0;
    for (const [id, size] of bases) {
      packed.set(id, bytes.subarray(at, at + size));
      at += size;
    }
    const groups = {
      parts: (id: GroupId) => tokens.use(id, packed),
      contents: (id: GroupId) => contents.use(id, packed),
    };
    try {
      return rebuilder.rebuild(bytes.subarray(at), groups, { startBit, endBit });
    } catch (error) {
      if (error instanceof TokenError || error instanceof DeflateError) {
        throw new RecipeError(error.message, { cause: error });
      }
      throw error;
    } finally {
      tokens.release();
      contents.release();
      freeBytes(bytes);
    }
  };
}
