/** Body of the thread that searches. What it runs stands in memory that the other thread sees. */
import { parentPort, workerData } from 'node:worker_threads';
import { joinInput } from './input.ts';
import { type Finding, type FuzzResult, fuzz } from './loop.ts';
import type { FuzzTarget } from './target.ts';

/** What the thread is told. */
export interface WorkerOrder {
  /** Address of a module whose `target` is a target. */
  readonly module: string;
  readonly seed: number;
  /** Milliseconds or executions after which it is over, whichever comes first. */
  readonly time: number;
  readonly executions: number;
  /** Number of the input that runs, and its length. */
  readonly state: Int32Array;
  /** The input. */
  readonly input: Uint8Array;
}

/** What the thread says. */
export type WorkerMessage = { readonly finding: Finding } | { readonly result: FuzzResult };

const order = workerData as WorkerOrder;
const { target } = (await import(order.module)) as { readonly target: FuzzTarget };
const say = (message: WorkerMessage): void => parentPort!.postMessage(message);
const end = performance.now() + order.time;

const result = await fuzz({
  target,
  seed: order.seed,
  isOver: (executions) => executions >= order.executions || performance.now() >= end,
  began(input) {
    const bytes = joinInput(input);
    order.input.set(bytes);
    Atomics.store(order.state, 1, bytes.length);
    Atomics.add(order.state, 0, 1);
  },
  found: (finding) => say({ finding }),
});
say({ result });
