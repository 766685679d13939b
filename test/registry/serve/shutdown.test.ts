/** How the server stops: what has begun comes to its end, what is new is turned away. */
import { randomBytes } from 'node:crypto';
import { access } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { expectBody, expectStatus } from '../../conformance/assertions.ts';
import { RegistryClient } from '../../conformance/client.ts';
import { digestOf } from '../../conformance/content.ts';
import {
  blobPath,
  closeUpload,
  get,
  pushBlob,
  startUpload,
  uploadStatus,
} from '../../conformance/requests.ts';
import { type RunningServer, startServer } from '../../support/server.ts';
import { makeTemporary, removeTemporary } from '../../support/temporary.ts';
import { getRequest, openSocket, readToEnd } from '../http/listening.ts';

const MIB = 1024 * 1024;
const portOf = ({ url }: RunningServer): number => Number(new URL(url).port);

/** Reads what has come so far, at least something, and reads no further. */
async function firstBytes(socket: Socket): Promise<Buffer> {
  await new Promise<void>((resolve) => socket.once('readable', () => resolve()));
  return socket.read() as Buffer;
}

function isRefused(server: RunningServer): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(portOf(server), '127.0.0.1', () => {
      socket.destroy();
      resolve(false);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'));
  });
}

/** Sends SIGTERM and waits until the server takes no new connections. */
async function terminate(server: RunningServer): Promise<void> {
  process.kill(server.pid, 'SIGTERM');
  await server.waitForLog(({ msg }) => msg === 'stopping');
  await expect.poll(() => isRefused(server)).toBe(true);
}

function putHead(target: string, length: number): string {
  return `PUT ${target} HTTP/1.1\r\nHost: x\r\nContent-Length: ${length}\r\n\r\n`;
}

