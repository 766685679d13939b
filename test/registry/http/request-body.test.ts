import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { PassThrough } from 'node:stream';
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  ClientGoneError,
  declaredLength,
  drain,
  readBody,
  receiveBody,
} from '../../../src/registry/http/request-body.ts';
import type { UploadWriter } from '../../../src/storage/uploads/upload.ts';
import { listening, openSocket, readToEnd } from './listening.ts';

const MIB = 1024 * 1024;

/** A server that gives each request to `use` and answers 200 with what comes of it, as text. */
function serving(use: (req: IncomingMessage) => Promise<unknown>) {
  const outcomes: unknown[] = [];
  return listening((req, res) => {
    use(req).then(
      (value) => {
        outcomes.push(value);
        res.end('taken');
      },
      (error: unknown) => {
        outcomes.push(error);
        res.statusCode = 400;
        res.end('refused');
        drain(req);
      },
    );
  }).then((web) => Object.assign(web, { outcomes }));
}

function post(length: number | undefined): string {
  const framing = length === undefined ? 'Transfer-Encoding: chunked' : `Content-Length: ${length}`;
  return `POST / HTTP/1.1\r\nHost: x\r\n${framing}\r\n\r\n`;
}

function chunk(bytes: Buffer): Buffer {
  return Buffer.concat([
    Buffer.from(`${bytes.length.toString(16)}\r\n`),
    bytes,
    Buffer.from('\r\n'),
  ]);
}

/** Takes everything, and says when to wait. */
function recordingWriter(write?: (chunk: Uint8Array) => boolean) {
  const taken: Uint8Array[] = [];
  const writer: UploadWriter = {
    onDrain: undefined,
    onWritten: undefined,
    write(piece) {
      const go = write?.(piece) ?? true;
      taken.push(piece);
      return go;
    },
    end: () => Promise.resolve(),
  };
  return { writer, bytes: () => Buffer.concat(taken) };
}

describe('the declared length of a body', () => {
  const of = (headers: Record<string, string>) => declaredLength({ headers } as IncomingMessage);

  it('is that of Content-Length, 0 without a body, and unknown when it comes in chunks', () => {
    expect(of({ 'content-length': '17' })).toBe(17);
    expect(of({ 'content-length': '0' })).toBe(0);
    expect(of({})).toBe(0);
    expect(of({ 'transfer-encoding': 'chunked' })).toBeUndefined();
  });
});

describe('a body read into memory', () => {
  it('is there whole, whether its length was declared or not', async () => {
    await using web = await serving((req) => readBody(req, MIB));
    const bytes = randomBytes(MIB);
    expect((await fetch(web.url, { method: 'PUT', body: bytes })).status).toBe(200);
    const halves = [bytes.subarray(0, 1000), bytes.subarray(1000)];
    const body = ReadableStream.from(halves);
    expect((await fetch(web.url, { method: 'PUT', body, duplex: 'half' })).status).toBe(200);
    expect((await fetch(web.url, { method: 'PUT' })).status).toBe(200);
    expect(web.outcomes).toEqual([bytes, bytes, Buffer.alloc(0)]);
  });

  it('MAN-P (413) is refused when it is larger than the limit, at once when it says so', async () => {
    await using web = await serving((req) => readBody(req, 1000));
    const socket = await openSocket(web.port);
    // Not a byte of the body has been sent.
    socket.write(post(1001));
    await expect.poll(() => web.outcomes.length).toBe(1);
    socket.destroy();
    const second = await openSocket(web.port);
    second.write(post(undefined));
    second.write(chunk(randomBytes(999)));
    second.write(chunk(randomBytes(2)));
    await expect.poll(() => web.outcomes.length).toBe(2);
    second.destroy();
    for (const outcome of web.outcomes) {
      expect(outcome).toMatchObject({ code: 'SIZE_INVALID', status: 413 });
    }
  });

  it.each([
    ['with a declared length', 1000],
    ['in chunks', undefined],
  ])('is given up when the client goes away (%s)', async (_, length) => {
    await using web = await serving((req) => readBody(req, MIB));
    const socket = await openSocket(web.port);
    socket.write(post(length));
    socket.write(length === undefined ? chunk(randomBytes(100)) : randomBytes(100));
    await once(web.server, 'request');
    socket.resetAndDestroy();
    await expect.poll(() => web.outcomes[0]).toBeInstanceOf(ClientGoneError);
  });

  it('is given up when the client went away before anybody looked', async () => {
    let outcome: unknown;
    await using web = await listening((req) => {
      req.once('close', () => {
        readBody(req, MIB).catch((error: unknown) => {
          outcome = error;
        });
      });
    });
    const socket = await openSocket(web.port);
    socket.write(post(1000));
    await once(web.server, 'request');
    socket.resetAndDestroy();
    await expect.poll(() => outcome).toBeInstanceOf(ClientGoneError);
  });
});

