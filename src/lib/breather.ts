/** Lets others have their turn during work that nothing else interrupts. */
import { setImmediate as turn } from 'node:timers/promises';

/** Milliseconds of work in one go. */
const WORK = 4;

/**
 * Makes a function that is to be called often: it waits for the others when it is their turn.
 * @param work - milliseconds in one go
 */
export function createBreather(work = WORK): () => Promise<void> {
  let began = performance.now();
  return async () => {
    if (performance.now() - began < work) return;
    await turn();
    began = performance.now();
  };
}
