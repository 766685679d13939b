/**
 * Hashes what lies on disk on a thread of its own, so that re-reading a large blob never delays a
 * request. The bytes go over in shared buffers, which costs no copy.
 */
import { Worker } from 'node:worker_threads';
import type { HashAnswer, HashRequest } from './hash-worker.ts';
import { workerUrl } from './worker-url.ts';

/** Bytes handed over at a time. Each handing over costs the caller's thread some 50 microseconds. */
const CHUNK = 1024 * 1024;
/** Files hashed at once; further ones wait. */
const MAX_JOBS = 4;

/** Reads up to `buffer.length` bytes from `position` on; 0 at the end. */
export type ReadAt = (buffer: Uint8Array, position: number) => Promise<number>;

/** What is to be hashed. */
export interface HashInput {
  readonly algorithm: 'sha256' | 'sha512';
  readonly read: ReadAt;
  /** Bytes to hash. */
  readonly size: number;
  readonly signal?: AbortSignal | undefined;
  /** Called after each chunk with its length, for progress; a promise slows the reading down. */
  readonly onChunk?: ((bytes: number) => void | Promise<void>) | undefined;
}

/** Hashes on another thread. */
export interface Hasher {
  /**
   * @returns the hash in lower-case hex, or undefined when there are fewer bytes than `size`
   * @throws what `read` throws, and the signal's reason
   */
  hash(input: HashInput): Promise<string | undefined>;
  close(): Promise<void>;
}

/** Creates a hasher; its thread starts with the first job. */
export function createHasher(): Hasher {
  const answers = new Map<number, PromiseWithResolvers<HashAnswer>>();
  const queue: (() => void)[] = [];
  let worker: Worker | undefined;
  /** Used again: to get new ones for each small file costs more than to hash it. */
  let spare: readonly Uint8Array[] | undefined;
  let jobs = 0;
  let lastId = 0;

  function fail(error: Error): void {
    worker = undefined;
    for (const { reject } of answers.values()) reject(error);
    answers.clear();
  }

  function start(): Worker {
    const started = new Worker(workerUrl(import.meta.url, './hash-worker'));
    started.unref();
    started.on('message', (answer: HashAnswer) => {
      const waiting = answers.get(answer.id);
      answers.delete(answer.id);
      waiting?.resolve(answer);
    });
    const ended = (error: Error): void => {
      // An error is followed by the exit, when another may have been started.
      if (worker === started) fail(error);
    };
    started.on('error', ended);
    started.on('exit', () => ended(new Error('the hashing thread ended')));
    return started;
  }

  /** @param thread - the one that the hash was begun on; another knows nothing of it */
  function ask(thread: Worker, request: HashRequest): Promise<HashAnswer> {
    const waiting = Promise.withResolvers<HashAnswer>();
    if (thread === worker) {
      answers.set(request.id, waiting);
      thread.postMessage(request);
    } else {
      waiting.reject(new Error('the hashing thread ended'));
    }
    // It may be looked at only after the next read; a failure meanwhile is not unhandled.
    waiting.promise.catch(() => undefined);
    return waiting.promise;
  }

  async function run(
    input: HashInput,
    buffers: readonly Uint8Array[],
  ): Promise<string | undefined> {
    const { algorithm, read, size, signal, onChunk } = input;
    const id = ++lastId;
    worker ??= start();
    const thread = worker;
    let begin: string | undefined = algorithm;
    let pending: Promise<HashAnswer> | undefined;
    let end = false;
    try {
      let position = 0;
      for (let turn = 0; !end; turn++) {
        signal?.throwIfAborted();
        const room = buffers[turn % 2]!.subarray(0, Math.min(CHUNK, size - position));
        const length = room.length === 0 ? 0 : await read(room, position);
        if (length === 0 && position < size) return undefined;
        position += length;
        await pending;
        end = position >= size;
        pending = ask(thread, { id, begin, add: room.subarray(0, length), end });
        begin = undefined;
        if (length > 0) await onChunk?.(length);
      }
      return (await pending)?.hex;
    } finally {
      await pending?.catch(() => undefined);
      if (!end && begin === undefined) {
        await ask(thread, { id, end: true }).catch(() => undefined);
      }
    }
  }

  return {
    async hash(input) {
      if (jobs >= MAX_JOBS) await new Promise<void>((go) => queue.push(go));
      jobs++;
      const buffers = spare ?? [0, 1].map(() => new Uint8Array(new SharedArrayBuffer(CHUNK)));
      spare = undefined;
      try {
        return await run(input, buffers);
      } finally {
        spare = buffers;
        jobs--;
        queue.shift()?.();
      }
    },
    async close() {
      await worker?.terminate();
    },
  };
}
