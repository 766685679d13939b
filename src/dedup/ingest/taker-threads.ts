/** Threads that take layers apart. */
import { Worker } from 'node:worker_threads';
import { freeBytes } from '../../lib/free-bytes.ts';
import { createSlots } from '../../lib/slots.ts';
import { workerUrl } from '../../lib/worker-url.ts';
import { LayerRefusedError } from '../errors.ts';
import { settle } from '../restore/rebuild-answer.ts';
import type { Rebuilders } from '../restore/rebuilders.ts';
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

/**
 * Bytes of a heap with which a thread is ended after its layer. What a layer of very many files has left
 * is garbage, but V8 looks for it only when there is more, which may be never.
 */
const HEAVY_HEAP = 40 * 1024 * 1024;

/** What a thread says when it has taken a layer apart. */
type Taken = Extract<ThreadMessage, { kind: 'taken' }>;

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

/** Lets a thread take one layer apart. */
function takeOn(worker: Worker, { format, chunks }: LayerToTake, host: IngestHost): Promise<Taken> {
  const iterator = chunks[Symbol.asyncIterator]();
  const outcome = Promise.withResolvers<Taken>();
  const { reject } = outcome;
  let reading: Promise<void> = Promise.resolve();

  function post(message: TakerMessage, transfer: readonly ArrayBuffer[] = []): void {
    worker.postMessage(message, transfer);
  }

  async function readChunk(): Promise<void> {
    const { value, done } = await iterator.next();
    if (done) {
      post({ kind: 'end' });
      return;
    }
    const bytes = ownCopy(value);
    post({ kind: 'chunk', bytes }, [bytes.buffer]);
  }

  function hear(message: ThreadMessage): void {
    switch (message.kind) {
      case 'pull':
        reading = reading.then(readChunk);
        reading.catch(reject);
        break;
      case 'call':
        answerTo(host, message.call).then((answer) => post({ kind: 'answer', answer }), reject);
        break;
      case 'taken':
        outcome.resolve(message);
        break;
      case 'failed':
        if (message.reason === undefined) reject(new Error(message.message));
        else reject(new LayerRefusedError(message.reason, { cause: new Error(message.message) }));
        break;
    }
  }

  const end = (): void => reject(new Error('an ingesting thread ended'));
  worker.on('message', hear);
  worker.on('error', reject);
  worker.on('exit', end);
  post({ kind: 'begin', format });
  return outcome.promise.finally(async () => {
    worker.off('message', hear);
    worker.off('error', reject);
    worker.off('exit', end);
    await reading.catch(() => undefined);
    await iterator.return?.();
  });
}

/** Lets a thread rebuild sections. */
interface ThreadRebuilders extends Rebuilders {
  /** Whether it has none to rebuild. */
  isIdle(): boolean;
  /** Nothing is asked of it any more. */
  end(): void;
}

function rebuildOn(worker: Worker): ThreadRebuilders {
  const waiting: PromiseWithResolvers<Uint8Array>[] = [];
  let failure: Error | undefined;

  function hear(message: ThreadMessage): void {
    if (message.kind === 'rebuilt') settle(waiting.shift()!, message.answer);
  }
  function fail(error: Error): void {
    failure ??= error;
    for (const { reject } of waiting.splice(0)) reject(failure);
  }
  const exit = (): void => fail(new Error('an ingesting thread ended'));
  worker.on('message', hear).on('error', fail).on('exit', exit);

  return {
    count: 1,
    rebuild(job) {
      if (failure !== undefined) return Promise.reject(failure);
      const answer = Promise.withResolvers<Uint8Array>();
      waiting.push(answer);
      const message: TakerMessage = { kind: 'rebuild', job };
      worker.postMessage(message, [job.bytes.buffer]);
      return answer.promise;
    },
    isIdle: () => waiting.length === 0,
    end: () => void worker.off('message', hear).off('error', fail).off('exit', exit),
  };
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
        const rebuilders = rebuildOn(thread);
        const taker: LayerTaker = {
          rebuilders,
          async take(layer, host) {
            isUseful = false;
            const { taken, heap } = await takeOn(thread, layer, host);
            isUseful = heap < heavyHeap;
            return taken;
          },
        };
        try {
          return await work(taker);
        } finally {
          rebuilders.end();
          await give(thread, isUseful && rebuilders.isIdle());
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
