/**
 * What a thread answers to a job. It says what is damaged; any other error ends the thread, and its
 * owner hears of it as what it is: a mistake of the program or want of memory must not count as damage,
 * for which a layer loses its recipe.
 */
import { RecipeError } from '../errors.ts';
import type { RebuildBench, RebuildJob } from './rebuild-job.ts';

/** The bytes of the section, or what is wrong with it. */
export type RebuildAnswer =
  | { readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly problem: string };

/** In the thread: does a job. @throws what says nothing about what is stored */
export function answerTo(bench: RebuildBench, job: RebuildJob): RebuildAnswer {
  try {
    return { bytes: bench(job) };
  } catch (error) {
    if (!(error instanceof RecipeError)) throw error;
    return { problem: error.what };
  }
}

/** What of an answer is handed over. */
export function transferOf(answer: RebuildAnswer): ArrayBuffer[] {
  return 'bytes' in answer ? [answer.bytes.buffer] : [];
}

/** In its owner: gives the answer to who waits for it. */
export function settle(waiting: PromiseWithResolvers<Uint8Array>, answer: RebuildAnswer): void {
  if ('bytes' in answer) waiting.resolve(answer.bytes);
  else waiting.reject(new RecipeError(answer.problem));
}
