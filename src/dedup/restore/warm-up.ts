/** Gets threads ready for the first pull after a start. */
import type { Digest } from '../../oci/digest.ts';
import type { KeyValueStore } from '../../storage/kv/types.ts';
import { lastPart, ranges } from '../../storage/metadata/keys.ts';
import { findRecipe } from '../catalog/recipes.ts';
import type { Layers } from '../layers.ts';
import { BLOCK_SIZE } from '../recipe/block-sums.ts';
import { giveBackBlock } from './shared-block.ts';

/** Layers that are looked at for one that is large enough. */
const LOOKED_AT = 64;
/** Bytes that are restored: some sections for each thread, after which V8 has compiled its code. */
const SAMPLE_SIZE = 6 * 1024 * 1024;

/** Whether a repository holds a layer; others wait for the collector, in whose way nobody should be. */
function isHeld(kv: KeyValueStore, digest: Digest): boolean {
  for (const _ of kv.keys({ ...ranges.blobOwners(digest), limit: 1 })) return true;
  return false;
}

/** The first layer in use that is large enough, else the largest; undefined when there is none. */
function findSample(
  kv: KeyValueStore,
): { readonly digest: Digest; readonly size: number } | undefined {
  let found: { readonly digest: Digest; readonly size: number } | undefined;
  for (const key of kv.keys({ ...ranges.recipes(), limit: LOOKED_AT })) {
    const digest = lastPart(key);
    const size = isHeld(kv, digest) ? (findRecipe(kv, digest)?.size ?? 0) : 0;
    if (size > (found?.size ?? 0)) found = { digest, size };
    if (size >= SAMPLE_SIZE) break;
  }
  return found;
}

/**
 * Restores the begin of some layer. Otherwise the first pull after a start would wait until threads
 * have started and compiled their code, which takes the better part of a second.
 * @throws what restoring throws
 */
export async function warmUp(
  kv: KeyValueStore,
  layers: Pick<Layers, 'restore'>,
  signal: AbortSignal,
): Promise<void> {
  const sample = findSample(kv);
  if (sample === undefined) return;
  // From the second block on: the cache keeps begins only, and has no reason to keep this one.
  const start = sample.size > BLOCK_SIZE ? BLOCK_SIZE : 0;
  const range = { start, end: Math.min(sample.size, start + SAMPLE_SIZE) };
  for await (const block of layers.restore(sample.digest, { range, signal })) giveBackBlock(block);
}
