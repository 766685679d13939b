/**
 * Restores of layers for many readers. Blocks come from three places: from a restore that another reader
 * has begun and that is near enough, from the cache, and else from a restore of its own, which others
 * may join. A reader that falls behind goes on in the same way from where it is.
 */
import type { Mutable } from '../../lib/mutable.ts';
import { createSlots } from '../../lib/slots.ts';
import type { Digest } from '../../oci/digest.ts';
import type { DedupContext } from '../context.ts';
import { BLOCK_SIZE } from '../recipe/block-sums.ts';
import type { RecipeIndex } from '../recipe/recipe-index.ts';
import { BlockCache } from './block-cache.ts';
import { BlockStream } from './block-stream.ts';
import { type ByteRange, checkedBlocks } from './checked-blocks.ts';
import { asLayerError } from './damage.ts';
import { DigestCheck } from './digest-check.ts';
import type { ReadyRecipe } from './sections.ts';
import { lendBlock, type SharedBlock } from './shared-block.ts';

/** Restores at once; each holds some sections, of about 4 MiB of plain bytes, in memory. */
const MAX_RESTORES = 16;
/**
 * Bytes of blocks that a restore keeps for readers that are behind or join, and those of all together.
 * A few times what connections buffer, so that clients of one speed do not lose each other.
 */
const MAX_WINDOW = 4 * 1024 * 1024;
const MAX_WINDOWS = 32 * 1024 * 1024;

/** Bytes of blocks that are kept. */
export interface RestoreMemory {
  /** In the cache. Default 64 MiB. */
  readonly cache?: number;
  /** Of each restore. Default 4 MiB, and 32 MiB of all. */
  readonly window?: number;
}

/** What restores did, and what was saved. */
export interface RestoreWork {
  /** Restores that were begun, the bytes that they gave, and the seconds that these took. */
  readonly layers: number;
  readonly bytes: number;
  readonly seconds: number;
  /** Times that a reader joined a restore of another one, and that one fell behind. */
  readonly joined: number;
  readonly behind: number;
  /** Bytes that came from the cache. */
  readonly cachedBytes: number;
}

/** What is read, by whom. */
export interface RestoreRequest {
  readonly digest: Digest;
  readonly range: ByteRange;
  readonly signal: AbortSignal;
}

/** Restores layers. */
export interface Restores {
  /**
   * The bytes of a stretch of a layer, each checked. When it is all of it, the digest is compared before
   * the last block is given. Nobody changes or frees what is given; `giveBackBlock` is for those who
   * need it no more.
   * @param recipe - lent as long as it is read
   * @throws LayerDamagedError instead of wrong bytes, with its cause; the signal's reason; errors of
   *   the system that say nothing about the bytes
   */
  read(recipe: ReadyRecipe, request: RestoreRequest): AsyncGenerator<Buffer, void>;
  work(): RestoreWork;
  /** Ends all restores. */
  close(): Promise<void>;
}

/** Creates restores that share what they can. */
export function createRestores(context: DedupContext, memory: RestoreMemory = {}): Restores {
  const cache = new BlockCache(memory.cache);
  const maxWindow = memory.window ?? MAX_WINDOW;
  const slots = createSlots(MAX_RESTORES);
  const streams = new Map<BlockStream, number>();
  const checks = new WeakMap<RecipeIndex, DigestCheck>();
  const work: Mutable<RestoreWork> = {
    layers: 0,
    bytes: 0,
    seconds: 0,
    joined: 0,
    behind: 0,
    cachedBytes: 0,
  };

  const windowSize = (): number => Math.min(maxWindow, MAX_WINDOWS / streams.size);

  /** The blocks of a restore, once there is a place for it. The time that readers take does not count. */
  async function* make(
    recipe: ReadyRecipe,
    digest: Digest,
    { range, signal }: Pick<RestoreRequest, 'range' | 'signal'>,
  ): AsyncGenerator<Buffer, void> {
    const release = await slots.take(signal);
    try {
      work.layers++;
      let began = performance.now();
      for await (const block of checkedBlocks(context, recipe, range, signal)) {
        work.bytes += block.length;
        work.seconds += (performance.now() - began) / 1000;
        yield block;
        began = performance.now();
      }
    } catch (error) {
      throw asLayerError(error, digest, recipe.recipe);
    } finally {
      release();
    }
  }

  /** A restore for a reader that needs blocks from `first` on, up to `end`. */
  function streamFor(
    recipe: ReadyRecipe,
    digest: Digest,
    { first, end }: { readonly first: number; readonly end: number },
  ): BlockStream {
    for (const [stream, number] of streams) {
      if (number !== recipe.recipe || !stream.covers(first, end)) continue;
      work.joined++;
      stream.join();
      return stream;
    }
    const range = {
      start: first * BLOCK_SIZE,
      end: Math.min(recipe.index.size, end * BLOCK_SIZE),
    };
    const stream = new BlockStream({
      first,
      end,
      source: (signal) => make(recipe, digest, { range, signal }),
      windowSize,
      onBlock: (number, block) => cache.add(recipe.recipe, number, block, recipe.index.size),
    });
    streams.set(stream, recipe.recipe);
    stream.join();
    for (const other of streams.keys()) other.trim();
    return stream;
  }

  /** Ends a restore when its last reader leaves. */
  async function leave(stream: BlockStream): Promise<void> {
    if (!stream.leave()) return;
    streams.delete(stream);
    await stream.close();
  }

  /** The blocks from `first` on, up to `end`, wherever they are to be had; each is held. */
  async function* blocks(
    recipe: ReadyRecipe,
    { digest, signal }: RestoreRequest,
    { first, end }: { readonly first: number; readonly end: number },
  ): AsyncGenerator<SharedBlock, void> {
    let stream: BlockStream | undefined;
    try {
      for (let number = first; number < end; ) {
        let block = await stream?.take(number, signal);
        if (block === undefined && stream !== undefined) {
          work.behind++;
          const left = stream;
          stream = undefined;
          await leave(left);
        }
        if (block === undefined) {
          block = cache.take(recipe.recipe, number);
          work.cachedBytes += block?.bytes.length ?? 0;
        }
        if (block === undefined) {
          stream = streamFor(recipe, digest, { first: number, end });
          continue;
        }
        number++;
        yield block;
      }
    } finally {
      if (stream !== undefined) await leave(stream);
    }
  }

  function checkOf(recipe: ReadyRecipe, digest: Digest): DigestCheck {
    let check = checks.get(recipe.index);
    if (check === undefined) {
      check = new DigestCheck(digest, recipe);
      checks.set(recipe.index, check);
    }
    return check;
  }

  return {
    async *read(recipe, request) {
      const { digest, range, signal } = request;
      const { start, end } = range;
      if (start >= end) return;
      const check = checkOf(recipe, digest);
      const isWhole = start === 0 && end === recipe.index.size;
      let number = Math.floor(start / BLOCK_SIZE);
      const stretch = { first: number, end: Math.ceil(end / BLOCK_SIZE) };
      for await (const block of blocks(recipe, request, stretch)) {
        let view: Buffer;
        try {
          if (isWhole) check.see(number, block.bytes);
          else check.requireNotWrong();
          const from = number * BLOCK_SIZE;
          const to = Math.min(block.bytes.length, end - from);
          view = lendBlock(block, Math.max(0, start - from), to);
        } finally {
          block.drop();
        }
        yield view;
        number++;
        signal.throwIfAborted();
      }
    },
    work: () => ({ ...work }),
    async close() {
      await Promise.all([...streams.keys()].map((stream) => stream.close()));
      cache.clear();
    },
  };
}
