/** What one client may take of the server; see also test/conformance/limits.test.ts. */
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { expectBody, expectError, expectStatus } from '../../conformance/assertions.ts';
import { RegistryClient } from '../../conformance/client.ts';
import { digestOf } from '../../conformance/content.ts';
import { blobPath, get, patchUpload, pushBlob, startUpload } from '../../conformance/requests.ts';
import { type RunningServer, startServer } from '../../support/server.ts';
import { getRequest, openSocket, readToEnd } from '../http/listening.ts';

const MIB = 1024 * 1024;
const portOf = ({ url }: RunningServer): number => Number(new URL(url).port);

const open: Socket[] = [];
afterEach(() => {
  for (const socket of open.splice(0)) socket.destroy();
});

/** A connection from an address of this machine, and the status of a request on it; 0: it was cut. */
async function connection(server: RunningServer, from: string) {
  const socket = await openSocket(portOf(server), from);
  open.push(socket);
  socket.write(getRequest('/livez'));
  const text = await new Promise<string>((resolve) => {
    socket.once('data', (data: Buffer) => resolve(data.toString()));
    socket.once('close', () => resolve(''));
    socket.resume();
  });
  return { socket, status: Number(text.split(' ')[1] ?? 0) };
}

async function closed(socket: Socket): Promise<void> {
  socket.destroy();
  if (!socket.closed) await new Promise<void>((resolve) => socket.once('close', () => resolve()));
}

describe('issue 3: connections at a time', () => {
  it('are limited for each client, all clients together, and not for trusted proxies', async () => {
    await using server = await startServer({
      env: {
        STOWAGE_HTTP__MAX_CONNECTIONS: '12',
        STOWAGE_HTTP__MAX_CONNECTIONS_PER_CLIENT: '3',
        STOWAGE_HTTP__TRUSTED_PROXIES: '127.0.0.3',
      },
    });
    const statuses = async (from: string, count: number): Promise<number[]> => {
      const all: number[] = [];
      for (let i = 0; i < count; i++) all.push((await connection(server, from)).status);
      return all;
    };
    const greedy = await connection(server, '127.0.0.1');
    expect(greedy.status).toBe(200);
    expect(await statuses('127.0.0.1', 4)).toEqual([200, 200, 0, 0]);
    expect(await statuses('127.0.0.2', 1)).toEqual([200]);
    expect(await statuses('127.0.0.3', 6)).toEqual(Array(6).fill(200));
    // One that ends makes room for one.
    await closed(greedy.socket);
    await expect.poll(async () => (await connection(server, '127.0.0.1')).status).toBe(200);
    expect(await statuses('127.0.0.1', 1)).toEqual([0]);
    // Ten are open.
    expect(await statuses('127.0.0.4', 3)).toEqual([200, 200, 0]);
  });
});

describe('issue 3: bytes that stop', () => {
  const impatient = { STOWAGE_HTTP__TIMEOUTS__BODY: '800ms' };

  it('on the way to a client that does not read end the download', async () => {
    await using server = await startServer({ env: impatient });
    const client = new RegistryClient({ origin: server.url });
    const target = blobPath('a/b', await pushBlob(client, 'a/b', Buffer.alloc(32 * MIB)));
    const sockets = await Promise.all(Array.from({ length: 4 }, () => openSocket(portOf(server))));
    for (const socket of sockets) socket.write(getRequest(target));
    await expect
      .poll(async () => (await get(client, '/metrics')).body.toString())
      .toContain('stowage_http_requests_total{route="blob",method="GET",status="aborted"} 4\n');
    for (const socket of sockets) {
      expect((await readToEnd(socket)).length).toBeLessThan(32 * MIB);
    }
    client.close();
  });

  it('for less than that, again and again, do not', async () => {
    await using server = await startServer({ env: impatient });
    const client = new RegistryClient({ origin: server.url });
    const bytes = randomBytes(20 * MIB);
    const target = blobPath('a/b', await pushBlob(client, 'a/b', bytes));
    const socket = await openSocket(portOf(server));
    open.push(socket);
    socket.write(getRequest(target, { Connection: 'close' }));
    const parts: Buffer[] = [];
    let held = 0;
    socket.on('data', (part: Buffer) => {
      parts.push(part);
      held += part.length;
      if (held < 4 * MIB) return;
      held = 0;
      socket.pause();
      setTimeout(() => socket.resume(), 300);
    });
    socket.resume();
    await new Promise<void>((resolve) => socket.once('close', () => resolve()));
    const received = Buffer.concat(parts);
    const body = received.subarray(received.indexOf('\r\n\r\n') + 4);
    expect(digestOf(body)).toBe(digestOf(bytes));
    client.close();
  });
});

describe('bad input: what is no request, sent while an answer is on its way', () => {
  it('cuts the connection and puts nothing between the bytes of the answer', async () => {
    await using server = await startServer();
    const client = new RegistryClient({ origin: server.url });
    const bytes = Buffer.alloc(32 * MIB, 'a');
    const target = blobPath('a/b', await pushBlob(client, 'a/b', bytes));
    const socket = await openSocket(portOf(server));
    socket.write(getRequest(target));
    await new Promise<void>((resolve) => socket.once('readable', () => resolve()));
    socket.write('NO SUCH THING\r\n\r\n');
    const received = await readToEnd(socket);
    const body = received.subarray(received.indexOf('\r\n\r\n') + 4);
    expect(body.length).toBeLessThan(bytes.length);
    expect(body.every((byte) => byte === 0x61)).toBe(true);
    expectBody(await get(client, target), bytes);
    client.close();
  });
});

describe('issue 3: uploads', () => {
  it('beyond uploads.max_size are 413, those beyond uploads.max_sessions 429, and both end', async () => {
    await using server = await startServer({
      env: { STOWAGE_UPLOADS__MAX_SIZE: '1MiB', STOWAGE_UPLOADS__MAX_SESSIONS: '2' },
    });
    const client = new RegistryClient({ origin: server.url });
    const bytes = randomBytes(MIB + 1);
    const post = () => client.request({ method: 'POST', target: '/v2/a/b/blobs/uploads/' });
    for (let i = 0; i < 3; i++) {
      const { location } = await startUpload(client, 'a/b');
      expectError(await patchUpload(client, location, { bytes }), 413, 'SIZE_INVALID');
      expectError(await get(client, location), 404, 'BLOB_UPLOAD_UNKNOWN');
      const target = `/v2/a/b/blobs/uploads/?digest=${digestOf(bytes)}`;
      const whole = await client.request({ method: 'POST', target, body: bytes });
      expectError(whole, 413, 'SIZE_INVALID');
    }
    // None of them is left: there is room for two.
    const { location } = await startUpload(client, 'a/b');
    expectStatus(await post(), 202);
    const refused = await post();
    expectError(refused, 429, 'TOOMANYREQUESTS');
    expect(Number(refused.get('retry-after'))).toBeGreaterThan(0);
    expectStatus(await client.request({ method: 'DELETE', target: location }), 204);
    expectStatus(await post(), 202);
    client.close();
  });
});
