/** Body of the hashing worker: keeps running hashes and feeds them what it is sent. */
import { createHash, type Hash } from 'node:crypto';
import { parentPort } from 'node:worker_threads';

/** A request: begin a hash, add bytes of the shared buffer to it, or end it. */
export type HashRequest =
  | { readonly id: number; readonly begin: string }
  | { readonly id: number; readonly add: Uint8Array }
  | { readonly id: number; readonly end: true };

/** The answer to `add` (nothing) and to `end` (the hash in hex). */
export interface HashAnswer {
  readonly id: number;
  readonly hex?: string;
}

const running = new Map<number, Hash>();

parentPort?.on('message', (request: HashRequest) => {
  const { id } = request;
  if ('begin' in request) {
    running.set(id, createHash(request.begin));
    return;
  }
  const hash = running.get(id);
  if ('add' in request) {
    hash?.update(request.add);
    parentPort?.postMessage({ id } satisfies HashAnswer);
    return;
  }
  running.delete(id);
  const hex = hash?.digest('hex');
  parentPort?.postMessage({ id, ...(hex !== undefined && { hex }) } satisfies HashAnswer);
});
