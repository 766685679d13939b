/**
 * bcrypt on threads of its own, behind a bounded queue: one comparison takes about a tenth of a second
 * of one core, and neither requests nor memory may pile up while somebody guesses passwords.
 */
import { availableParallelism } from 'node:os';
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Comparison } from './bcrypt-worker.ts';
import { AuthenticationBusyError } from './errors.ts';

/** About three seconds of work at the usual cost for each thread: longer, clients would not wait. */
const DEFAULT_MAX_WAITING = 32;
const RETRY_AFTER_SECONDS = 2;

// The package holds JavaScript, the checkout TypeScript.
const WORKER = new URL(`./bcrypt-worker${extname(import.meta.url)}`, import.meta.url);

interface Job extends Comparison {
  readonly resolve: (matches: boolean) => void;
  readonly reject: (error: Error) => void;
}

interface Thread {
  readonly worker: Worker;
  job: Job | undefined;
}

/** How many comparisons may run and wait. */
export interface BcryptPoolOptions {
  /** Threads, started when first needed. Default: 2, or 1 on machines with one or two cores. */
  readonly threads?: number;
  /** Comparisons that may wait for a thread. Default 32. */
  readonly maxWaiting?: number;
}

/** Compares passwords with bcrypt hashes. */
export class BcryptPool {
  readonly #threads: Thread[] = [];
  readonly #waiting: Job[] = [];
  readonly #maxThreads: number;
  readonly #maxWaiting: number;
  #closed = false;

  constructor(options: BcryptPoolOptions = {}) {
    this.#maxThreads = options.threads ?? (availableParallelism() > 2 ? 2 : 1);
    this.#maxWaiting = options.maxWaiting ?? DEFAULT_MAX_WAITING;
  }

  /**
   * Whether the password is the one that was hashed.
   * @throws AuthenticationBusyError when too many comparisons are waiting, the pool has been closed,
   *   or the thread has died
   */
  compare(password: string, hashed: string): Promise<boolean> {
    if (this.#closed || this.#waiting.length >= this.#maxWaiting) {
      return Promise.reject(new AuthenticationBusyError(RETRY_AFTER_SECONDS));
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ password, hashed, resolve, reject });
      this.#dispatch();
    });
  }

  /** Ends the threads; comparisons that have not finished are rejected. */
  async close(): Promise<void> {
    this.#closed = true;
    const failed = new AuthenticationBusyError(RETRY_AFTER_SECONDS, 'the server is shutting down');
    for (const job of this.#waiting.splice(0)) job.reject(failed);
    const threads = this.#threads.splice(0);
    for (const thread of threads) thread.job?.reject(failed);
    await Promise.all(threads.map(({ worker }) => worker.terminate()));
  }

  #dispatch(): void {
    while (this.#waiting.length > 0) {
      const thread = this.#threads.find(({ job }) => job === undefined) ?? this.#start();
      if (thread === undefined) return;
      const job = this.#waiting.shift()!;
      thread.job = job;
      const { password, hashed } = job;
      thread.worker.postMessage({ password, hashed } satisfies Comparison);
    }
  }

  #start(): Thread | undefined {
    if (this.#threads.length >= this.#maxThreads) return undefined;
    const worker = new Worker(WORKER, { name: 'bcrypt', execArgv: [] });
    const thread: Thread = { worker, job: undefined };
    worker.unref();
    worker.on('message', (matches: boolean) => {
      thread.job?.resolve(matches);
      thread.job = undefined;
      this.#dispatch();
    });
    worker.on('error', () => this.#lose(thread));
    worker.on('exit', () => this.#lose(thread));
    this.#threads.push(thread);
    return thread;
  }

  /** A thread that has died takes its comparison with it; the next one starts a new thread. */
  #lose(thread: Thread): void {
    const index = this.#threads.indexOf(thread);
    if (index < 0) return;
    this.#threads.splice(index, 1);
    thread.job?.reject(new AuthenticationBusyError(RETRY_AFTER_SECONDS, 'log-in check failed'));
    this.#dispatch();
  }
}
