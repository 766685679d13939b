import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { decodeJwt } from 'jose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  createAuthenticator,
  type ReloadableAuthenticator,
} from '../../../src/registry/auth/authenticator.ts';
import type { AuthConfig } from '../../../src/registry/auth/config-types.ts';
import { makeTemporary, removeTemporary } from '../../support/temporary.ts';
import {
  basic,
  htpasswdText,
  recordingLogger,
  serveTokens,
  standingClock,
  type TestServer,
} from './support.ts';

const CLIENT = '192.0.2.1';
const DAY = 24 * 60 * 60_000;

let folder: string;
let htpasswd: string;
let clock: ReturnType<typeof standingClock>;
let authenticator: ReloadableAuthenticator;
let server: TestServer;

const configuration = (): AuthConfig => ({
  htpasswd,
  token: { enabled: true, service: 'registry.example.com' },
  policies: [
    { repositories: ['public/**'], anonymous: true, actions: ['pull'] },
    { repositories: ['team/**'], users: ['ann', 'bob'], actions: ['pull', 'push'] },
    { repositories: ['team/**'], users: ['ann'], actions: ['delete'] },
  ],
  rights: { admin: ['ann'] },
});

beforeEach(async () => {
  folder = await makeTemporary('token-endpoint');
  htpasswd = join(folder, 'htpasswd');
  await writeFile(htpasswd, await htpasswdText({ ann: 'secret', bob: 'geheim' }));
  clock = standingClock();
  authenticator = await createAuthenticator({
    config: configuration(),
    dataDir: folder,
    localToken: 'local-token',
    logger: recordingLogger(),
    now: clock.now,
  });
  server = await serveTokens(() => authenticator, CLIENT);
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
  await authenticator.close();
  await removeTemporary(folder);
});

interface TokenAnswer {
  readonly token: string;
  readonly access_token: string;
  readonly scope: string;
  readonly expires_in: number;
  readonly issued_at: string;
  readonly refresh_token?: string;
}

async function get(query: string, authorization?: string): Promise<TokenAnswer> {
  const response = await getRaw(query, authorization);
  expect(response.status).toBe(200);
  return (await response.json()) as TokenAnswer;
}

const getRaw = (query: string, authorization?: string): Promise<Response> =>
  fetch(`${server.url}/token${query}`, {
    headers: authorization === undefined ? {} : { authorization },
  });

const postRaw = (form: Record<string, string>): Promise<Response> =>
  fetch(`${server.url}/token`, { method: 'POST', body: new URLSearchParams(form) });

async function post(form: Record<string, string>): Promise<TokenAnswer> {
  const response = await postRaw(form);
  expect(response.status).toBe(200);
  return (await response.json()) as TokenAnswer;
}

const login = (form: Record<string, string> = {}): Promise<TokenAnswer> =>
  post({ grant_type: 'password', username: 'ann', password: 'secret', ...form });

const accessOf = (answer: TokenAnswer): unknown => decodeJwt(answer.token).access;

