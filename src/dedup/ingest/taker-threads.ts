/** Threads that take layers apart. */
import { Worker } from 'node:worker_threads';
import { freeBytes } from '../../lib/free-bytes.ts';
import { createSlots } from '../../lib/slots.ts';
import { workerUrl } from '../../lib/worker-url.ts';
import { LayerRefusedError, RecipeError } from '../errors.ts';
import { buffersOf, type RebuildJob } from '../restore/rebuild-job.ts';
import { THREAD_LIMITS } from '../thread-limits.ts';
import type { IngestHost, LayerTaker, LayerToTake } from './take-apart.ts';
import {
  type HostAnswer,
  type HostCall,
  ownCopy,
  type TakerMessage,
  type ThreadMessage,
} from './taker-protocol.ts';
import type { LayerTakers } from './takers.ts';
import type { ExpectedLayer } from './verify.ts';

/**
 * Bytes of a heap with which a thread is ended after its layer. What a layer of very many files has left
 * is garbage, but V8 looks for it only when there is more, which may be never.
 */
const HEAVY_HEAP = 40 * 1024 * 1024;

type Taken = Extract<ThreadMessage, { kind: 'taken' }>;
type Verified = Extract<ThreadMessage, { kind: 'verified' }>;

/** Carries out a call of the thread, and frees the bytes that came with it. */
async function answerTo(host: IngestHost, call: HostCall): Promise<HostAnswer> {
  switch (call.method) {
    case 'find':
      return await host.find(call.argument);
    case 'read': {
      const groups = await host.read(call.argument);
      return new Map([...groups].map(([id, bytes]) => [id, ownCopy(bytes)]));
    }
    case 'writeBases':
      try {
        return await host.writeBases(call.argument);
      } finally {
        for (const { bytes } of call.argument) freeBytes(bytes);
      }
    case 'storeSection':
      try {
        return await host.storeSection(call.argument);
      } finally {
        freeBytes(call.argument.bytes);
      }
    case 'storeTree':
      return await host.storeTree(call.argument);
  }
}

/** What a thread asks for, and with what it ends. */
interface Conversation<T> {
  readonly opening: TakerMessage;
  /** Gives what it pulls. */
  readonly next: () => Promise<{ message: TakerMessage; transfer: readonly ArrayBuffer[] }>;
  /** Hears anything else. */
  readonly hear: (message: ThreadMessage, outcome: PromiseWithResolvers<T>) => void;
}

function errorOf({ reason, message }: Extract<ThreadMessage, { kind: 'failed' }>): Error {
  const error = new Error(message);
  return reason === undefined ? error : new LayerRefusedError(reason, { cause: error });
}

/** Talks with a thread until it says what came out. @throws what `next` throws, or that it ended */
async function converse<T>(worker: Worker, { opening, next, hear }: Conversation<T>): Promise<T> {
  const outcome = Promise.withResolvers<T>();
  const { reject } = outcome;
  let giving: Promise<void> = Promise.resolve();

  async function give(): Promise<void> {
    const { message, transfer } = await next();
    worker.postMessage(message, transfer);
  }
  function listen(message: ThreadMessage): void {
    if (message.kind === 'pull') {
      giving = giving.then(give);
      giving.catch(reject);
    } else if (message.kind === 'failed') {
      reject(errorOf(message));
    } else {
      hear(message, outcome);
    }
  }
  const end = (): void => reject(new Error('an ingesting thread ended'));
  worker.on('message', listen).on('error', reject).on('exit', end);
  worker.postMessage(opening);
  try {
    return await outcome.promise;
  } finally {
    worker.off('message', listen).off('error', reject).off('exit', end);
    await giving.catch(() => undefined);
  }
}

/** Lets a thread take one layer apart. */
async function takeOn(
  worker: Worker,
  { format, chunks }: LayerToTake,
  host: IngestHost,
): Promise<Taken> {
  const iterator = chunks[Symbol.asyncIterator]();
  try {
    return await converse<Taken>(worker, {
      opening: { kind: 'begin', format },
      async next() {
        const { value, done } = await iterator.next();
        if (done) return { message: { kind: 'chunk', bytes: undefined }, transfer: [] };
        const bytes = ownCopy(value);
        return { message: { kind: 'chunk', bytes }, transfer: [bytes.buffer] };
      },
      hear(message, { resolve, reject }) {
        if (message.kind === 'taken') resolve(message);
        if (message.kind !== 'call') return;
        const post = (answer: HostAnswer): void => {
          worker.postMessage({ kind: 'answer', answer } satisfies TakerMessage);
        };
        answerTo(host, message.call).then(post, reject);
      },
    });
  } finally {
    await iterator.return?.();
  }
}

/** Lets a thread verify one layer. */
async function verifyOn(
  worker: Worker,
  layer: ExpectedLayer,
  jobs: AsyncIterable<RebuildJob>,
): Promise<Verified> {
  const iterator = jobs[Symbol.asyncIterator]();
  try {
    return await converse<Verified>(worker, {
      opening: { kind: 'verify', layer },
      async next() {
        const { value, done } = await iterator.next();
        if (done) return { message: { kind: 'section', job: undefined }, transfer: [] };
        return { message: { kind: 'section', job: value }, transfer: buffersOf(value) };
      },
      hear(message, { resolve }) {
        if (message.kind === 'verified') resolve(message);
      },
    });
  } finally {
    await iterator.return?.();
  }
}

/**
 * Threads that take layers apart; each starts with its first layer.
 * @param count - layers at once
 * @param heavyHeap - bytes of a heap with which a thread is ended
 */
export function createTakerThreads(count: number, heavyHeap = HEAVY_HEAP): LayerTakers {
  const slots = createSlots(count);
  const idle: Worker[] = [];
  const all = new Set<Worker>();

  function start(): Worker {
    const worker = new Worker(workerUrl(import.meta.url, './ingest-worker'), {
      resourceLimits: THREAD_LIMITS,
    });
    worker.unref();
    all.add(worker);
    worker.on('error', () => all.delete(worker));
    worker.on('exit', () => all.delete(worker));
    return worker;
  }

  /** One that has not come to an end with a layer, or holds too much, is of no use for another one. */
  async function give(worker: Worker, isUseful: boolean): Promise<void> {
    if (isUseful && all.has(worker)) idle.push(worker);
    else await worker.terminate();
  }

  return {
    count,
    async use(signal, work) {
      const release = await slots.take(signal);
      try {
        let worker = idle.pop();
        while (worker !== undefined && !all.has(worker)) worker = idle.pop();
        const thread = worker ?? start();
        let isUseful = true;
        const taker: LayerTaker = {
          async take(layer, host) {
            isUseful = false;
            const { taken, heap } = await takeOn(thread, layer, host);
            isUseful = heap < heavyHeap;
            return taken;
          },
          async verify(layer, jobs) {
            const wasUseful = isUseful;
            isUseful = false;
            const { problem, heap } = await verifyOn(thread, layer, jobs);
            if (problem !== undefined) throw new RecipeError(problem);
            isUseful = wasUseful && heap < heavyHeap;
          },
        };
        try {
          return await work(taker);
        } finally {
          await give(thread, isUseful);
        }
      } finally {
        release();
      }
    },
    async close() {
      await Promise.all([...all].map((worker) => worker.terminate()));
    },
  };
}
