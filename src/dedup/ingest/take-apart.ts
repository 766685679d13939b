/** Takes a layer apart: what is done of an ingest without touching the store. */
import { LRUCache } from 'lru-cache';
import { DeflateError } from '../../codec/deflate/errors.ts';
import { GzipError } from '../../codec/gzip/errors.ts';
import { type BaseGroup, readBaseGroup } from '../../codec/tokens/base-group.ts';
import { ByteWriter } from '../../codec/tokens/bytes.ts';
import { TokenError } from '../../codec/tokens/errors.ts';
import type { GroupId } from '../../storage/segments/types.ts';
import { LayerRefusedError } from '../errors.ts';
import type { TreePiece } from '../files/model.ts';
import { BlockSums } from '../recipe/block-sums.ts';
import { memoryOf } from '../restore/rebuild-job.ts';
import { SectionCutter } from '../section/cutter.ts';
import type { SectionDraft } from '../section/draft.ts';
import { joinSection } from '../section/format.ts';
import type { BasePlace } from '../section/model.ts';
import { type NewBase, packSection } from '../section/pack.ts';

/** A section that is to be stored; its new base groups were handed over before. */
export interface SectionToStore {
  readonly bytes: Uint8Array;
  /** Bytes by what they are for. */
  readonly structure: number;
  readonly gaps: number;
  readonly patches: number;
  /** Base groups that it refers to, the new ones included. */
  readonly uses: readonly GroupId[];
  readonly startBit: number;
  readonly startByte: number;
}

/** The store, as seen by who takes a layer apart. One call at a time. */
export interface IngestHost {
  /** Where parts are known to be kept. What is found stays until the section has been stored. */
  find(hashes: readonly string[]): Promise<readonly (readonly BasePlace[])[]>;
  /** Base groups; those that cannot be read are left out. */
  read(groups: readonly GroupId[]): Promise<ReadonlyMap<GroupId, Uint8Array>>;
  /** Writes new base groups of the next section. @returns their numbers */
  writeBases(bases: readonly NewBase[]): Promise<readonly GroupId[]>;
  /**
   * Stores a section, so that the next one can refer to its parts.
   * @returns false when a group that it refers to is gone: then nothing was stored
   */
  storeSection(section: SectionToStore): Promise<boolean>;
  /** Stores pieces of the layer's tree. */
  storeTree(pieces: readonly TreePiece[]): Promise<void>;
}

/** What a layer came to. */
export interface TakenApart {
  /** Bytes of the layer, and plain ones. */
  readonly size: number;
  readonly plainSize: number;
  /** Nothing of it was a tar. */
  readonly isOpaque: boolean;
  /** Checksums of its blocks, one after the other. */
  readonly sums: Uint8Array;
}

/** How layers are taken apart. */
export interface TakeApartOptions {
  /** Most variants of one part that are kept. */
  readonly maxVariants: number;
  /** Level of zstd for what is stored. */
  readonly level: number;
}

/** Bytes of tokens that are kept decoded. */
const CACHE_SIZE = 32 * 1024 * 1024;
/** Pieces of a tree that are written and synced together. */
const PIECES_AT_ONCE = 32;
/** How often a section is packed, when groups that it refers to are gone in the meantime. */
const ATTEMPTS = 4;

/** Takes layers apart, one at a time. */
export interface LayerTaker {
  /**
   * @param chunks - the bytes of the layer
   * @throws LayerRefusedError ('format', 'broken', 'structure'), what the host and the chunks throw
   */
  take(chunks: AsyncIterable<Uint8Array>, host: IngestHost): Promise<TakenApart>;
}

/** A group that is damaged is as good as none: its parts are stored anew. */
function tryRead(bytes: Uint8Array): BaseGroup | undefined {
  try {
    return readBaseGroup(bytes);
  } catch (error) {
    if (error instanceof TokenError) return undefined;
    throw error;
  }
}

/** Has pieces of a tree stored, some at a time. */
async function storeTree(pieces: Iterable<TreePiece>, host: IngestHost): Promise<void> {
  let some: TreePiece[] = [];
  for (const piece of pieces) {
    some.push(piece);
    if (some.length < PIECES_AT_ONCE) continue;
    await host.storeTree(some);
    some = [];
  }
  if (some.length > 0) await host.storeTree(some);
}

/** Creates a taker, with a cache of decoded groups. */
export function createLayerTaker({ maxVariants, level }: TakeApartOptions): LayerTaker {
  const decoded = new LRUCache<GroupId, BaseGroup>({
    maxSize: CACHE_SIZE,
    sizeCalculation: memoryOf,
  });

  async function groupsOf(
    variants: readonly (readonly BasePlace[])[],
    host: IngestHost,
  ): Promise<ReadonlyMap<GroupId, BaseGroup>> {
    const groups = new Map<GroupId, BaseGroup>();
    const missing = new Set<GroupId>();
    for (const { group } of variants.flat()) {
      const known = decoded.get(group);
      if (known === undefined) missing.add(group);
      else groups.set(group, known);
    }
    if (missing.size === 0) return groups;
    const found = await host.read([...missing].sort((a, b) => a - b));
    for (const [id, bytes] of found) {
      const group = tryRead(bytes);
      if (group === undefined) continue;
      decoded.set(id, group);
      groups.set(id, group);
    }
    return groups;
  }

  async function store(draft: SectionDraft, host: IngestHost, layer: object): Promise<void> {
    const hashes = draft.parts.map(({ hash }) => hash);
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const variants = hashes.length > 0 ? await host.find(hashes) : [];
      const groups = await groupsOf(variants, host);
      const packed = packSection(draft, { variants, groups }, { layer, maxVariants, level });
      const ids = packed.bases.length > 0 ? await host.writeBases(packed.bases) : [];
      const { uses, structure, gaps, patches } = packed.finish(ids);
      const { startBit, startByte } = draft;
      const isStored = await host.storeSection({
        bytes: joinSection({ structure, gaps, patches }),
        structure: structure.length,
        gaps: gaps.length,
        patches: patches.length,
        uses,
        startBit,
        startByte,
      });
      if (isStored) return;
      for (const group of uses) decoded.delete(group);
    }
    throw new Error('base groups went away again and again');
  }

  async function takeAll(chunks: AsyncIterable<Uint8Array>, host: IngestHost): Promise<TakenApart> {
    const cutter = new SectionCutter({ packing: { level } });
    const hasher = new BlockSums();
    const sums = new ByteWriter();
    const layer = {};
    for await (const chunk of chunks) {
      for (const sum of hasher.add(chunk)) sums.append(sum);
      for (const draft of cutter.push(chunk)) await store(draft, host, layer);
      await storeTree(cutter.tree.full(), host);
    }
    for (const sum of hasher.finish()) sums.append(sum);
    for (const draft of cutter.finish()) await store(draft, host, layer);
    await storeTree(cutter.tree.finish(), host);
    const { size, plainSize, isOpaque } = cutter;
    return { size, plainSize, isOpaque, sums: sums.bytes };
  }

  return {
    async take(chunks, host) {
      try {
        return await takeAll(chunks, host);
      } catch (error) {
        if (error instanceof GzipError) {
          const reason = error.code === 'magic' && error.offset === 0 ? 'format' : 'broken';
          throw new LayerRefusedError(reason, { cause: error });
        }
        if (error instanceof DeflateError) throw new LayerRefusedError('broken', { cause: error });
        throw error;
      }
    },
  };
}
