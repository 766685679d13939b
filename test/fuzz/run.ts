/** Runs a search in a thread of its own, and watches it: what hangs or eats memory cannot tell by itself. */
import { Worker } from 'node:worker_threads';
import type { WorkerMessage, WorkerOrder } from './fuzz-worker.ts';
import { INPUT_ROOM, splitInput } from './input.ts';
import type { Finding, FuzzResult } from './loop.ts';

/** What to run. */
export interface RunOptions {
  /** Address of the target's module. */
  readonly module: string;
  readonly seed: number;
  /** Milliseconds. Default: no end. */
  readonly time?: number;
  /** Default: no end. */
  readonly executions?: number;
  /** Milliseconds that an input may take. Default 10,000. */
  readonly patience?: number;
}

/** What came out. */
export interface RunReport {
  readonly findings: readonly Finding[];
  /** Undefined when the search was broken off. */
  readonly result: FuzzResult | undefined;
}

/** Megabytes of V8's heap that the thread may have. */
const MOST_HEAP = 1024;

/** Searches until the time or the executions are over, or something hangs or eats the memory. */
export async function runFuzz(options: RunOptions): Promise<RunReport> {
  const state = new Int32Array(new SharedArrayBuffer(8));
  const input = new Uint8Array(new SharedArrayBuffer(INPUT_ROOM));
  const { module, seed, patience = 10_000 } = options;
  const time = options.time ?? Number.POSITIVE_INFINITY;
  const executions = options.executions ?? Number.POSITIVE_INFINITY;
  const workerData: WorkerOrder = { module, seed, time, executions, state, input };
  const worker = new Worker(new URL('./fuzz-worker.ts', import.meta.url), {
    workerData,
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: MOST_HEAP },
  });
  const findings: Finding[] = [];
  let result: FuzzResult | undefined;
  const current = () => splitInput(input.slice(0, Atomics.load(state, 1)));

  let seen = 0;
  let since = performance.now();
  const watch = setInterval(() => {
    const number = Atomics.load(state, 0);
    if (number !== seen || number === 0) {
      seen = number;
      since = performance.now();
    } else if (performance.now() - since > patience) {
      findings.push({ kind: 'hang', message: `more than ${patience} ms`, input: current() });
      void worker.terminate();
    }
  }, 250);
  worker.on('message', (message: WorkerMessage) => {
    if ('finding' in message) findings.push(message.finding);
    else result = message.result;
  });
  await new Promise<void>((resolve) => {
    worker.on('error', (error: NodeJS.ErrnoException) => {
      const kind = error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? 'memory' : 'crash';
      findings.push({ kind, message: error.stack ?? error.message, input: current() });
    });
    worker.on('exit', () => resolve());
  });
  clearInterval(watch);
  return { findings, result };
}
