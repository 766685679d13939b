/**
 * Sends a part of a file. The hottest loop of the registry: two buffers, one being filled from the
 * file while the other is on its way to the socket, callbacks instead of promises, no allocation.
 */
import type { ServerResponse } from 'node:http';
import type { FileReader } from '../../storage/target/types.ts';
import type { BufferPool } from './buffer-pool.ts';

/** What is to be sent. The head of the answer has been written already. */
export interface FileTransfer {
  readonly reader: FileReader;
  readonly res: ServerResponse;
  readonly pool: BufferPool;
  /** First byte, and number of bytes. */
  readonly start: number;
  readonly length: number;
  /**
   * Sees every piece before it is sent; false stops the transfer. Called with `isLast` for the
   * piece that would complete the answer.
   */
  readonly check: ((piece: Buffer, isLast: boolean) => boolean) | undefined;
}

/** How a transfer ended: whole, given up by the client, or for a reason that is the file's fault. */
export type TransferResult = 'sent' | 'aborted' | 'short' | 'refused' | Error;

/** Buffers of one transfer. */
const DEPTH = 2;

const NOTHING = Buffer.alloc(0);

/**
 * Sends the bytes and ends the answer; on failure the connection is cut, so that the client cannot
 * take the answer for whole. Releases the reader.
 * @param done - called exactly once, with the number of bytes that left
 */
export function sendFile(
  transfer: FileTransfer,
  done: (result: TransferResult, bytes: number) => void,
): void {
  const { reader, res, pool, start, length, check } = transfer;
  let position = start;
  const end = start + length;
  let sent = 0;
  let reading = false;
  let lent = 0;
  let over: TransferResult | undefined;
  let settled = false;

  /** The reader and the buffers are in use until the last callback has come. */
  function settle(): void {
    if (over === undefined || reading || lent > 0 || settled) return;
    settled = true;
    reader.release();
    done(over, sent);
  }

  function stop(result: TransferResult): void {
    if (over === undefined) {
      over = result;
      if (result !== 'aborted') res.destroy();
    }
    settle();
  }

  function giveBack(buffer: Buffer): void {
    lent--;
    pool.give(buffer);
  }

  function write(buffer: Buffer, bytes: number): void {
    const piece = bytes === buffer.length ? buffer : buffer.subarray(0, bytes);
    position += bytes;
    const isLast = position === end;
    if (check !== undefined && !check(piece, isLast)) {
      giveBack(buffer);
      stop('refused');
      return;
    }
    const onSent = (error?: Error | null): void => {
      giveBack(buffer);
      if (error) {
        stop('aborted');
        return;
      }
      sent += bytes;
      if (isLast) {
        over ??= 'sent';
        settle();
      } else fill();
    };
    if (isLast) {
      res.write(piece, onSent);
      res.end();
    } else {
      res.write(piece, onSent);
      fill();
    }
  }

  function fill(): void {
    if (over !== undefined) {
      settle();
      return;
    }
    if (reading || lent >= DEPTH || position >= end) return;
    reading = true;
    lent++;
    const buffer = pool.take(end - position);
    const wanted = Math.min(buffer.length, end - position);
    reader.read(buffer, { offset: 0, length: wanted, position }, (error, bytes) => {
      reading = false;
      if (error === null && bytes > 0 && over === undefined) {
        // Between its end and the event that tells of it, a socket drops what is written, without
        // calling back.
        if (res.socket === null || res.socket.destroyed) over = 'aborted';
        else {
          write(buffer, bytes);
          return;
        }
      }
      giveBack(buffer);
      stop(over ?? error ?? 'short');
    });
  }

  res.once('close', () => {
    if (!res.writableFinished) stop('aborted');
  });
  // An answer that waits behind another one on the same connection takes no buffers: it would hold
  // them for nothing, and for good if the connection broke.
  if (res.socket === null) res.write(NOTHING, fill);
  else fill();
}
