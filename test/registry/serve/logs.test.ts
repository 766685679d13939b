/** What the server writes down: audit lines of every change, requests as configured, no secrets. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectStatus } from '../../conformance/assertions.ts';
import { RegistryClient } from '../../conformance/client.ts';
import { addImage, digestOf, MEDIA_TYPES, newContent } from '../../conformance/content.ts';
import {
  blobPath,
  get,
  head,
  manifestPath,
  pushContent,
  startUpload,
  tagsPath,
  uploadsPath,
} from '../../conformance/requests.ts';
import { type LogLine, type RunningServer, startServer } from '../../support/server.ts';
import { basic, passwordOf, type ServerWithUsers, startWithUsers } from './users.ts';

const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

describe('decisions 5: the audit log', () => {
  let users: ServerWithUsers;
  let client: RegistryClient;
  const content = newContent();
  const image = addImage(content, { tag: 'latest' });
  const [blob] = [...content.blobs.keys()];

  beforeAll(async () => {
    users = await startWithUsers({
      users: ['ann', 'root'],
      env: { STOWAGE_AUTH__TOKEN__ENABLED: 'true', STOWAGE_AUTH__RIGHTS__ADMIN: 'root' },
    });
    client = users.clientOf('ann');
    await pushContent(client, 'team/app', content);
  });
  afterAll(() => users.stop());

  let sent = 0;
  /** Makes a request with an id of its own and gives the audit line that carries it. */
  async function audited(
    name: string,
    method: string,
    target: string,
    rest: { readonly body?: Uint8Array; readonly headers?: Record<string, string> } = {},
  ): Promise<LogLine> {
    const id = `audit-test-${++sent}`;
    const headers = { ...rest.headers, 'x-request-id': id };
    const authorization = basic(name);
    const answer = await client.request({ ...rest, method, target, headers, authorization });
    const line = await users.server.waitForLog(
      ({ audit, requestId }) => audit === true && requestId === id,
    );
    expect(line).toMatchObject({ subject: `user:${name}`, client: '127.0.0.1' });
    expect(line.status, answer.describe()).toBe(answer.status);
    expect(new Date(line.time as string).getTime()).toBeLessThanOrEqual(Date.now());
    return line;
  }

  it('has a line for each change, with who, what, from where, and how it ended', async () => {
    const bytes = Buffer.from('audited');
    const digest = digestOf(bytes);
    const tag = manifestPath('team/app', 'v1');
    const manifest = content.manifests[0]!;
    const headers = { 'content-type': manifest.mediaType };
    const mounting = `${uploadsPath('team/other')}?mount=${blob}&from=team/app`;
    const changes: [LogLine, object][] = [
      [
        await audited('ann', 'POST', `${uploadsPath('team/app')}?digest=${digest}`, {
          body: bytes,
        }),
        { action: 'blob.push', repository: 'team/app', digest, status: 201 },
      ],
      [
        await audited('ann', 'POST', mounting),
        { action: 'blob.mount', repository: 'team/other', digest: blob, status: 201 },
      ],
      [
        await audited('ann', 'PUT', tag, { body: manifest.bytes, headers }),
        { action: 'manifest.push', reference: 'v1', digest: image.digest, status: 201 },
      ],
      [await audited('ann', 'DELETE', tag), { action: 'tag.delete', reference: 'v1', status: 202 }],
      [
        await audited('ann', 'DELETE', blobPath('team/other', blob!)),
        { action: 'blob.delete', repository: 'team/other', digest: blob, status: 202 },
      ],
      [
        await audited('ann', 'DELETE', manifestPath('team/app', image.digest)),
        { action: 'manifest.delete', digest: image.digest, status: 202 },
      ],
      [
        await audited('root', 'POST', `/api/v1/restore?repo=team/app&reference=${image.digest}`),
        { action: 'restore', repository: 'team/app', reference: image.digest, status: 200 },
      ],
      [
        await audited('root', 'POST', '/api/v1/repositories/delete?repo=team/app'),
        { action: 'repository.delete', repository: 'team/app', status: 200 },
      ],
      [
        await audited('root', 'POST', '/api/v1/collection/start'),
        { action: 'collection.start', status: 202 },
      ],
      [
        await audited('root', 'POST', '/api/v1/scrub/start'),
        { action: 'scrub.start', status: 202 },
      ],
    ];
    for (const [line, expected] of changes) expect(line).toMatchObject(expected);
  });

  it('has a line for each change that failed', async () => {
    const wrong = digestOf('something else');
    const target = `${uploadsPath('team/app')}?digest=${wrong}`;
    const line = await audited('ann', 'POST', target, { body: Buffer.from('x') });
    expect(line).toMatchObject({ action: 'blob.push', digest: wrong, status: 400 });
    const missing = await audited('ann', 'DELETE', manifestPath('team/app', 'none'));
    expect(missing).toMatchObject({ action: 'tag.delete', reference: 'none', status: 404 });
  });

  it('has a line for each log-in that was refused, with the name that was given', async () => {
    const refused = async (id: string, request: Parameters<RegistryClient['request']>[0]) => {
      const headers = { ...request.headers, 'x-request-id': id };
      expectStatus(await client.request({ ...request, headers }), 401);
      const line = await users.server.waitForLog(({ requestId }) => requestId === id);
      expect(line).toMatchObject({ audit: true, action: 'login.refused', status: 401 });
      return line.subject;
    };
    const wrong = basic('ann', 'guess');
    expect(await refused('r1', { target: '/v2/', authorization: wrong })).toBe('ann');
    expect(await refused('r2', { target: '/token', authorization: wrong })).toBe('ann');
    const post = { method: 'POST', target: '/token', headers: FORM, authorization: null };
    const body = 'grant_type=password&service=stowage&username=ann&password=guess';
    expect(await refused('r3', { ...post, body })).toBe('');
    expect(await refused('r4', { target: tagsPath('a/b'), authorization: 'Bearer x.y.z' })).toBe(
      '',
    );
  });

  it('has no line for what changes nothing', async () => {
    const before = users.server.lines().filter(({ audit }) => audit === true).length;
    const reader = users.clientOf('ann');
    for (const target of ['/v2/', '/v2/_catalog', tagsPath('team/app')]) await get(reader, target);
    await startUpload(reader, 'team/app');
    expectStatus(await reader.request({ target: '/v2/', authorization: null }), 401);
    // The next audit line is that of this request, so none is still on its way.
    await audited('ann', 'DELETE', manifestPath('team/app', 'none'));
    const after = users.server.lines().filter(({ audit }) => audit === true).length;
    expect(after).toBe(before + 1);
  });
});

