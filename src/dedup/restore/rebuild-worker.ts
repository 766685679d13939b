/** Body of a thread that rebuilds sections, one at a time. */
import { parentPort } from 'node:worker_threads';
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
    const problem = error instanceof Error ? error.message : String(error);
    parentPort?.postMessage({ problem } satisfies RebuildAnswer);
  }
});
