/**
 * Body of a thread that rebuilds sections, one at a time. It says what is damaged; any other error ends
 * the thread, and its owner hears of it as what it is: a mistake of the program or want of memory must
 * not count as damage, for which a layer loses its recipe.
 */
import { parentPort } from 'node:worker_threads';
import { RecipeError } from '../errors.ts';
import { createRebuildBench, type RebuildJob } from './rebuild-job.ts';

/** What a thread answers: the bytes of the section, or what is wrong with it. */
export type RebuildAnswer =
  | { readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly problem: string };

const bench = createRebuildBench();

parentPort?.on('message', (job: RebuildJob) => {
  try {
    const bytes = bench(job);
    parentPort?.postMessage({ bytes } satisfies RebuildAnswer, [bytes.buffer]);
  } catch (error) {
    if (!(error instanceof RecipeError)) throw error;
    parentPort?.postMessage({ problem: error.what } satisfies RebuildAnswer);
  }
});
