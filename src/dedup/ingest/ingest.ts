/**
 * Ingests a layer: takes it apart, stores what is new of it, and makes sure that what is stored gives
 * its bytes again. Only then the layer has a recipe. Whatever ends an ingest before that leaves
 * nothing but a loose recipe, which is taken apart at once, or after a crash by the collector.
 */
import type { Digest } from '../../oci/digest.ts';
import { beginRecipe, enterRecipe, findRecipe, takeRecipeApart } from '../catalog/recipes.ts';
import { type DedupContext, GROUP_KIND } from '../context.ts';
import { LayerRefusedError } from '../errors.ts';
import { encodeRecipeIndex } from '../recipe/recipe-index.ts';
import { asLayerError, isGroupError } from '../restore/damage.ts';
import { type ReadyRecipe, readSections } from '../restore/sections.ts';
import type { CuttableFormat } from '../section/layer-cutter.ts';
import type { IngestTurn } from './gate.ts';
import type { Reservations } from './reservations.ts';
import { createIngestSession, type IngestSession } from './session.ts';
import type { LayerTaker, TakenApart } from './take-apart.ts';

/** The bytes of a layer as they were pushed. */
export type LayerSource = (signal: AbortSignal) => AsyncIterable<Uint8Array>;

/** A layer that is to be ingested. */
interface LayerToIngest {
  readonly digest: Digest;
  readonly format: CuttableFormat;
  readonly source: LayerSource;
}

/** What an ingest needs besides the store. */
export interface IngestTools {
  readonly taker: LayerTaker;
  readonly reservations: Reservations;
  /** Says when it is to wait for others. */
  readonly turn: IngestTurn;
}

/** What became of a layer: it has a recipe now, or had one before. */
export type IngestResult = 'stored' | 'known';

/** @throws LayerRefusedError when there is nothing to be won */
function checkWorth(session: IngestSession, { size, isOpaque }: TakenApart): void {
  if (isOpaque && session.storedBytes >= size) throw new LayerRefusedError('not-worth-it');
}

/** Hands out pieces of work as fast as others allow. */
async function* inTurn<T>(
  pieces: AsyncIterable<T>,
  turn: IngestTurn,
  signal: AbortSignal,
): AsyncGenerator<T, void> {
  for await (const piece of pieces) {
    await turn.wait(signal);
    yield piece;
  }
}

/**
 * Puts everything together from what is stored.
 * @throws LayerRefusedError when it is not the layer, LayerDamagedError when a group cannot be had
 */
async function verify(
  context: DedupContext,
  recipe: ReadyRecipe,
  options: {
    readonly digest: Digest;
    readonly tools: IngestTools;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const { digest, tools, signal } = options;
  const { size, sums } = recipe.index;
  const sections = inTurn(readSections(context, recipe, signal), tools.turn, signal);
  try {
    await tools.taker.verify({ digest, size, sums }, sections);
  } catch (error) {
    const damage = asLayerError(error, digest, recipe.recipe);
    // A group that was damaged before is not used the next time.
    if (damage === error || isGroupError(error)) throw damage;
    throw new LayerRefusedError('not-exact', { cause: damage });
  }
}

async function make(
  context: DedupContext,
  recipe: number,
  { digest, format, source }: LayerToIngest,
  { tools, signal }: { readonly tools: IngestTools; readonly signal: AbortSignal },
): Promise<IngestResult> {
  const writer = await context.segments.begin(signal);
  try {
    const { reservations, turn } = tools;
    const session = createIngestSession(context, { recipe, writer, reservations, signal });
    let taken: TakenApart;
    try {
      const chunks = inTurn(source(signal), turn, signal);
      taken = await tools.taker.take({ format, chunks }, session);
    } finally {
      session.end();
    }
    checkWorth(session, taken);
    const { size, plainSize, sums } = taken;
    const index = { size, plainSize, sections: session.sections, sums };
    await verify(context, { recipe, index }, { digest, tools, signal });
    await context.faultPoint('ingest.verified');
    const pieces = encodeRecipeIndex(index);
    const placements = await writer.append(
      pieces.map((bytes) => ({ kind: GROUP_KIND.recipeIndex, bytes })),
    );
    await writer.sync();
    signal.throwIfAborted();
    const record = {
      recipe,
      index: placements.map(({ id }) => id),
      size,
      plainSize,
      indexBytes: pieces.reduce((sum, { length }) => sum + length, 0),
      at: context.clock(),
    };
    const isEntered = await enterRecipe(context, {
      digest,
      record,
      placements,
      tree: session.tree,
    });
    await context.faultPoint('ingest.committed');
    return isEntered ? 'stored' : 'known';
  } finally {
    await writer.close();
  }
}

/**
 * Ingests a layer, unless it has a recipe.
 * @throws LayerRefusedError when it is to stay as it is, what the source throws, CommitError, errors
 *   of the disk, the signal's reason; nothing of it stays then
 */
export async function ingestLayer(
  context: DedupContext,
  layer: LayerToIngest,
  options: { readonly tools: IngestTools; readonly signal: AbortSignal },
): Promise<IngestResult> {
  const { kv, running, logger } = context;
  if (findRecipe(kv, layer.digest) !== undefined) return 'known';
  const recipe = await beginRecipe(context, layer.digest);
  let isEntered = false;
  try {
    await context.faultPoint('ingest.begun');
    const result = await make(context, recipe, layer, options);
    isEntered = result === 'stored';
    return result;
  } finally {
    if (!isEntered) {
      // Not by the signal: what is left behind would have to wait for the collector.
      const { signal } = new AbortController();
      await takeRecipeApart(context, recipe, { signal }).catch((error: unknown) => {
        logger.warn({ err: error, digest: layer.digest }, 'unfinished recipe not taken apart');
      });
    }
    running.delete(recipe);
  }
}
