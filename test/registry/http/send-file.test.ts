import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { type BufferPool, createBufferPool } from '../../../src/registry/http/buffer-pool.ts';
import {
  type FileTransfer,
  sendFile,
  type TransferResult,
} from '../../../src/registry/http/send-file.ts';
import type { FileReader, ReadCallback } from '../../../src/storage/target/types.ts';
import { getRequest, listening, openSocket, readToEnd } from './listening.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const CONTENT = randomBytes(5 * MIB + 12_345);

type Read = FileReader['read'];

/** A file in memory that counts how often it is let go. */
function readerOf(bytes: Buffer, read?: (ordinary: Read) => Read) {
  const ordinary: Read = (buffer, { offset, length, position }, callback) => {
    const copied = bytes.copy(buffer, offset, position, position + length);
    setImmediate(() => callback(null, copied));
  };
  const reader = {
    released: 0,
    read: read?.(ordinary) ?? ordinary,
    size: () => Promise.resolve(bytes.length),
    release() {
      reader.released++;
    },
  };
  return reader;
}

interface Ended {
  readonly result: TransferResult;
  readonly bytes: number;
}

/** A server that answers every request with a part of a file, and what became of the transfers. */
async function transfers(
  make: (
    res: ServerResponse,
    pool: BufferPool,
  ) => Partial<FileTransfer> & {
    readonly reader: FileReader;
  },
) {
  const pool = createBufferPool();
  const ended: Ended[] = [];
  let wake = (): void => undefined;
  const web = await listening((_, res) => {
    const made = { start: 0, length: CONTENT.length, check: undefined, ...make(res, pool) };
    res.writeHead(200, { 'Content-Length': made.length });
    sendFile({ res, pool, ...made }, (result, bytes) => {
      ended.push({ result, bytes });
      wake();
    });
  });
  return Object.assign(web, {
    pool,
    ended,
    /** Waits until so many transfers have ended. */
    async over(count = 1): Promise<readonly Ended[]> {
      while (ended.length < count) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return ended;
    },
  });
}

async function bodyOf(url: string): Promise<Buffer> {
  return Buffer.from(await (await fetch(url)).arrayBuffer());
}

describe('sending a file', () => {
  it.each([
    [0, CONTENT.length],
    [0, 1],
    [CONTENT.length - 1, 1],
    [0, 256 * KIB],
    [1, 256 * KIB + 1],
    [MIB - 1, MIB],
    [12_345, 2 * MIB + 1],
  ])('sends from byte %i on %i bytes', async (start, length) => {
    const reader = readerOf(CONTENT);
    await using web = await transfers(() => ({ reader, start, length }));
    const body = await bodyOf(web.url);
    expect(body.equals(CONTENT.subarray(start, start + length))).toBe(true);
    expect(await web.over()).toEqual([{ result: 'sent', bytes: length }]);
    expect([reader.released, web.pool.lent]).toEqual([1, 0]);
  });

  it('goes on where a read gave less than was asked for', async () => {
    const reader = readerOf(CONTENT, (read) => (buffer, into, callback) => {
      read(buffer, { ...into, length: Math.min(into.length, 100_001) }, callback);
    });
    await using web = await transfers(() => ({ reader }));
    expect((await bodyOf(web.url)).equals(CONTENT)).toBe(true);
    expect(await web.over()).toEqual([{ result: 'sent', bytes: CONTENT.length }]);
  });

  it('decisions 1: cuts the connection when the file is short', async () => {
    const reader = readerOf(CONTENT.subarray(0, 3 * MIB));
    await using web = await transfers(() => ({ reader }));
    const socket = await openSocket(web.port);
    socket.write(getRequest('/'));
    const received = await readToEnd(socket);
    expect(received.length).toBeLessThan(CONTENT.length);
    const [{ result, bytes }] = (await web.over()) as [Ended];
    expect(result).toBe('short');
    expect(bytes).toBeLessThanOrEqual(3 * MIB);
    expect([reader.released, web.pool.lent]).toEqual([1, 0]);
  });

  it('decisions 1: cuts the connection when the file cannot be read', async () => {
    const broken = new Error('EIO');
    const reader = readerOf(CONTENT, (read) => (buffer, into, callback) => {
      if (into.position > 2 * MIB) setImmediate(() => callback(broken, 0));
      else read(buffer, into, callback);
    });
    await using web = await transfers(() => ({ reader }));
    const socket = await openSocket(web.port);
    socket.write(getRequest('/'));
    expect((await readToEnd(socket)).length).toBeLessThan(CONTENT.length);
    expect((await web.over())[0]!.result).toBe(broken);
    expect([reader.released, web.pool.lent]).toEqual([1, 0]);
  });

  it('decisions 1: never sends a piece that the check refuses', async () => {
    const pieces: [number, boolean][] = [];
    const reader = readerOf(CONTENT);
    await using web = await transfers(() => ({
      reader,
      check: (piece, isLast) => {
        pieces.push([piece.length, isLast]);
        return !isLast;
      },
    }));
    const socket = await openSocket(web.port);
    socket.write(getRequest('/'));
    const received = await readToEnd(socket);
    const head = received.indexOf('\r\n\r\n') + 4;
    const last = pieces.at(-1)![0];
    expect(pieces.map(([, isLast]) => isLast).lastIndexOf(false)).toBe(pieces.length - 2);
    expect(pieces.reduce((sum, [length]) => sum + length, 0)).toBe(CONTENT.length);
    expect(received.length - head).toBeLessThanOrEqual(CONTENT.length - last);
    expect((await web.over())[0]!.result).toBe('refused');
    expect([reader.released, web.pool.lent]).toEqual([1, 0]);
  });

  it('tells its end once, however many events tell of it', async () => {
    const reader = readerOf(CONTENT.subarray(0, 100));
    let closed: Promise<unknown> | undefined;
    await using web = await transfers((res) => {
      closed = once(res, 'close');
      return { reader };
    });
    await expect(bodyOf(web.url)).rejects.toThrow();
    await closed;
    expect(await web.over()).toHaveLength(1);
    expect([web.ended[0]!.result, reader.released]).toEqual(['short', 1]);
  });
});