describe('registry-protocol 13: GET /token', () => {
  it('answers with the fields that clients read', async () => {
    const answer = await get(
      '?service=registry.example.com&scope=repository:team/app:pull',
      basic('ann', 'secret'),
    );
    expect(answer).toEqual({
      token: expect.any(String),
      access_token: answer.token,
      scope: 'repository:team/app:pull',
      expires_in: 300,
      issued_at: new Date(clock.now()).toISOString(),
    });
    expect(decodeJwt(answer.token)).toMatchObject({
      iss: 'stowage',
      sub: 'ann',
      aud: 'registry.example.com',
      exp: clock.now() / 1000 + 300,
      iat: clock.now() / 1000,
      access: [{ type: 'repository', name: 'team/app', actions: ['pull'] }],
    });
  });

  it('is not to be kept by caches', async () => {
    const response = await getRaw('');
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(response.headers.get('content-type')).toBe('application/json');
  });

  it.each([
    ['repeated', '?scope=repository:team/a:pull,push&scope=repository:team/b:pull'],
    ['in one value', '?scope=repository:team/a:pull,push%20repository:team/b:pull'],
    ['in one value with a plus', '?scope=repository:team/a:pull,push+repository:team/b:pull'],
  ])('reads scopes that are %s', async (_, query) => {
    expect(accessOf(await get(query, basic('bob', 'geheim')))).toEqual([
      { type: 'repository', name: 'team/a', actions: ['pull', 'push'] },
      { type: 'repository', name: 'team/b', actions: ['pull'] },
    ]);
  });

  it('grants by * every action that the policy grants', async () => {
    const scope = '?scope=repository:team/app:*';
    const actions = async (user: string, password: string) =>
      accessOf(await get(scope, basic(user, password)));
    expect(await actions('ann', 'secret')).toMatchObject([{ actions: ['pull', 'push', 'delete'] }]);
    expect(await actions('bob', 'geheim')).toMatchObject([{ actions: ['pull', 'push'] }]);
  });

  it('grants less than was asked for without an error', async () => {
    const query =
      '?scope=repository:team/app:pull,push,delete&scope=repository:other:pull&scope=nonsense&scope=registry:admin:*';
    const answer = await get(query, basic('bob', 'geheim'));
    expect(answer.scope).toBe('repository:team/app:pull,push');
    expect(accessOf(await get('?scope=repository:other:push', basic('bob', 'geheim')))).toEqual([]);
  });

  it('grants rights that the user holds', async () => {
    const query = '?scope=registry:admin:*&scope=registry:catalog:*';
    expect((await get(query, basic('ann', 'secret'))).scope).toBe(
      'registry:admin:* registry:catalog:*',
    );
    expect((await get(query, basic('bob', 'geheim'))).scope).toBe('registry:catalog:*');
  });

  it('gives anonymous tokens for what everybody may do', async () => {
    const answer = await get(
      '?scope=repository:public/a:pull,push&scope=repository:team/a:pull&offline_token=true',
    );
    expect(answer.scope).toBe('repository:public/a:pull');
    expect(answer.refresh_token).toBeUndefined();
    expect(decodeJwt(answer.token).sub).toBe('');
    const access = await authenticator.authenticate(`Bearer ${answer.token}`, CLIENT);
    expect(access.subject).toBe('');
    expect(access.can('pull', 'public/a')).toBe(true);
    expect(access.can('push', 'public/a')).toBe(false);
  });

  it('gives a refresh token only when it is asked for one', async () => {
    expect((await get('?offline_token=true', basic('ann', 'secret'))).refresh_token).toBeDefined();
    expect((await get('?offline_token=1', basic('ann', 'secret'))).refresh_token).toBeUndefined();
    expect((await get('', basic('ann', 'secret'))).refresh_token).toBeUndefined();
  });

  it('makes tokens that are taken', async () => {
    const { token } = await get('?scope=repository:team/app:pull', basic('ann', 'secret'));
    const access = await authenticator.authenticate(`Bearer ${token}`, CLIENT);
    expect(access.subject).toBe('user:ann');
    expect(access.can('pull', 'team/app')).toBe(true);
    expect(access.can('push', 'team/app')).toBe(false);
  });

  it.each([
    ['a wrong password', basic('ann', 'wrong')],
    ['an unknown user', basic('eve', 'secret')],
    ['malformed base64', 'Basic x'],
    ['a token', 'Bearer abc'],
    ['an unknown scheme', 'Digest x'],
  ])('answers 401 to %s, also for what everybody may do', async (_, authorization) => {
    const response = await getRaw('?scope=repository:public/a:pull', authorization);
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toBe(
      'Basic realm="registry.example.com", charset="UTF-8"',
    );
    expect(await response.json()).toMatchObject({ errors: [{ code: 'UNAUTHORIZED' }] });
  });

  it('answers 429 with Retry-After to those who fail too often', async () => {
    for (let i = 0; i < 10; i++) await getRaw('', basic('ann', `guess${i}`));
    const response = await getRaw('', basic('ann', 'secret'));
    expect(response.status).toBe(429);
    expect(response.headers.get('retry-after')).toBe('10');
    expect(await response.json()).toMatchObject({ errors: [{ code: 'TOOMANYREQUESTS' }] });
  });

  it.each(['PUT', 'DELETE', 'PATCH', 'HEAD'])('GEN-12 answers 405 to %s', async (method) => {
    const response = await fetch(`${server.url}/token`, { method });
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('GET, POST');
  });

  it('survives queries of any kind', async () => {
    for (const query of ['?', '?&&&=', '?scope=%ff%fe', '?scope', '?%', `?x=${'y'.repeat(8000)}`]) {
      expect(accessOf(await get(query))).toEqual([]);
    }
  });
});

