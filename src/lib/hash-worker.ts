/** Body of the hashing worker: keeps running hashes and feeds them what it is sent. */
import { createHash, type Hash } from 'node:crypto';
import { parentPort } from 'node:worker_threads';

/** A request: bytes of a shared buffer for a hash. With `begin` it is a new one, with `end` it is over. */
export interface HashRequest {
  readonly id: number;
  /** The algorithm. */
  readonly begin?: string | undefined;
  readonly add?: Uint8Array;
  readonly end?: boolean;
}

/** The answer, once the bytes are not needed any more; at the end with the hash in hex. */
export interface HashAnswer {
  readonly id: number;
  readonly hex?: string;
}

const running = new Map<number, Hash>();

parentPort?.on('message', ({ id, begin, add, end }: HashRequest) => {
  const hash = begin === undefined ? running.get(id) : createHash(begin);
  if (add !== undefined) hash?.update(add);
  if (end !== true) {
    if (begin !== undefined && hash !== undefined) running.set(id, hash);
    parentPort?.postMessage({ id } satisfies HashAnswer);
    return;
  }
  running.delete(id);
  const hex = hash?.digest('hex');
  parentPort?.postMessage({ id, ...(hex !== undefined && { hex }) } satisfies HashAnswer);
});