describe('issue 3: SIGTERM', () => {
  it('lets downloads and uploads finish, turns new ones away, and ends with 0', async () => {
    const dataDir = await makeTemporary('shutdown');
    try {
      const server = await startServer({ dataDir });
      const client = new RegistryClient({ origin: server.url });
      const bytes = randomBytes(32 * MIB);
      const target = blobPath('a/b', await pushBlob(client, 'a/b', bytes));
      const pushed = randomBytes(2 * MIB);
      const { location } = await startUpload(client, 'a/b');
      const closing = `${location.pathname}?digest=${digestOf(pushed)}`;

      // A download that the client is slow to read, an upload of which half is there, and the
      // beginnings of a request.
      const [download, upload, probe, idle] = await Promise.all(
        [1, 2, 3, 4].map(() => openSocket(portOf(server))),
      );
      download!.write(getRequest(target));
      const start = await firstBytes(download!);
      upload!.write(putHead(closing, pushed.length));
      upload!.write(pushed.subarray(0, MIB));
      probe!.write('GET /readyz HTTP/1.1\r\n');
      idle!.write(getRequest('/livez'));
      await firstBytes(idle!);
      await expect
        .poll(async () => (await get(client, '/metrics')).body.toString())
        .toContain('\nstowage_http_requests_active 3\n');
      expect(await isRefused(server)).toBe(false);

      await terminate(server);
      await expect(access(join(dataDir, 'server.json'))).rejects.toThrow('ENOENT');
      // Nobody waits for a connection on which nothing is going on.
      expect((await readToEnd(idle!)).length).toBe(0);
      probe!.write('Host: x\r\n\r\n');
      const ready = (await readToEnd(probe!)).toString();
      expect(ready).toMatch(/^HTTP\/1\.1 503 /);
      expect(ready).toMatch(/^connection: close\r$/im);
      expect(ready.endsWith('stopping\n')).toBe(true);

      upload!.write(pushed.subarray(MIB));
      const taken = (await readToEnd(upload!)).toString();
      expect(taken).toMatch(/^HTTP\/1\.1 201 /);
      const received = Buffer.concat([start, await readToEnd(download!)]);
      const body = received.subarray(received.indexOf('\r\n\r\n') + 4);
      expect(digestOf(body)).toBe(digestOf(bytes));

      expect(await server.exited).toEqual({ code: 0, signal: null, forced: false });
      expect(server.lines().at(-1)).toMatchObject({ msg: 'stopped' });
      client.close();

      await using again = await startServer({ dataDir });
      const reader = new RegistryClient({ origin: again.url });
      expectBody(await get(reader, blobPath('a/b', digestOf(pushed))), pushed);
      expectBody(await get(reader, target), bytes);
      reader.close();
    } finally {
      await removeTemporary(dataDir);
    }
  });

  it('keeps what an upload holds whose client does not come back in time', async () => {
    const dataDir = await makeTemporary('shutdown');
    try {
      const env = { STOWAGE_HTTP__TIMEOUTS__BODY: '500ms' };
      const server = await startServer({ dataDir, env });
      const client = new RegistryClient({ origin: server.url });
      const bytes = randomBytes(300_000);
      const { location } = await startUpload(client, 'a/b');
      client.close();
      const upload = await openSocket(portOf(server));
      const head = putHead(location.pathname, bytes.length).replace('PUT', 'PATCH');
      upload.write(head);
      upload.write(bytes.subarray(0, 200_000));
      await terminate(server);
      // The client stays silent: its time runs out, and the server does not wait for it.
      expect(await server.exited).toMatchObject({ code: 0, forced: false });
      upload.destroy();

      await using again = await startServer({ dataDir });
      const reader = new RegistryClient({ origin: again.url });
      const place = new URL(location.pathname, again.url);
      const { last } = await uploadStatus(reader, place);
      const rest = { bytes: bytes.subarray(last + 1), start: last + 1 };
      expectStatus(await closeUpload(reader, place, digestOf(bytes), rest), 201);
      expect(last).toBe(199_999);
      reader.close();
    } finally {
      await removeTemporary(dataDir);
    }
  });

  it('has the last answer on a busy connection close it', async () => {
    await using server = await startServer();
    const client = new RegistryClient({ origin: server.url });
    const target = blobPath('a/b', await pushBlob(client, 'a/b', Buffer.alloc(32 * MIB)));
    const download = await openSocket(portOf(server));
    download.write(getRequest(target));
    await firstBytes(download);
    // One request after the other: this connection is hardly ever idle.
    const busy = await openSocket(portOf(server));
    let answers = '';
    busy.on('data', (data: Buffer) => {
      answers += data.toString();
      if (answers.endsWith('ok\n')) busy.write(getRequest('/livez'));
    });
    busy.resume();
    busy.write(getRequest('/livez'));
    await expect.poll(() => answers.length).toBeGreaterThan(10_000);
    await terminate(server);
    if (!busy.closed) {
      await new Promise<void>((resolve) => busy.once('end', () => resolve(void busy.destroy())));
    }
    // The transfer that keeps the server is not touched by that.
    download.destroy();
    client.close();
    expect(await server.exited).toMatchObject({ code: 0, forced: false });
  });

  it('that comes twice ends the server at once', async () => {
    const dataDir = await makeTemporary('shutdown');
    try {
      const server = await startServer({ dataDir });
      const client = new RegistryClient({ origin: server.url });
      const bytes = Buffer.alloc(32 * MIB, 'x');
      const target = blobPath('a/b', await pushBlob(client, 'a/b', bytes));
      const download = await openSocket(portOf(server));
      download.write(getRequest(target));
      await firstBytes(download);
      await terminate(server);
      process.kill(server.pid, 'SIGTERM');
      expect(await server.exited).toEqual({ code: 1, signal: null, forced: false });
      expect((await readToEnd(download)).length).toBeLessThan(bytes.length);
      client.close();
      // The data directory is none the worse for it.
      await using again = await startServer({ dataDir });
      const reader = new RegistryClient({ origin: again.url });
      expectBody(await get(reader, target), bytes);
      reader.close();
    } finally {
      await removeTemporary(dataDir);
    }
  });
});
