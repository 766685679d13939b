/** Takes a layer apart: what is done of an ingest without touching the store. */
import { LRUCache } from 'lru-cache';
import { DeflateError } from '../../codec/deflate/errors.ts';
import { GzipError } from '../../codec/gzip/errors.ts';
import { type BaseParts, readBaseParts } from '../../codec/tokens/base-group.ts';
import { ByteWriter } from '../../codec/tokens/bytes.ts';
import { TokenError } from '../../codec/tokens/errors.ts';
import type { GroupId } from '../../storage/segments/types.ts';
import { LayerRefusedError } from '../errors.ts';
import type { TreePiece } from '../files/model.ts';
import { BlockSums } from '../recipe/block-sums.ts';
import { createRebuildBench, type RebuildBench, type RebuildJob } from '../restore/rebuild-job.ts';
import type { SectionDraft } from '../section/draft.ts';
import { joinSection } from '../section/format.ts';
import { type CuttableFormat, createCutters } from '../section/layer-cutter.ts';
import type { BasePlace } from '../section/model.ts';
import { type NewBase, packSection } from '../section/pack.ts';
import { type ExpectedLayer, verifyLayer } from './verify.ts';

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
  /** Most variants of one part that are kept, see `SectionPacking`. */
  readonly maxVariants: number;
  /** Level of zstd for what is stored. */
  readonly level: number;
}

/** Bytes that decoded parts take in memory, nearly. */
function memoryOf({ parts, tokens }: BaseParts): number {
  return tokens.byteLength + 128 * parts.length + 128;
}

/** Bytes of tokens that are kept decoded. */
const CACHE_SIZE = 16 * 1024 * 1024;
/** Pieces of a tree that are written and synced together. */
const PIECES_AT_ONCE = 32;
/** How often a section is packed, when groups that it refers to are gone in the meantime. */
const ATTEMPTS = 4;

/** A layer that is to be taken apart: what it is, and its bytes. */
export interface LayerToTake {
  readonly format: CuttableFormat;
  readonly chunks: AsyncIterable<Uint8Array>;
}

const NO_GROUPS: ReadonlyMap<GroupId, BaseParts> = new Map();

/** Takes layers apart, one at a time. */
export interface LayerTaker {
  /** @throws LayerRefusedError ('format', 'broken', 'structure'), what the host and the chunks throw */
  take(layer: LayerToTake, host: IngestHost): Promise<TakenApart>;
  /**
   * Puts a layer together that it has taken apart. Nobody waits for this either, so it is not for those
   * who rebuild for clients.
   * @param jobs - all sections
   * @throws RecipeError when it does not come back, what the jobs throw
   */
  verify(layer: ExpectedLayer, jobs: AsyncIterable<RebuildJob>): Promise<void>;
}

/** A group that is damaged is as good as none: its parts are stored anew. */
function tryRead(bytes: Uint8Array): BaseParts | undefined {
  try {
    return readBaseParts(bytes);
  } catch (error) {
    if (error instanceof TokenError) return undefined;
    throw error;
  }
}

/** Cuts a sequence into lists of so many items. */
function* inLists<T>(items: Iterable<T>, count: number): Generator<T[], void> {
  let list: T[] = [];
  for (const item of items) {
    list.push(item);
    if (list.length < count) continue;
    yield list;
    list = [];
  }
  if (list.length > 0) yield list;
}

/** Creates a taker, with a cache of decoded groups. */
export function createLayerTaker({ maxVariants, level }: TakeApartOptions): LayerTaker {
  const createCutter = createCutters();
  const decoded = new LRUCache<GroupId, BaseParts>({
    maxSize: CACHE_SIZE,
    sizeCalculation: memoryOf,
  });

  async function groupsOf(
    variants: readonly (readonly BasePlace[])[],
    host: IngestHost,
  ): Promise<ReadonlyMap<GroupId, BaseParts>> {
    const groups = new Map<GroupId, BaseParts>();
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
    try {
      await tryToStore(draft, host, layer);
    } finally {
      draft.free();
    }
  }

  async function tryToStore(draft: SectionDraft, host: IngestHost, layer: object): Promise<void> {
    const hashes = draft.parts.map(({ hash }) => hash);
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const variants = hashes.length > 0 ? await host.find(hashes) : [];
      // Of parts of plain layers only the place is needed.
      const groups = draft.isPlain ? NO_GROUPS : await groupsOf(variants, host);
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

  async function takeAll({ format, chunks }: LayerToTake, host: IngestHost): Promise<TakenApart> {
    const cutter = createCutter(format);
    const hasher = new BlockSums();
    const sums = new ByteWriter();
    const layer = {};
    /** The section that is on its way, while the next one is cut. */
    let storing: Promise<void> = Promise.resolve();
    const storeNext = async (draft: SectionDraft): Promise<void> => {
      await storing;
      storing = store(draft, host, layer);
      // It is looked at in its turn; until then a failure is not unhandled.
      storing.catch(() => undefined);
    };
    const storeTree = async (pieces: Iterable<TreePiece>): Promise<void> => {
      for (const some of inLists(pieces, PIECES_AT_ONCE)) {
        // The host takes one call at a time.
        await storing;
        await host.storeTree(some);
      }
    };
    try {
      for await (const chunk of chunks) {
        for (const sum of hasher.add(chunk)) sums.append(sum);
        for (const draft of cutter.push(chunk)) await storeNext(draft);
        await storeTree(cutter.tree.full());
      }
      for (const sum of hasher.finish()) sums.append(sum);
      for (const draft of cutter.finish()) await storeNext(draft);
    } finally {
      // Nothing is asked of the host any more when this is over.
      await storing;
    }
    await storeTree(cutter.tree.finish());
    const { size, plainSize, isOpaque } = cutter;
    return { size, plainSize, isOpaque, sums: sums.bytes };
  }

  let bench: RebuildBench | undefined;

  return {
    verify(layer, jobs) {
      bench ??= createRebuildBench();
      return verifyLayer(bench, layer, jobs);
    },
    async take(layer, host) {
      try {
        return await takeAll(layer, host);
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
