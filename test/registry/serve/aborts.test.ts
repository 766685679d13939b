/** Clients that go away in the middle leave nothing behind: no descriptor, no buffer, no session. */
import { randomBytes } from 'node:crypto';
import { readdir, readFile, readlink, stat } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectStatus } from '../../conformance/assertions.ts';
import { RegistryClient } from '../../conformance/client.ts';
import { digestOf } from '../../conformance/content.ts';
import { blobPath, get, pushBlob, startUpload } from '../../conformance/requests.ts';
import { type RunningServer, startServer } from '../../support/server.ts';
import { getRequest, openSocket } from '../http/listening.ts';

const MIB = 1024 * 1024;
const SIZE = 48 * MIB;
const eventually = { interval: 100 };

describe.runIf(process.platform === 'linux')('design 10.5: clients that go away', () => {
  let server: RunningServer;
  let client: RegistryClient;
  let target: string;
  const bytes = randomBytes(SIZE);

  beforeAll(async () => {
    server = await startServer();
    client = new RegistryClient({ origin: server.url });
    target = blobPath('a/b', await pushBlob(client, 'a/b', bytes));
    expectStatus(await get(client, target), 200);
  });
  afterAll(async () => {
    client.close();
    await server.stop();
  });

  /** Open sockets of the server, and open files that hold bytes of blobs. */
  async function descriptors(): Promise<{ sockets: number; files: number }> {
    const folder = `/proc/${server.pid}/fd`;
    const kinds = (await readdir(folder)).map(async (name) => {
      const path = join(folder, name);
      // One that has been closed meanwhile is none.
      const link = await readlink(path).catch(() => '');
      if (link.startsWith('socket:')) return 'socket';
      if (!link.startsWith(join(server.dataDir, 'blobs'))) return 'other';
      // Files that were made ahead are empty.
      const size = await stat(path).then(
        (status) => status.size,
        () => 0,
      );
      return size > 0 ? 'file' : 'other';
    });
    const found = await Promise.all(kinds);
    return {
      sockets: found.filter((kind) => kind === 'socket').length,
      files: found.filter((kind) => kind === 'file').length,
    };
  }

  async function figure(name: string): Promise<number> {
    const text = (await get(client, '/metrics')).body.toString();
    return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1]);
  }

  /** Waits until the only request is the one that asks. */
  const quiet = (): Promise<void> =>
    expect.poll(() => figure('stowage_http_requests_active'), eventually).toBe(1);

  async function connections(count: number): Promise<Socket[]> {
    const port = Number(new URL(server.url).port);
    return await Promise.all(Array.from({ length: count }, () => openSocket(port)));
  }

  it('while they download, one request or many on a connection', async () => {
    const before = await descriptors();
    for (const requests of [1, 1, 4]) {
      const sockets = await connections(20);
      for (const socket of sockets) socket.write(getRequest(target).repeat(requests));
      await expect
        .poll(() => figure('stowage_http_requests_active'), eventually)
        .toBe(20 * requests + 1);
      sockets.forEach((socket, i) => {
        if (i % 2 === 0) socket.resetAndDestroy();
        else socket.destroy();
      });
      await quiet();
    }
    await expect.poll(descriptors, eventually).toEqual(before);
    // Buffers that were lost would be missing now.
    const answers = await Promise.all(Array.from({ length: 4 }, () => get(client, target)));
    for (const answer of answers) expect(answer.body.equals(bytes)).toBe(true);
  });

  it('while they upload a blob in one request', async () => {
    const before = await descriptors();
    const body = randomBytes(MIB);
    const query = `?digest=${digestOf('never')}`;
    for (let round = 0; round < 2; round++) {
      const sockets = await connections(20);
      for (const socket of sockets) {
        socket.write(
          `POST /v2/a/b/blobs/uploads/${query} HTTP/1.1\r\nHost: x\r\n` +
            `Content-Length: ${100 * MIB}\r\n\r\n`,
        );
        socket.write(body);
      }
      await expect.poll(() => figure('stowage_uploads_open'), eventually).toBe(20);
      for (const socket of sockets) socket.destroy();
      await quiet();
    }
    await expect.poll(() => figure('stowage_uploads_open'), eventually).toBe(0);
    await expect.poll(descriptors, eventually).toEqual(before);
  });

  it('while they upload in pieces: only the session stays, until it is given up', async () => {
    const before = await descriptors();
    const body = randomBytes(MIB);
    const places: URL[] = [];
    // One after the other, on one connection.
    for (let i = 0; i < 20; i++) places.push((await startUpload(client, 'a/b')).location);
    const sockets = await connections(places.length);
    sockets.forEach((socket, i) => {
      socket.write(
        `PATCH ${places[i]!.pathname} HTTP/1.1\r\nHost: x\r\nContent-Length: ${100 * MIB}\r\n\r\n`,
      );
      socket.write(body);
    });
    await expect.poll(() => figure('stowage_http_requests_active'), eventually).toBe(21);
    for (const socket of sockets) socket.destroy();
    await quiet();
    expect(await figure('stowage_uploads_open')).toBe(20);
    for (const place of places) {
      const range = (await get(client, place)).get('range');
      expect(Number(range?.slice(2))).toBeLessThan(MIB);
      expectStatus(await client.request({ method: 'DELETE', target: place }), 204);
    }
    expect(await figure('stowage_uploads_open')).toBe(0);
    await expect.poll(descriptors, eventually).toEqual(before);
  });

  it('and memory stays where it was', async () => {
    const rss = async (): Promise<number> => {
      const status = await readFile(`/proc/${server.pid}/status`, 'utf8');
      return Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
    };
    const round = async (): Promise<void> => {
      const sockets = await connections(20);
      for (const socket of sockets) socket.write(getRequest(target));
      await expect.poll(() => figure('stowage_http_requests_active'), eventually).toBe(21);
      for (const socket of sockets) socket.resetAndDestroy();
      await quiet();
    };
    for (let i = 0; i < 3; i++) await round();
    const before = await rss();
    for (let i = 0; i < 10; i++) await round();
    // 200 downloads with two buffers each: 400 MiB, if they were lost.
    expect((await rss()) - before).toBeLessThan(64 * MIB);
  });
});
