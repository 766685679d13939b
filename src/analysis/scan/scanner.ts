/** Scans layers on threads, one layer on each at a time. */
import { Worker } from 'node:worker_threads';
import { createSlots } from '../../lib/slots.ts';
import { unlessAborted } from '../../lib/unless-aborted.ts';
import { workerUrl } from '../../lib/worker-url.ts';
import type { ChunkMethod } from './chunks/cutter.ts';
import { ScanError } from './errors.ts';
import { PieceFiller } from './piece-filler.ts';
import { PIECE_SIZE, PIECES, type ScanAnswer, type ScanCall, unpackBatch } from './protocol.ts';
import type { LayerHints } from './scan-layer.ts';
import type { EntryBatch, LayerScan } from './types.ts';

/** What a scanner is made with. */
export interface ScannerOptions {
  /** Layers at once. */
  readonly threads: number;
  /** Ways of cutting files into chunks; default: none, which saves the time. */
  readonly chunks?: readonly ChunkMethod[];
  /** Ends all scans. */
  readonly signal?: AbortSignal;
}

/** Scans layers. */
export interface Scanner {
  /**
   * Reads a layer once; waits for a thread if none is free.
   * @param bytes - as they are stored; asked for once there is a thread
   * @param onEntries - gets the entries in their order; a promise holds the next ones up
   * @throws ScanError when the thread ended, what `bytes` and `onEntries` throw, the signal's reason
   */
  scan(
    bytes: AsyncIterable<Uint8Array>,
    hints: LayerHints,
    onEntries: (batch: EntryBatch) => Promise<void> | void,
    signal: AbortSignal,
  ): Promise<LayerScan>;
  close(): Promise<void>;
}

/** Bytes of a heap with which a thread is ended after its layer, because V8 may never give them back. */
const HEAVY_HEAP = 64 * 1024 * 1024;
/** MiB of young objects: a thread works mostly on buffers. */
const LIMITS = { maxYoungGenerationSizeMb: 12 };

interface Thread {
  readonly worker: Worker;
  readonly pieces: readonly Uint8Array[];
}

type Done = Extract<ScanAnswer, { kind: 'done' }>;

/** Lets a thread scan one layer. */
async function scanOn(
  { worker, pieces }: Thread,
  bytes: AsyncIterable<Uint8Array>,
  hints: LayerHints,
  onEntries: (batch: EntryBatch) => Promise<void> | void,
): Promise<Done> {
  const outcome = Promise.withResolvers<Done>();
  const { reject } = outcome;
  const filler = new PieceFiller(bytes, pieces);
  let handling: Promise<void> = Promise.resolve();
  const post = (call: ScanCall): void => worker.postMessage(call);

  function hear(answer: ScanAnswer): void {
    switch (answer.kind) {
      case 'free':
        filler.free();
        break;
      case 'batch': {
        const batch = unpackBatch(answer.batch);
        handling = handling.then(async () => {
          await onEntries(batch);
          post({ kind: 'taken' });
        });
        handling.catch(reject);
        break;
      }
      case 'done':
        outcome.resolve(answer);
        break;
      case 'failed':
        reject(new ScanError(`The layer could not be scanned: ${answer.message}`));
        break;
    }
  }

  const fail = (error: Error): void =>
    reject(new ScanError(`A thread that scans layers ended: ${error.message}`, { cause: error }));
  const end = (code: number): void => fail(new Error(`exit code ${code}`));
  worker.on('message', hear).on('error', fail).on('exit', end);
  post({ kind: 'begin', hints });
  const filling = filler.run((length) => post({ kind: 'piece', length }));
  filling.catch(reject);
  try {
    return await outcome.promise;
  } finally {
    worker.off('message', hear).off('error', fail).off('exit', end);
    // A read that is under way is left to itself: it may not come to an end.
    filler.stop();
  }
}

/** Creates a scanner; each of its threads starts with its first layer. */
export function createScanner({ threads, chunks = [], signal: all }: ScannerOptions): Scanner {
  const slots = createSlots(threads);
  const idle: Thread[] = [];
  const alive = new Set<Worker>();

  function start(): Thread {
    const buffer = new SharedArrayBuffer(PIECES * PIECE_SIZE);
    const worker = new Worker(workerUrl(import.meta.url, './scan-worker'), {
      workerData: { pieces: buffer, methods: chunks },
      resourceLimits: LIMITS,
    });
    worker.unref();
    alive.add(worker);
    worker.on('error', () => alive.delete(worker));
    worker.on('exit', () => alive.delete(worker));
    const pieces = Array.from(
      { length: PIECES },
      (_, i) => new Uint8Array(buffer, i * PIECE_SIZE, PIECE_SIZE),
    );
    return { worker, pieces };
  }

  function take(): Thread {
    for (;;) {
      const thread = idle.pop();
      if (thread === undefined) return start();
      if (alive.has(thread.worker)) return thread;
    }
  }

  return {
    async scan(bytes, hints, onEntries, signal) {
      const stop = all === undefined ? signal : AbortSignal.any([all, signal]);
      const release = await slots.take(stop);
      try {
        const thread = take();
        let isUseful = false;
        // While it works the process has to wait for it.
        thread.worker.ref();
        try {
          const { scan, heap } = await unlessAborted(scanOn(thread, bytes, hints, onEntries), stop);
          isUseful = heap < HEAVY_HEAP;
          return scan;
        } finally {
          thread.worker.unref();
          if (isUseful && alive.has(thread.worker)) idle.push(thread);
          else await thread.worker.terminate();
        }
      } finally {
        release();
      }
    },
    async close() {
      await Promise.all([...alive].map((worker) => worker.terminate()));
    },
  };
}
