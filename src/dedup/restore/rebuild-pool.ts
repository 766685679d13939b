/** Threads that rebuild sections. */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { workerUrl } from '../../lib/worker-url.ts';
import { RecipeError } from '../errors.ts';
import { THREAD_LIMITS } from '../thread-limits.ts';
import { buffersOf, type RebuildJob } from './rebuild-job.ts';
import type { RebuildAnswer } from './rebuild-worker.ts';
import type { Rebuilders } from './rebuilders.ts';

/** A job and who waits for it. */
interface Order {
  readonly job: RebuildJob;
  readonly answer: PromiseWithResolvers<Uint8Array>;
}

/**
 * Threads that rebuild sections; each starts with the first job for which there is none.
 * @param count - how many. Default: as many as can run at once
 */
export function createRebuildPool(count = availableParallelism()): Rebuilders {
  const idle: Worker[] = [];
  const waiting: Order[] = [];
  const busy = new Map<Worker, Order>();
  let isClosed = false;

  /** Takes note that a thread has ended; another is started in its place when it is needed. */
  function lose(worker: Worker, error: Error): void {
    const at = idle.indexOf(worker);
    if (at >= 0) idle.splice(at, 1);
    busy.get(worker)?.answer.reject(error);
    busy.delete(worker);
    assign();
  }

  function start(): Worker {
    const worker = new Worker(workerUrl(import.meta.url, './rebuild-worker'), {
      resourceLimits: THREAD_LIMITS,
    });
    worker.unref();
    worker.on('message', (answer: RebuildAnswer) => {
      const order = busy.get(worker);
      busy.delete(worker);
      idle.push(worker);
      if ('bytes' in answer) order?.answer.resolve(answer.bytes);
      else order?.answer.reject(new RecipeError(answer.problem));
      assign();
    });
    worker.on('error', (error: Error) => lose(worker, error));
    worker.on('exit', () => lose(worker, new Error('a rebuilding thread ended')));
    return worker;
  }

  function assign(): void {
    while (waiting.length > 0 && !isClosed) {
      const worker = idle.pop() ?? (busy.size < count ? start() : undefined);
      if (worker === undefined) return;
      const order = waiting.shift()!;
      busy.set(worker, order);
      worker.postMessage(order.job, buffersOf(order.job));
    }
  }

  return {
    count,
    rebuild(job) {
      if (isClosed) return Promise.reject(new Error('the rebuilding threads are closed'));
      const answer = Promise.withResolvers<Uint8Array>();
      waiting.push({ job, answer });
      assign();
      return answer.promise;
    },
    async close() {
      isClosed = true;
      const closed = new Error('the rebuilding threads are closed');
      for (const { answer } of waiting.splice(0)) answer.reject(closed);
      await Promise.all([...idle, ...busy.keys()].map((worker) => worker.terminate()));
    },
  };
}
