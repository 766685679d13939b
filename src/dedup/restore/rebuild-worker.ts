/** Body of a thread that rebuilds sections, one at a time. */
import { parentPort } from 'node:worker_threads';
import { answerTo, transferOf } from './rebuild-answer.ts';
import { createRebuildBench, type RebuildJob } from './rebuild-job.ts';

const bench = createRebuildBench();

parentPort?.on('message', (job: RebuildJob) => {
  const answer = answerTo(bench, job);
  parentPort?.postMessage(answer, transferOf(answer));
});
