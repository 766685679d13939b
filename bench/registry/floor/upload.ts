/** Receiving content with as little as durability allows: hash, write, one fdatasync. */
import { createHash } from 'node:crypto';
import { close, fdatasync, open, writev } from 'node:fs';
import type { IncomingMessage } from 'node:http';

/** Bytes gathered before they are written, so that a write is worth its system call. */
const WRITE_BYTES = 1024 * 1024;

/** What was received. */
export interface Received {
  readonly digest: string;
  /** In bytes. */
  readonly size: number;
  /** The last parts written; all of them when the content is smaller than one write. */
  readonly tail: readonly Buffer[];
}

/** Told once, with an error or with what was received. */
export type OnReceived = (error: Error | null, received?: Received) => void;

function receive(request: IncomingMessage, fd: number, done: OnReceived): void {
  const running = createHash('sha256');
  let parts: Buffer[] = [];
  let tail: Buffer[] = [];
  let gathered = 0;
  let size = 0;

  const write = (then: () => void): void => {
    const expected = gathered;
    tail = parts;
    parts = [];
    gathered = 0;
    writev(fd, tail, (error, written) => {
      if (error) done(error);
      else if (written !== expected) done(new Error('short write'));
      else then();
    });
  };
  request.on('data', (part: Buffer) => {
    running.update(part);
    parts.push(part);
    size += part.length;
    gathered += part.length;
    if (gathered < WRITE_BYTES) return;
    request.pause();
    write(() => request.resume());
  });
  const sync = (): void => {
    fdatasync(fd, (error) => {
      done(error, { digest: `sha256:${running.digest('hex')}`, size, tail });
    });
  };
  request.on('end', () => (gathered > 0 ? write(sync) : sync()));
  request.on('error', done);
}

/** Writes a request's body to a new file, makes its bytes durable and closes the file. */
export function receiveFile(request: IncomingMessage, path: string, done: OnReceived): void {
  request.pause();
  open(path, 'w', (openError, fd) => {
    if (openError) return done(openError);
    receive(request, fd, (error, received) => {
      close(fd, (closeError) => done(error ?? closeError, received));
    });
    request.resume();
  });
}