describe('registry-protocol 13: POST /token', () => {
  it('takes name and password', async () => {
    const answer = await login({ scope: 'repository:team/a:pull repository:team/b:push' });
    expect(answer.scope).toBe('repository:team/a:pull repository:team/b:push');
    expect(answer.access_token).toBe(answer.token);
    expect(answer.refresh_token).toBeUndefined();
    expect(decodeJwt(answer.token).sub).toBe('ann');
  });

  it('gives a refresh token for access_type=offline, which gives access and a new one', async () => {
    const first = await login({ access_type: 'offline' });
    const second = await post({
      grant_type: 'refresh_token',
      refresh_token: first.refresh_token!,
      scope: 'repository:team/a:pull',
      service: 'registry.example.com',
      client_id: 'docker',
    });
    expect(second.scope).toBe('repository:team/a:pull');
    expect(decodeJwt(second.token).sub).toBe('ann');
    clock.advance(29 * DAY);
    const third = await post({ grant_type: 'refresh_token', refresh_token: first.refresh_token! });
    clock.advance(2 * DAY);
    const refused = await postRaw({
      grant_type: 'refresh_token',
      refresh_token: first.refresh_token!,
    });
    expect(refused.status).toBe(401);
    await post({ grant_type: 'refresh_token', refresh_token: third.refresh_token! });
  });

  it('decisions 5: ends refresh tokens at once when the user or the password changes', async () => {
    const { refresh_token: ann } = await login({ access_type: 'offline' });
    const { refresh_token: bob } = await get('?offline_token=true', basic('bob', 'geheim'));
    const redeem = (token = '') => postRaw({ grant_type: 'refresh_token', refresh_token: token });
    expect((await redeem(ann)).status).toBe(200);
    expect((await redeem(bob)).status).toBe(200);
    await writeFile(htpasswd, await htpasswdText({ ann: 'changed' }));
    for (const ended of [await redeem(ann), await redeem(bob)]) {
      expect(ended.status).toBe(401);
      expect(await ended.json()).toMatchObject({
        error: 'invalid_grant',
        errors: [{ code: 'UNAUTHORIZED' }],
      });
    }
    // The same password again is another hash: who is locked out stays locked out.
    await writeFile(htpasswd, await htpasswdText({ ann: 'secret', bob: 'geheim' }));
    expect((await redeem(ann)).status).toBe(401);
    expect((await redeem(bob)).status).toBe(401);
  });

  it('decisions 5: judges a refresh by the policies of the day', async () => {
    const { refresh_token } = await login({ access_type: 'offline' });
    await authenticator.reload({
      ...configuration(),
      policies: [{ repositories: ['x'], users: ['bob'], actions: ['*'] }],
    });
    const answer = await post({
      grant_type: 'refresh_token',
      refresh_token: refresh_token!,
      scope: 'repository:team/app:pull',
    });
    expect(answer.scope).toBe('');
  });

  it('does not take an access token for a refresh token, nor the other way round', async () => {
    const { access_token, refresh_token } = await login({ access_type: 'offline' });
    const response = await postRaw({ grant_type: 'refresh_token', refresh_token: access_token });
    expect(response.status).toBe(401);
    await expect(authenticator.authenticate(`Bearer ${refresh_token}`, CLIENT)).rejects.toThrow();
  });

  it.each<[string, Record<string, string>, number, string]>([
    [
      'a wrong password',
      { grant_type: 'password', username: 'ann', password: 'x' },
      401,
      'invalid_grant',
    ],
    [
      'a name with a colon',
      { grant_type: 'password', username: 'a:b', password: 'x' },
      401,
      'invalid_grant',
    ],
    ['no password', { grant_type: 'password', username: 'ann' }, 400, 'invalid_request'],
    ['no name', { grant_type: 'password', password: 'x' }, 400, 'invalid_request'],
    ['no grant type', { username: 'ann', password: 'secret' }, 400, 'invalid_request'],
    ['another grant type', { grant_type: 'client_credentials' }, 400, 'unsupported_grant_type'],
    ['no refresh token', { grant_type: 'refresh_token' }, 400, 'invalid_request'],
    [
      'a forged refresh token',
      { grant_type: 'refresh_token', refresh_token: 'x' },
      401,
      'invalid_grant',
    ],
  ])('refuses %s', async (_, form, status, error) => {
    const response = await postRaw(form);
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ error, errors: [{ code: expect.any(String) }] });
  });

  it('slows guessing by form as by header', async () => {
    const guess = (i: number) =>
      postRaw({ grant_type: 'password', username: 'ann', password: `guess${i}` });
    for (let i = 0; i < 10; i++) expect((await guess(i)).status).toBe(401);
    const response = await guess(10);
    expect(response.status).toBe(429);
    expect(response.headers.get('retry-after')).toBe('10');
  });

  it('refuses a body that is no form with 415', async () => {
    const response = await fetch(`${server.url}/token`, {
      method: 'POST',
      body: '{}',
      headers: { 'content-type': 'application/json' },
    });
    expect(response.status).toBe(415);
    expect(response.headers.get('connection')).toBe('close');
  });

  it('takes a form whose type has parameters', async () => {
    const body = 'grant_type=password&username=ann&password=secret';
    const response = await fetch(`${server.url}/token`, {
      method: 'POST',
      body,
      headers: { 'content-type': 'Application/X-WWW-Form-Urlencoded; charset=UTF-8' },
    });
    expect(response.status).toBe(200);
  });

  it('refuses more than 64 KiB, announced or not, and reads no more', async () => {
    const announced = await postRaw({ grant_type: 'password', x: 'x'.repeat(65536) });
    expect(announced.status).toBe(413);
    const req = request(`${server.url}/token`, { method: 'POST' });
    // The server may stop reading and close before all is written.
    req.on('error', () => undefined);
    const answered = once(req, 'response');
    for (let i = 0; i < 20; i++) req.write('x'.repeat(4096));
    const [res] = await answered;
    expect(res.statusCode).toBe(413);
    expect(res.headers.connection).toBe('close');
    req.destroy();
  });

  it('takes exactly 64 KiB', async () => {
    const start = 'grant_type=password&username=ann&password=secret&x=';
    const body = start + 'x'.repeat(65536 - start.length);
    const response = await fetch(`${server.url}/token`, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
    expect(response.status).toBe(200);
  });
});
