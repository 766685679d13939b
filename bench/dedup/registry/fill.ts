/** Fills both registries, image by image, and looks what each one takes. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { run } from '../../../test/support/run.ts';
import type { CorpusImage } from '../../corpus/layouts.ts';
import { type Memory, sampleMemory } from '../../registry/measure/process.ts';
import { flush, sizeOf } from '../../registry/measure/storage.ts';
import { openOperator } from '../../registry/servers/operator.ts';
import type { Target } from '../../registry/servers/types.ts';
import { type Bound, countBound } from './bound.ts';
import type { Pusher } from './clients.ts';

const MAIN = resolve(import.meta.dirname, '../../../src/cli/main.ts');
const SAMPLE_MS = 50;
/** Milliseconds that the ingest of one image may take. */
const INGEST_MS = 30 * 60_000;

/** The two registries. */
export interface Pair {
  readonly stowage: Target;
  readonly debian: Target;
}

/** What an image added. Bytes and seconds. */
export interface Added {
  readonly name: string;
  readonly bound: Bound;
  /** Layers, configurations and manifests on the disk of Debian's registry. */
  readonly debian: number;
  /** Bytes of Stowage that stand for the image's blobs, its database aside. */
  readonly stowage: number;
  readonly push: { readonly stowage: number; readonly debian: number };
  /** From the end of the push until nothing is left to be done. */
  readonly ingest: number;
}

/** What filling came to. */
export interface Filled {
  readonly images: readonly Added[];
  /** Peak of Stowage, over all pushes and ingests. */
  readonly memory: Memory;
}

/** Waits as an operator does until everything has been taken apart. */
async function waitForIngest(stowage: Target): Promise<void> {
  const args = [MAIN, 'dedup', 'wait', '--server', stowage.endpoint.url, '--json'];
  await run(process.execPath, args, { timeoutMs: INGEST_MS });
}

/** Bytes that Stowage itself reports. */
async function storedBytes(stowage: Target): Promise<number> {
  const { stored, intactBytes } = await openOperator(
    stowage.endpoint.url,
  ).operations.dedup.report();
  return Object.values(stored).reduce((sum, bytes) => sum + bytes, intactBytes);
}

/** Debian's registry makes its folder with the first push. */
async function diskOf(target: Target): Promise<number> {
  if (!existsSync(target.dataDir!)) return 0;
  await flush(target.dataDir!);
  return await sizeOf(target.dataDir!);
}

/** Pushes all images into both. @throws Error when a push or an ingest fails */
export async function fill(
  { stowage, debian }: Pair,
  images: readonly CorpusImage[],
  corpus: string,
  pusher: Pusher,
): Promise<Filled> {
  const counter = countBound(corpus);
  const added: Added[] = [];
  let before = { stowage: await storedBytes(stowage), debian: await diskOf(debian) };
  const sampler = sampleMemory(stowage.pid, SAMPLE_MS);
  try {
    for (const [i, image] of images.entries()) {
      // In turns, so that neither always pushes what the other has just read.
      const order = i % 2 === 0 ? [stowage, debian] : [debian, stowage];
      const push = { stowage: 0, debian: 0 };
      for (const target of order) {
        const seconds = await pusher.push(target, image);
        if (target === stowage) push.stowage = seconds;
        else push.debian = seconds;
      }
      const start = performance.now();
      await waitForIngest(stowage);
      const ingest = (performance.now() - start) / 1000;
      const now = { stowage: await storedBytes(stowage), debian: await diskOf(debian) };
      added.push({
        name: image.name,
        bound: await counter.add(image),
        debian: now.debian - before.debian,
        stowage: now.stowage - before.stowage,
        push,
        ingest,
      });
      before = now;
      process.stderr.write(`${image.name} pushed and taken apart\n`);
    }
  } finally {
    sampler.stop();
  }
  return { images: added, memory: sampler.stop() };
}
