/** Takes the bodies of requests: small ones into memory, blobs into uploads. */
import type { IncomingMessage } from 'node:http';
import { freeBytes } from '../../lib/free-bytes.ts';
import { OciError } from '../../oci/errors.ts';
import type { UploadWriter } from '../../storage/uploads/upload.ts';

/** The client went away before its body was complete. There is nobody to answer. */
export class ClientGoneError extends Error {
  override readonly name = 'ClientGoneError';

  constructor() {
    super('the client closed the connection');
  }
}

/** Bytes of a refused body that are read and dropped, so that the client gets to see the answer. */
const MAX_DRAINED = 8 * 1024 * 1024;
/** Milliseconds for the same. */
const MAX_DRAIN_TIME = 5000;

/** Declared length of the body; undefined when it comes in chunks, 0 when there is none. */
export function declaredLength(req: IncomingMessage): number | undefined {
  const length = req.headers['content-length'];
  if (length !== undefined) return Number(length);
  return req.headers['transfer-encoding'] === undefined ? 0 : undefined;
}

function wrongLength(): OciError {
  return new OciError('SIZE_INVALID', { message: 'the body is not as long as Content-Range says' });
}

/** True when the connection broke before anybody listened: no event will tell of it any more. */
function isBroken(req: IncomingMessage): boolean {
  return req.destroyed && !req.readableEnded;
}

/**
 * Reads a body into memory.
 * @param limit - bytes at most
 * @throws OciError SIZE_INVALID with status 413, ClientGoneError
 */
export function readBody(req: IncomingMessage, limit: number): Promise<Buffer> {
  const tooLarge = (): OciError =>
    new OciError('SIZE_INVALID', { status: 413, message: `more than ${limit} bytes` });
  if ((declaredLength(req) ?? 0) > limit) return Promise.reject(tooLarge());
  if (isBroken(req)) return Promise.reject(new ClientGoneError());
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    req.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > limit) {
        req.removeAllListeners('data');
        reject(tooLarge());
      } else chunks.push(chunk);
    });
    req.on('end', () => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size)));
    const onBreak = (): void => {
      if (!req.readableEnded) reject(new ClientGoneError());
    };
    req.on('error', onBreak);
    req.on('close', onBreak);
  });
}

/**
 * Passes a body on to an upload, as fast as that can take it.
 * @param expected - bytes that the body must have; any number when undefined
 * @returns the number of bytes
 * @throws ClientGoneError when the body breaks off, OciError SIZE_INVALID when it has another
 *   length; what came before, up to the expected length, is in the upload
 */
export function receiveBody(
  req: IncomingMessage,
  writer: UploadWriter,
  expected?: number,
): Promise<number> {
  if (isBroken(req)) return Promise.reject(new ClientGoneError());
  return new Promise((resolve, reject) => {
    let bytes = 0;
    const fail = (error: unknown): void => {
      req.removeListener('data', onData);
      reject(error);
    };
    const onData = (chunk: Buffer): void => {
      bytes += chunk.length;
      if (expected !== undefined && bytes > expected) {
        fail(wrongLength());
        return;
      }
      try {
        if (!writer.write(chunk)) req.pause();
      } catch (error) {
        fail(error);
      }
    };
    writer.onWritten = freeBytes;
    writer.onDrain = () => {
      if (req.isPaused()) req.resume();
    };
    req.on('data', onData);
    req.on('end', () => {
      if (expected === undefined || bytes === expected) resolve(bytes);
      else fail(wrongLength());
    });
    const onBreak = (): void => {
      if (!req.readableEnded) fail(new ClientGoneError());
    };
    req.on('error', onBreak);
    req.on('close', onBreak);
  });
}

/**
 * Reads and drops the rest of a body that was not wanted. A client that is still sending would
 * otherwise see a broken connection instead of the answer; one that sends without end is cut off.
 */
export function drain(req: IncomingMessage): void {
  if (declaredLength(req) === 0 || req.complete || req.destroyed) return;
  let bytes = 0;
  const timer = setTimeout(() => req.socket.destroy(), MAX_DRAIN_TIME).unref();
  req.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    freeBytes(chunk);
    if (bytes > MAX_DRAINED) req.socket.destroy();
  });
  req.on('close', () => clearTimeout(timer));
  req.on('end', () => clearTimeout(timer));
  req.on('error', () => undefined);
  req.resume();
}
