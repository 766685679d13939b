/** Sending a file with as little CPU time as pure Node can: an open descriptor, two pooled buffers. */
import { openSync, read } from 'node:fs';
import type { ServerResponse } from 'node:http';

const BUFFER_BYTES = 1024 * 1024;

/** Buffer pairs at rest; as many exist as downloads have run at the same time. */
const pool: [Buffer, Buffer][] = [];

/** A file that is opened when it is first read, and then kept open. */
export interface StoredFile {
  readonly path: string;
  /** In bytes. */
  readonly size: number;
  fd?: number;
}

/**
 * Sends all bytes of a file as the body: one buffer is read into while the other is written. A
 * buffer is used again only when the socket has taken its bytes. Cuts the connection when a read
 * fails, for the head has left by then.
 */
export function sendFile(file: StoredFile, response: ServerResponse): void {
  file.fd ??= openSync(file.path, 'r');
  const { fd, size } = file;
  const buffers = pool.pop() ?? [
    Buffer.allocUnsafeSlow(BUFFER_BYTES),
    Buffer.allocUnsafeSlow(BUFFER_BYTES),
  ];
  let position = 0;
  let turn = 0;
  let writing = false;
  let ready: Buffer | undefined;

  const readNext = (): void => {
    const buffer = buffers[turn]!;
    turn = 1 - turn;
    read(fd, buffer, 0, Math.min(BUFFER_BYTES, size - position), position, (error, bytes) => {
      if (error || bytes === 0) {
        response.destroy();
        return;
      }
      position += bytes;
      ready = buffer.subarray(0, bytes);
      if (!writing) writeReady();
    });
  };
  const onWritten = (error?: Error | null): void => {
    writing = false;
    if (error) return;
    if (ready !== undefined) writeReady();
    else if (position === size) {
      pool.push(buffers);
      response.end();
    }
  };
  const writeReady = (): void => {
    const part = ready!;
    ready = undefined;
    writing = true;
    response.write(part, onWritten);
    if (position < size) readNext();
  };
  readNext();
}