describe('a body passed on to an upload', () => {
  it('arrives whole and in order', async () => {
    const { writer, bytes } = recordingWriter();
    await using web = await serving((req) => receiveBody(req, writer));
    const body = randomBytes(3 * MIB);
    expect((await fetch(web.url, { method: 'PATCH', body })).status).toBe(200);
    expect(web.outcomes).toEqual([body.length]);
    expect(bytes().equals(body)).toBe(true);
  });

  it('design 10.5: waits while the upload cannot take more', async () => {
    let received = 0;
    const { writer, bytes } = recordingWriter((piece) => {
      received += piece.length;
      return received < 500_000;
    });
    let request: IncomingMessage | undefined;
    await using web = await serving((req) => {
      request = req;
      return receiveBody(req, writer);
    });
    const body = randomBytes(8 * MIB);
    const answer = fetch(web.url, { method: 'PATCH', body });
    await expect.poll(() => request?.isPaused()).toBe(true);
    // Nothing but the piece that was too much.
    expect(received).toBeGreaterThanOrEqual(500_000);
    expect(received).toBeLessThanOrEqual(500_000 + 64 * 1024);
    const go = setInterval(() => writer.onDrain?.(), 1);
    expect((await answer).status).toBe(200);
    clearInterval(go);
    expect(bytes().equals(body)).toBe(true);
  });

  it('keeps what came before the client went away', async () => {
    const { writer, bytes } = recordingWriter();
    await using web = await serving((req) => receiveBody(req, writer));
    const part = randomBytes(50_000);
    const socket = await openSocket(web.port);
    socket.write(post(100_000));
    socket.write(part);
    await expect.poll(() => bytes().length).toBe(part.length);
    socket.resetAndDestroy();
    await expect.poll(() => web.outcomes[0]).toBeInstanceOf(ClientGoneError);
    expect(bytes().equals(part)).toBe(true);
  });

  it('fails with the reason of an upload that refuses it', async () => {
    const reason = new Error('too large');
    const { writer } = recordingWriter(() => {
      throw reason;
    });
    await using web = await serving((req) => receiveBody(req, writer));
    const answer = await fetch(web.url, { method: 'PATCH', body: randomBytes(100) });
    expect(answer.status).toBe(400);
    expect(web.outcomes).toEqual([reason]);
  });

  it.each([
    ['longer', 999],
    ['shorter', 1001],
  ])('CH-4 is refused when it is %s than its range', async (_, expected) => {
    const { writer, bytes } = recordingWriter();
    await using web = await serving((req) => receiveBody(req, writer, expected));
    const socket = await openSocket(web.port);
    socket.write(post(undefined));
    socket.write(chunk(randomBytes(500)));
    await expect.poll(() => bytes().length).toBe(500);
    socket.write(chunk(randomBytes(500)));
    socket.write(chunk(Buffer.alloc(0)));
    await expect.poll(() => web.outcomes.length).toBe(1);
    socket.destroy();
    expect(web.outcomes[0]).toMatchObject({ code: 'SIZE_INVALID', status: 400 });
    expect(bytes().length).toBeLessThanOrEqual(expected);
  });
});

describe('the memory of a body', () => {
  it('is given back piece by piece as soon as an upload has no more need of it', async () => {
    const pieces: Uint8Array[] = [];
    const { writer } = recordingWriter((piece) => {
      pieces.push(piece);
      return true;
    });
    await using web = await serving((req) => receiveBody(req, writer));
    await fetch(web.url, { method: 'PUT', body: randomBytes(MIB) });
    expect(pieces.reduce((total, { length }) => total + length, 0)).toBe(MIB);
    for (const piece of pieces) writer.onWritten?.(piece);
    // Nothing is left of the buffer itself, which the garbage collector would have to find.
    for (const { buffer } of pieces) expect(buffer.byteLength).toBe(0);
  });
});

describe('the rest of a body that nobody wants', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it('is read, so that the answer arrives and the connection can be used again', async () => {
    await using web = await serving(() => Promise.reject(new Error('no')));
    const socket = await openSocket(web.port);
    const body = randomBytes(4 * MIB);
    socket.write(post(body.length));
    socket.write(body);
    socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    const received = (await readToEnd(socket)).toString('latin1');
    expect(received.match(/HTTP\/1\.1 400/g)).toHaveLength(2);
  });

  it('is not read without end', async () => {
    await using web = await serving(() => Promise.reject(new Error('no')));
    const socket = await openSocket(web.port);
    socket.write(post(1024 * MIB));
    let sent = 0;
    const piece = Buffer.alloc(MIB);
    const more = (): void => {
      sent += piece.length;
      if (!socket.destroyed) socket.write(piece, more);
    };
    more();
    await readToEnd(socket);
    // Beside what the server takes there is what the system keeps for it.
    expect(sent).toBeLessThan(64 * MIB);
  });

  it('is not waited for longer than five seconds', () => {
    vi.useFakeTimers();
    const destroy = vi.fn();
    const request = (): IncomingMessage =>
      Object.assign(new PassThrough(), {
        headers: { 'content-length': '100' },
        complete: false,
        socket: { destroy },
      }) as unknown as IncomingMessage;
    drain(request());
    vi.advanceTimersByTime(4999);
    expect(destroy).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(destroy).toHaveBeenCalledOnce();
  });
});
