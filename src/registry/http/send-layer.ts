/**
 * Sends a layer that is kept as a recipe, or a stretch of it, while it is restored. A restore holds
 * memory and there are only so many at once, so a client that is slow in taking bytes does not keep
 * one: it is ended, and another one goes on where it was when the client has caught up.
 */
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { LayerStore } from '../../dedup/layer-store.ts';
import { giveBackBlock } from '../../dedup/restore/shared-block.ts';
import type { Digest } from '../../oci/digest.ts';

/** Milliseconds that a client may take for the bytes in front of it and keep its restore. */
const PATIENCE = 1000;

/** What is to be sent. */
export interface LayerTransfer {
  readonly layers: Pick<LayerStore, 'restore'>;
  readonly digest: Digest;
  readonly res: ServerResponse;
  /** Bytes of the layer that are wanted; `end` is not included. */
  readonly start: number;
  readonly end: number;
  /** Called before the first byte: writes the head of the answer. */
  readonly begin: () => void;
  /** Told of bytes that were handed to the connection. */
  readonly onBytes: (bytes: number) => void;
}

/** The client went away before it had everything. */
export class ClientGoneError extends Error {
  override readonly name = 'ClientGoneError';

  constructor() {
    super('the client is gone');
  }
}

/** Waits until the connection takes more. @returns false when that takes longer than `patience` */
async function drained(
  res: ServerResponse,
  signal: AbortSignal,
  patience?: number,
): Promise<boolean> {
  if (!res.writableNeedDrain) return true;
  const late = patience === undefined ? undefined : AbortSignal.timeout(patience);
  try {
    const both = late === undefined ? signal : AbortSignal.any([signal, late]);
    await once(res, 'drain', { signal: both });
    return true;
  } catch {
    signal.throwIfAborted();
    return false;
  }
}

/**
 * Restores and sends. Ends the answer when everything was sent; whoever calls it cuts the connection
 * when it throws.
 * @throws ClientGoneError, and what the restore throws: LayerUnknownError before the head was written,
 *   or because the layer has come to lie elsewhere, LayerDamagedError
 */
export async function sendLayer(transfer: LayerTransfer): Promise<void> {
  const { layers, digest, res, start, end, begin, onBytes } = transfer;
  const gone = new AbortController();
  const { signal } = gone;
  const leave = (): void => gone.abort(new ClientGoneError());
  res.once('close', leave);
  if (res.destroyed) leave();
  try {
    // An answer that waits behind another one on the same connection takes no place among restores.
    if (res.socket === null) await once(res, 'socket', { signal });
    let position = start;
    while (position < end) {
      await drained(res, signal);
      for await (const block of layers.restore(digest, {
        range: { start: position, end },
        signal,
      })) {
        signal.throwIfAborted();
        if (position === start) begin();
        const { length } = block;
        // Others may be sending it, too.
        res.write(block, () => giveBackBlock(block));
        position += length;
        onBytes(length);
        if (!(await drained(res, signal, PATIENCE))) break;
      }
    }
    if (start === end) begin();
    res.end();
    if (!res.writableFinished) await once(res, 'finish', { signal });
  } catch (error) {
    // Waiting for an event ends with an error of Node's own.
    signal.throwIfAborted();
    throw error;
  } finally {
    res.off('close', leave);
  }
}
