/** Rebuilding one section: what it takes, and what it gives. */
import { LRUCache } from 'lru-cache';
import { DeflateError } from '../../codec/deflate/errors.ts';
import { type BaseContents, readBaseContents } from '../../codec/tokens/base-group.ts';
import { BasePartReader } from '../../codec/tokens/base-part-reader.ts';
import { TokenError } from '../../codec/tokens/errors.ts';
import { freeBuffer } from '../../lib/free-bytes.ts';
import type { GroupId } from '../../storage/segments/types.ts';
import { RecipeError } from '../errors.ts';
import { BufferPool } from '../section/buffer-pool.ts';
import type { BitRange } from '../section/model.ts';
import { SectionRebuilder } from '../section/rebuild.ts';

/**
 * A section to be rebuilt. Its bytes are views of the buffers into which they were read, which are
 * handed over with it, also to another thread.
 */
export interface RebuildJob extends BitRange {
  /** The base groups that it needs. */
  readonly bases: readonly (readonly [id: GroupId, bytes: Uint8Array])[];
  /** The section itself, in pieces. */
  readonly section: readonly Uint8Array[];
}

/** The buffers that hold the bytes of a job, each once. */
export function buffersOf({ bases, section }: RebuildJob): ArrayBuffer[] {
  const buffers = new Set(section.map(({ buffer }) => buffer));
  for (const [, { buffer }] of bases) buffers.add(buffer);
  return [...buffers].filter((buffer) => buffer instanceof ArrayBuffer);
}

/** The bytes of a section in one piece. */
function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const [first, ...more] = pieces;
  return first !== undefined && more.length === 0 ? first : Buffer.concat(pieces);
}

/** Bytes of parts, and of contents, that are kept for sections that use the same groups. */
const CACHE_SIZE = 8 * 1024 * 1024;

/**
 * Memory for tokens that is used again: new memory costs as much as filling it. Those of a group take at
 * most 2 MiB, mostly a third of that.
 */
const TOKEN_BUFFER = 256 * 1024;
const IDLE_TOKENS = CACHE_SIZE / TOKEN_BUFFER;

/** Base groups in one of the forms in which sections need them, as long as they do and a while more. */
interface GroupCache<T> {
  /** @param packed - groups that are at hand */
  use(id: GroupId, packed: ReadonlyMap<GroupId, Uint8Array>): T;
  /** The section is over: frees what it has used and is not kept. */
  release(): void;
}

/**
 * Creates a cache.
 * @param free - frees what holds the most of a group's memory; called once for each
 */
function createGroupCache<T extends object>(
  read: (bytes: Uint8Array) => T,
  sizeOf: (group: T) => number,
  free: (group: T) => void,
): GroupCache<T> {
  /** A set: what left the cache while it was in use would be here twice. */
  const dropped = new Set<T>();
  const kept = new LRUCache<GroupId, T>({
    maxSize: CACHE_SIZE,
    sizeCalculation: sizeOf,
    dispose: (group) => void dropped.add(group),
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
      for (const [id, group] of used) if (kept.peek(id) !== group) dropped.add(group);
      used.clear();
      for (const group of dropped) free(group);
      dropped.clear();
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
  const pool = new BufferPool(TOKEN_BUFFER, IDLE_TOKENS);
  const rebuilder = new SectionRebuilder(pool);
  const parts = createGroupCache<BasePartReader>(
    (bytes) => new BasePartReader(bytes, (size) => pool.take(size)),
    ({ memory }) => memory,
    (group) => group.free((buffer) => pool.give(buffer)),
  );
  const contents = createGroupCache<BaseContents>(
    readBaseContents,
    ({ bytes, parts }) => bytes.length + 128 * parts.length + 128,
    (group) => freeBuffer(group.bytes.buffer),
  );

  return (job) => {
    const { bases, section, startBit, endBit } = job;
    const packed = new Map<GroupId, Uint8Array>(bases);
    const groups = {
      parts: (id: GroupId) => parts.use(id, packed),
      contents: (id: GroupId) => contents.use(id, packed),
    };
    try {
      return rebuilder.rebuild(joined(section), groups, { startBit, endBit });
    } catch (error) {
      if (error instanceof TokenError || error instanceof DeflateError) {
        throw new RecipeError(error.message, { cause: error });
      }
      throw error;
    } finally {
      parts.release();
      contents.release();
      for (const buffer of buffersOf(job)) freeBuffer(buffer);
    }
  };
}
