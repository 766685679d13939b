/** Sees whether a layer that was taken apart comes back, by putting it together again. */
import { freeBytes } from '../../lib/free-bytes.ts';
import { algorithmOf, type Digest, finishDigest, startDigest } from '../../oci/digest.ts';
import { RecipeError } from '../errors.ts';
import { blocksOf } from '../restore/checked-blocks.ts';
import type { RebuildBench, RebuildJob } from '../restore/rebuild-job.ts';
import type { RebuiltSection } from '../restore/sections.ts';

/** What has to come back. */
export interface ExpectedLayer {
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  /** Checksums of its blocks, one after the other. */
  readonly sums: Uint8Array;
}

async function* rebuildAll(
  bench: RebuildBench,
  jobs: AsyncIterable<RebuildJob>,
): AsyncGenerator<RebuiltSection, void> {
  for await (const job of jobs) {
    const { startBit, endBit } = job;
    yield { bytes: bench(job), startBit, endBit };
  }
}

/**
 * Rebuilds a layer and compares all of it.
 * @param jobs - all of its sections
 * @throws RecipeError when it is not the layer; what the jobs throw
 */
export async function verifyLayer(
  bench: RebuildBench,
  layer: ExpectedLayer,
  jobs: AsyncIterable<RebuildJob>,
): Promise<void> {
  const { digest, size } = layer;
  const algorithm = algorithmOf(digest);
  const hash = startDigest(algorithm);
  for await (const block of blocksOf(rebuildAll(bench, jobs), layer, { start: 0, end: size })) {
    hash.update(block);
    freeBytes(block);
  }
  if (finishDigest(algorithm, hash) !== digest) throw new RecipeError('the digest differs');
}
