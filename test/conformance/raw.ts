/**
 * Requests written byte for byte on a socket: lying lengths, halves of bodies, connections that are
 * cut. Nothing here corrects what a test wants to get wrong.
 */
import { connect, type Socket } from 'node:net';
import { connect as connectTls, TLSSocket } from 'node:tls';
import { onTestFinished } from 'vitest';
import type { RegistryClient } from './client.ts';
import { RegistryResponse } from './response.ts';

/** A socket to the registry. */
export interface RawConnection {
  /** Resolves when the bytes were handed to the system, also when the other side has gone. */
  write(data: string | Uint8Array): Promise<void>;
  /** Frames bytes as one HTTP chunk; an empty array ends the body. */
  writeChunk(data: Uint8Array): Promise<void>;
  /** Closes the sending direction only. */
  end(): void;
  /** Cuts the connection (RST where the system allows it). */
  cut(): void;
  /**
   * The next answer that is not a 1xx; undefined when the connection ended without one.
   * Rejects after `timeoutMs` (default 20,000). An answer to HEAD ends with its head.
   */
  response(options?: {
    readonly timeoutMs?: number;
    readonly toHead?: boolean;
  }): Promise<RegistryResponse | undefined>;
  /** Bytes that came and that no answer has claimed. */
  unread(): Buffer;
  /** Resolves when the registry has closed the connection; false after `timeoutMs`. */
  closed(timeoutMs: number): Promise<boolean>;
}

interface Parsed {
  readonly status: number;
  readonly headers: [string, string][];
  readonly body: Buffer;
  readonly length: number;
}

function decodeChunked(data: Buffer): { body: Buffer; length: number } | undefined {
  const parts: Buffer[] = [];
  let at = 0;
  for (;;) {
    const lineEnd = data.indexOf('\r\n', at);
    if (lineEnd < 0) return undefined;
    const size = Number.parseInt(data.toString('latin1', at, lineEnd), 16);
    const start = lineEnd + 2;
    if (data.length < start + size + 2) return undefined;
    parts.push(data.subarray(start, start + size));
    at = start + size + 2;
    if (size === 0) return { body: Buffer.concat(parts), length: at };
  }
}

/** Reads one answer from the start of `data`; undefined while it is incomplete. */
function parseResponse(data: Buffer, ended: boolean, isHead: boolean): Parsed | undefined {
  const headEnd = data.indexOf('\r\n\r\n');
  if (headEnd < 0) return undefined;
  const [statusLine = '', ...lines] = data.toString('latin1', 0, headEnd).split('\r\n');
  const status = Number(statusLine.split(' ')[1]);
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  });
  const header = (name: string): string | undefined =>
    headers.find(([key]) => key.toLowerCase() === name)?.[1];
  const start = headEnd + 4;
  const rest = data.subarray(start);
  const done = (body: Buffer, length: number): Parsed => ({ status, headers, body, length });
  if (isHead || status < 200 || status === 204 || status === 304)
    return done(Buffer.alloc(0), start);
  if (header('transfer-encoding')?.toLowerCase() === 'chunked') {
    const decoded = decodeChunked(rest);
    return decoded && done(decoded.body, start + decoded.length);
  }
  const length = header('content-length');
  if (length === undefined) return ended ? done(rest, data.length) : undefined;
  const size = Number(length);
  return rest.length < size ? undefined : done(rest.subarray(0, size), start + size);
}

function open(client: RegistryClient): Promise<Socket> {
  const { hostname, port, protocol } = client.origin;
  const secure = protocol === 'https:';
  const where = { host: hostname, port: Number(port || (secure ? 443 : 80)), allowHalfOpen: true };
  return new Promise((resolve, reject) => {
    const socket: Socket = secure
      ? connectTls({ ...where, ...client.tlsOptions() }, () => resolve(socket))
      : connect(where, () => resolve(socket));
    socket.once('error', reject);
  });
}

/** Opens a raw connection, for use within a test. It is cut when the test has ended. */
export async function openRaw(client: RegistryClient, label = 'raw'): Promise<RawConnection> {
  const socket = await open(client);
  let received = Buffer.alloc(0);
  let ended = false;
  const waiting = new Set<() => void>();
  const wake = (): void => {
    for (const check of [...waiting]) check();
  };
  socket.on('data', (data: Buffer) => {
    received = Buffer.concat([received, data]);
    wake();
  });
  const finish = (): void => {
    ended = true;
    wake();
  };
  socket.on('end', finish);
  socket.on('close', finish);
  socket.on('error', finish);

  /** Waits until `check` gives something else than undefined. */
  function until<T>(check: () => T | undefined, timeoutMs: number, late: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      const tryIt = (): void => {
        const value = check();
        if (value === undefined) return;
        waiting.delete(tryIt);
        clearTimeout(timer);
        resolve(value);
      };
      const timer = setTimeout(() => {
        waiting.delete(tryIt);
        try {
          resolve(late());
        } catch (error) {
          reject(error);
        }
      }, timeoutMs);
      waiting.add(tryIt);
      tryIt();
    });
  }

  const cut = (): void => {
    // Only a TCP socket can be reset.
    if (socket instanceof TLSSocket) socket.destroy();
    else socket.resetAndDestroy();
  };
  // What a failed test leaves open would keep the server from stopping.
  onTestFinished(cut);

  const write = (data: string | Uint8Array): Promise<void> =>
    new Promise((resolve) => {
      if (socket.destroyed || !socket.writable) resolve();
      else socket.write(data, () => resolve());
    });
  return {
    write,
    async writeChunk(data) {
      await write(`${data.length.toString(16)}\r\n`);
      await write(data);
      await write('\r\n');
    },
    end: () => void socket.end(),
    cut,
    unread: () => received,
    async response({ timeoutMs = 20_000, toHead = false } = {}) {
      const next = (): Parsed | 'none' | undefined => {
        for (;;) {
          const parsed = parseResponse(received, ended, toHead);
          if (parsed === undefined) return ended ? 'none' : undefined;
          received = received.subarray(parsed.length);
          if (parsed.status >= 200) return parsed;
        }
      };
      const parsed = await until(next, timeoutMs, () => {
        throw new Error(`${label}: no answer within ${timeoutMs} ms`);
      });
      if (parsed === 'none') return undefined;
      return new RegistryResponse({ ...parsed, url: client.origin, request: label });
    },
    closed: (timeoutMs) =>
      until(
        () => ended || undefined,
        timeoutMs,
        () => false,
      ),
  };
}

/** The head of a request; the caller's headers stand as they are, Host and credentials are added. */
export function requestHead(
  client: RegistryClient,
  request: {
    readonly method: string;
    readonly target: string | URL;
    readonly headers?: Readonly<Record<string, string>>;
    readonly authorization?: string | undefined;
  },
): string {
  const { target, authorization } = request;
  const path = target instanceof URL ? target.pathname + target.search : target;
  const lines = [`${request.method} ${path} HTTP/1.1`, `Host: ${client.origin.host}`];
  if (authorization !== undefined) lines.push(`Authorization: ${authorization}`);
  for (const [name, value] of Object.entries(request.headers ?? {}))
    lines.push(`${name}: ${value}`);
  return `${lines.join('\r\n')}\r\n\r\n`;
}
