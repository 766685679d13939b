/** Bodies that a client holds back until it is asked for them (`Expect: 100-continue`, UP-10). */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectStatus } from '../../conformance/assertions.ts';
import { digestOf, MEDIA_TYPES, unknownDigest } from '../../conformance/content.ts';
import {
  blobPath,
  get,
  manifestPath,
  startUpload,
  uploadsPath,
} from '../../conformance/requests.ts';
import { openSocket, readToEnd } from '../http/listening.ts';
import { basic, type ServerWithUsers, startWithUsers } from './users.ts';

const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';

describe('UP-10 a body that is held back', () => {
  let users: ServerWithUsers;
  let port: number;

  beforeAll(async () => {
    users = await startWithUsers({
      users: ['ann', 'eve'],
      policies: [
        { repositories: ['a/**'], users: ['ann'], actions: ['pull', 'push'] },
        { repositories: ['a/**'], users: ['eve'], actions: ['pull'] },
      ],
      env: { STOWAGE_AUTH__TOKEN__ENABLED: 'true', STOWAGE_UPLOADS__MAX_SIZE: '1MiB' },
    });
    port = Number(new URL(users.server.url).port);
  });
  afterAll(() => users.stop());

  /** The head of a request whose body waits. */
  function head(
    method: string,
    target: string,
    { authorization = basic('ann'), length = 1000, headers = {} as Record<string, string> },
  ): string {
    const lines = Object.entries({
      Host: `127.0.0.1:${port}`,
      ...(authorization && { Authorization: authorization }),
      'Content-Length': length,
      Expect: '100-continue',
      ...headers,
    }).map(([name, value]) => `${name}: ${value}\r\n`);
    return `${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n`;
  }

  const upload = async (): Promise<string> => {
    const { location } = await startUpload(users.clientOf('ann'), 'a/b');
    return location.pathname;
  };
  type Held = readonly [status: number, request: () => string | Promise<string>];
  const refused: Readonly<Record<string, Held>> = {
    'without a log-in': [
      401,
      () => head('POST', `${uploadsPath('a/b')}?digest=${unknownDigest()}`, { authorization: '' }),
    ],
    'to the token service of what it does not take': [
      415,
      () =>
        head('POST', '/token', { authorization: '', headers: { 'Content-Type': 'text/plain' } }),
    ],
    'of somebody who may only read': [
      403,
      () => head('PUT', manifestPath('a/b', 'x'), { authorization: basic('eve') }),
    ],
    'to an upload that is not there': [
      404,
      () => head('PATCH', `${uploadsPath('a/b')}00000000-0000-8000-8000-000000000000`, {}),
    ],
    'of a manifest that is too large': [
      413,
      () => head('PUT', manifestPath('a/b', 'x'), { length: 5 * 1024 * 1024 }),
    ],
    'of a blob that is too large': [
      413,
      async () => head('PATCH', await upload(), { length: 2 * 1024 * 1024 }),
    ],
    'of a chunk out of order': [
      416,
      async () => head('PATCH', await upload(), { headers: { 'Content-Range': '5-1004' } }),
    ],
    'to a path that is none': [404, () => head('PUT', '/v2/a/b/nothing/x', {})],
  };

  it.each(Object.entries(refused))('%s is refused without being asked for', async (_, held) => {
    const [status, request] = held;
    const socket = await openSocket(port);
    socket.write(await request());
    const text = (await readToEnd(socket)).toString();
    expect(text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    // Whether the body still comes cannot be known, so the connection is of no further use.
    expect(text.toLowerCase()).toContain('\r\nconnection: close\r\n');
  });

  it('is asked for once, when it will be read, and the connection stays', async () => {
    const bytes = Buffer.from('held back until wanted');
    const socket = await openSocket(port);
    const next = (): Promise<string> =>
      new Promise((resolve) => {
        socket.once('data', (data) => resolve(data.toString()));
        socket.resume();
      });
    for (const attempt of [1, 2]) {
      const location = await upload();
      socket.write(head('PATCH', location, { length: bytes.length }));
      expect(await next(), `request ${attempt}`).toBe(CONTINUE);
      socket.write(bytes);
      const answer = await next();
      expect(answer).toMatch(/^HTTP\/1\.1 202 /);
      expect(answer.toLowerCase()).not.toContain('connection: close');
      const digest = digestOf(bytes);
      const client = users.clientOf('ann');
      const target = `${location}?digest=${digest}`;
      expectStatus(await client.request({ method: 'PUT', target }), 201);
      expectStatus(await get(client, blobPath('a/b', digest)), 200);
    }
    socket.destroy();
  });

  it('is asked for of manifests and forms too', async () => {
    for (const [request, body, status] of [
      [
        head('PUT', manifestPath('a/b', 'x'), {
          length: 2,
          headers: { 'Content-Type': MEDIA_TYPES.manifest, Connection: 'close' },
        }),
        '{}',
        400,
      ],
      [
        head('POST', '/token', {
          authorization: '',
          length: 16,
          headers: { 'Content-Type': 'application/x-www-form-urlencoded', Connection: 'close' },
        }),
        'grant_type=other',
        400,
      ],
    ] as const) {
      const socket = await openSocket(port);
      socket.write(request);
      const asked = await new Promise<string>((resolve) => {
        socket.once('data', (data) => resolve(data.toString()));
        socket.resume();
      });
      expect(asked).toBe(CONTINUE);
      socket.write(body);
      expect((await readToEnd(socket)).toString()).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    }
  });
});