describe('decisions 7: request ids', () => {
  it('tie an error to its line: that of the client, or one that the server makes', async () => {
    await using server = await startServer();
    const client = new RegistryClient({ origin: server.url });
    const ask = async (id?: string): Promise<string> => {
      const headers = id === undefined ? {} : { 'x-request-id': id };
      const answer = expectStatus(await get(client, tagsPath('no/such'), headers), 404);
      return answer.get('x-request-id')!;
    };
    expect(await ask('from-the-client')).toBe('from-the-client');
    const made = [
      await ask(),
      await ask(),
      await ask('not sane: {"a":1}'),
      await ask('x'.repeat(500)),
    ];
    expect(new Set(made).size).toBe(4);
    for (const id of ['from-the-client', ...made]) {
      const line = await server.waitForLog((one) => one.id === id);
      expect(line).toMatchObject({ msg: 'request', status: 404, path: tagsPath('no/such') });
    }
    client.close();
  });
});

describe('decisions 9: log.requests', () => {
  /** Routes and methods of the requests that a server with this setting logs, of a fixed series. */
  async function logged(mode: string): Promise<string[]> {
    await using server = await startServer({ env: { STOWAGE_LOG__REQUESTS: mode } });
    const client = new RegistryClient({ origin: server.url });
    await get(client, '/v2/');
    await head(client, blobPath('a/b', digestOf('not there yet')));
    await get(client, '/v2/no/such/tags/list?token=hidden');
    await startUpload(client, 'a/b');
    await client.request({ method: 'PUT', target: manifestPath('a/b', 'x'), body: 'no manifest' });
    await get(client, '/livez');
    await get(client, '/v2/last/tags/list');
    await server.waitForLog(({ path }) => path === '/v2/last/tags/list');
    client.close();
    expect(server.output()).not.toContain('hidden');
    return server
      .lines()
      .filter(({ msg }) => msg === 'request')
      .map(({ level, method, status }) => `${level} ${method} ${status}`);
  }

  it.each([
    ['errors', ['warn GET 404', 'warn PUT 400', 'warn GET 404']],
    ['writes', ['warn GET 404', 'info POST 202', 'warn PUT 400', 'warn GET 404']],
    [
      'all',
      [
        'info GET 200',
        'info HEAD 404',
        'warn GET 404',
        'info POST 202',
        'warn PUT 400',
        'info GET 200',
        'warn GET 404',
      ],
    ],
  ])('%s logs just these', async (mode, expected) => {
    expect(await logged(mode)).toEqual(expected);
  });
});