describe('design 10.5: a client that goes away', () => {
  it('gives its buffers back while it does not read', async () => {
    const reader = readerOf(Buffer.alloc(64 * MIB));
    await using web = await transfers(() => ({ reader, length: 64 * MIB }));
    const socket = await openSocket(web.port);
    socket.write(getRequest('/'));
    await expect.poll(() => web.pool.lent).toBe(2);
    socket.resetAndDestroy();
    const [{ result, bytes }] = (await web.over()) as [Ended];
    expect(result).toBe('aborted');
    expect(bytes).toBeLessThan(64 * MIB);
    expect([reader.released, web.pool.lent]).toEqual([1, 0]);
  });

  it('gives its buffers back when a read ends between its end and the event that tells of it', async () => {
    let finish: (() => void) | undefined;
    const reader = readerOf(CONTENT, (read) => (buffer, into, callback: ReadCallback) => {
      if (into.position === 0) read(buffer, into, callback);
      else finish = () => callback(null, into.length);
    });
    let answer: ServerResponse | undefined;
    await using web = await transfers((res) => {
      answer = res;
      return { reader };
    });
    const socket = await openSocket(web.port);
    socket.write(getRequest('/'));
    await expect.poll(() => finish).toBeDefined();
    answer!.socket!.destroy();
    expect(answer!.destroyed).toBe(false);
    finish!();
    expect((await web.over())[0]!.result).toBe('aborted');
    await expect.poll(() => answer!.destroyed).toBe(true);
    expect(web.ended).toHaveLength(1);
    expect([reader.released, web.pool.lent]).toEqual([1, 0]);
  });

  it('gives everything back when it has sent several requests at once', async () => {
    const readers: ReturnType<typeof readerOf>[] = [];
    await using web = await transfers(() => {
      const reader = readerOf(Buffer.alloc(64 * MIB));
      readers.push(reader);
      return { reader, length: 64 * MIB };
    });
    const socket = await openSocket(web.port);
    socket.write(getRequest('/').repeat(20));
    await expect.poll(() => readers.length).toBe(20);
    await expect.poll(() => web.pool.lent).toBe(2);
    // Answers that have to wait for the first one hold no buffers meanwhile.
    expect(web.pool.lent).toBe(2);
    socket.resetAndDestroy();
    const ended = await web.over(20);
    expect(ended.map(({ result }) => result)).toEqual(Array(20).fill('aborted'));
    expect(readers.map(({ released }) => released)).toEqual(Array(20).fill(1));
    expect(web.pool.lent).toBe(0);
  });
});

it('answers several requests of one packet in turn, each with its bytes', async () => {
  let answers = 0;
  await using web = await transfers(() => ({
    reader: readerOf(CONTENT),
    start: answers,
    length: MIB + answers++,
  }));
  const socket = await openSocket(web.port);
  const heads = Array.from({ length: 4 }, (_, i) =>
    getRequest('/', i === 3 ? { Connection: 'close' } : {}),
  );
  socket.write(heads.join(''));
  let rest = await readToEnd(socket);
  for (let i = 0; i < 4; i++) {
    const start = rest.indexOf('\r\n\r\n') + 4;
    const body = rest.subarray(start, start + MIB + i);
    expect(body.equals(CONTENT.subarray(i, i + MIB + i)), `answer ${i}`).toBe(true);
    rest = rest.subarray(start + MIB + i);
  }
  expect(rest.length).toBe(0);
  expect((await web.over(4)).map(({ result }) => result)).toEqual(Array(4).fill('sent'));
  expect(web.pool.lent).toBe(0);
});