describe('issue 3: secrets', () => {
  it('are in no line of the log, even when all is logged', async () => {
    const users = await startWithUsers({
      users: ['ann'],
      env: {
        STOWAGE_AUTH__TOKEN__ENABLED: 'true',
        STOWAGE_LOG__LEVEL: 'trace',
        STOWAGE_LOG__REQUESTS: 'all',
      },
    });
    const { server } = users;
    const client = users.clientOf('ann');
    try {
      const secrets = await everyCredential(server, client);
      await server.waitForLog(({ path }) => path === tagsPath('the/end'));
      for (const secret of secrets) {
        expect(secret.length).toBeGreaterThan(5);
        expect(server.output()).not.toContain(secret);
      }
    } finally {
      await users.stop();
    }
  });

  /** Uses every kind of credential, well and badly; gives what must not be written down. */
  async function everyCredential(server: RunningServer, client: RegistryClient): Promise<string[]> {
    const query = '/token?account=ann&service=stowage&offline_token=true&scope=repository:a/b:pull';
    const answer = await client.request({ target: query, authorization: basic('ann') });
    const issued = answer.json<{ token: string; refresh_token: string }>();
    const form = (fields: Record<string, string>) =>
      client.request({
        method: 'POST',
        target: '/token',
        headers: FORM,
        body: new URLSearchParams({ service: 'stowage', ...fields }).toString(),
        authorization: null,
      });
    const refresh = { grant_type: 'refresh_token', refresh_token: issued.refresh_token };
    expectStatus(await form(refresh), 200);
    expectStatus(await form({ ...refresh, refresh_token: `${issued.refresh_token}x` }), 401);
    const login = { grant_type: 'password', username: 'ann' };
    expectStatus(await form({ ...login, password: passwordOf('ann') }), 200);
    expectStatus(await form({ ...login, password: 'wrong-password' }), 401);
    const { token } = JSON.parse(await readFile(join(server.dataDir, 'server.json'), 'utf8'));
    for (const authorization of [
      basic('ann'),
      basic('ann', 'wrong-password'),
      `Bearer ${issued.token}`,
      `Bearer ${issued.token}x`,
      `Bearer ${token}`,
      `bearer ${token}x`,
      'Basic not-base64-at-all',
    ]) {
      await client.request({ target: tagsPath('a/b'), authorization });
      await client.request({ method: 'DELETE', target: manifestPath('a/b', 'x'), authorization });
      const headers = { 'content-type': MEDIA_TYPES.manifest };
      const put = { method: 'PUT', target: manifestPath('a/b', 'x'), headers, authorization };
      await client.request({ ...put, body: '{"schemaVersion": 2, "leak": "body-of-a-manifest"}' });
    }
    expectStatus(await get(client, tagsPath('the/end')), 404);
    const folder = join(server.dataDir, 'keys');
    const keys = await Promise.all(
      (await readdir(folder)).map((name) => readFile(join(folder, name), 'utf8')),
    );
    const base64 = (text: string): string => Buffer.from(text).toString('base64');
    return [
      passwordOf('ann'),
      'wrong-password',
      base64(`ann:${passwordOf('ann')}`),
      base64('ann:wrong-password'),
      'not-base64-at-all',
      'body-of-a-manifest',
      issued.token.split('.')[2]!,
      issued.refresh_token.split('.').at(-1)!,
      token,
      '$2b$04$',
      ...keys.flatMap((pem) => pem.split('\n').filter((line) => /^[\w+/=]{20,}$/.test(line))),
    ];
  }
});
