/** Access by the built-in token service, with real requests. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { SignJWT } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import { type AccessGrant, signAccessToken } from '../../../src/registry/auth/access-token.ts';
import { loadSigningKey, type SigningKey } from '../../../src/registry/auth/signing-key.ts';
import { expectError, expectStatus } from '../../conformance/assertions.ts';
import { parseChallenge } from '../../conformance/challenge.ts';
import type { RegistryClient } from '../../conformance/client.ts';
import { addImage, newContent, unknownDigest } from '../../conformance/content.ts';
import {
  blobPath,
  get,
  manifestPath,
  pushBlob,
  pushContent,
  referrersPath,
  tagsPath,
  uploadsPath,
} from '../../conformance/requests.ts';
import type { RegistryResponse } from '../../conformance/response.ts';
import { basic, passwordOf, useUsers } from './users.ts';

const POLICIES = [
  { repositories: ['team/**'], users: ['alice'], actions: ['*'] },
  { repositories: ['team/**'], users: ['bob'], actions: ['pull'] },
  { repositories: ['public/**'], users: ['alice'], actions: ['*'] },
  { repositories: ['public/**', 'open/**'], anonymous: true, actions: ['pull'] },
  { repositories: ['open/**'], anonymous: true, actions: ['push'] },
];

const running = useUsers({
  users: ['alice', 'bob', 'mona', 'root', 'eve'],
  policies: POLICIES,
  env: {
    STOWAGE_AUTH__TOKEN__ENABLED: 'true',
    STOWAGE_AUTH__RIGHTS__ADMIN: 'root',
    STOWAGE_AUTH__RIGHTS__METRICS: 'mona',
  },
});

let nobody: RegistryClient;
let alice: RegistryClient;
const content = newContent();
const image = addImage(content, { tag: 'latest' });
const [blob] = content.blobs.keys();

beforeAll(async () => {
  nobody = running().clientOf();
  alice = running().clientOf('alice');
  for (const name of ['team/app', 'public/app']) await pushContent(alice, name, content);
});

interface Issued {
  readonly token: string;
  readonly scope: string;
  readonly refresh_token?: string;
}

/** Asks the token service; each scope is a parameter of its own. */
async function issue(name: string | undefined, ...scopes: string[]): Promise<Issued> {
  const query = new URLSearchParams([
    ['service', 'stowage'],
    ['offline_token', 'true'],
    ...scopes.map((scope) => ['scope', scope]),
  ]);
  const authorization = name === undefined ? null : basic(name);
  const answer = await nobody.request({ target: `/token?${query}`, authorization });
  return expectStatus(answer, 200).json<Issued>();
}

function using(token: string, method: string, target: string): Promise<RegistryResponse> {
  return nobody.request({ method, target, authorization: `Bearer ${token}` });
}

/** What a 401 asks for: its `error`, and its scopes with sorted actions. */
function challengeOf(answer: RegistryResponse) {
  expectError(answer, 401, 'UNAUTHORIZED');
  const { scheme, parameters } = parseChallenge(answer.all('www-authenticate'))!;
  expect(scheme).toBe('bearer');
  expect(parameters).toMatchObject({ realm: `${running().server.url}/token`, service: 'stowage' });
  const scopes = parameters.scope?.split(' ') ?? [];
  return { error: parameters.error, scopes };
}

const pullTeam = 'repository:team/app:pull';
const latest = manifestPath('team/app', 'latest');

describe('decisions 5: a token that is no good', () => {
  let key: SigningKey;
  beforeAll(async () => {
    const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };
    key = await loadSigningKey(running().server.dataDir, quiet);
  });

  const now = (): number => Math.floor(Date.now() / 1000);
  const sign = (grant: Partial<AccessGrant> = {}, issuer = 'stowage', service = 'stowage') =>
    signAccessToken(
      key,
      { issuer, service },
      {
        subject: 'alice',
        access: [{ type: 'repository', name: 'team/app', actions: ['pull'] }],
        issuedAt: now(),
        lifetime: 300,
        ...grant,
      },
    );
  const unsigned = (): string => {
    const encode = (part: object): string =>
      Buffer.from(JSON.stringify(part)).toString('base64url');
    const claims = {
      iss: 'stowage',
      aud: 'stowage',
      sub: 'alice',
      exp: now() + 300,
      nbf: 0,
      iat: 0,
    };
    const access = [{ type: 'repository', name: 'team/app', actions: ['pull'] }];
    return `${encode({ alg: 'none', typ: 'JWT', kid: key.kid })}.${encode({ ...claims, access })}.`;
  };
  const withKey = (privateKey: Parameters<SignJWT['sign']>[0], alg: string): Promise<string> =>
    new SignJWT({ access: [{ type: 'repository', name: 'team/app', actions: ['pull'] }] })
      .setProtectedHeader({ alg, typ: 'JWT', kid: key.kid })
      .setIssuer('stowage')
      .setAudience('stowage')
      .setSubject('alice')
      .setIssuedAt()
      .setNotBefore('0s')
      .setExpirationTime('5m')
      .sign(privateKey);

  it('is not one that this very test signs well', async () => {
    expectStatus(await using(await sign(), 'GET', latest), 200);
  });

  it('is no refused log-in when it has just expired, which every token does', async () => {
    const expired = await sign({ issuedAt: now() - 400 });
    for (let i = 0; i < 5; i++) expectStatus(await using(expired, 'GET', latest), 401);
    const headers = { 'x-request-id': 'a-forged-token' };
    const forged = `Bearer ${expired.slice(0, -4)}AAAA`;
    expectStatus(await nobody.request({ target: latest, headers, authorization: forged }), 401);
    await running().server.waitForLog(({ requestId }) => requestId === 'a-forged-token');
    const refused = running()
      .server.lines()
      .filter(({ action }) => action === 'login.refused');
    expect(refused).toHaveLength(1);
  });

  it.each([
    ['expired', () => sign({ issuedAt: now() - 400 })],
    ['not valid yet', () => sign({ issuedAt: now() + 400 })],
    ['of another issuer', () => sign({}, 'elsewhere')],
    ['for another service', () => sign({}, 'stowage', 'elsewhere')],
    ['of a user that is not there', () => sign({ subject: 'mallory' })],
    ['signed by nobody', () => Promise.resolve(unsigned())],
    ['signed by another key', () => withKey(generateKeyPairSync('ed25519').privateKey, 'EdDSA')],
    [
      'signed with the public key as a password',
      () => {
        const pem = key.publicKey.export({ type: 'spki', format: 'pem' });
        return withKey(new TextEncoder().encode(pem.toString()), 'HS256');
      },
    ],
    ['a refresh token', async () => (await issue('alice')).refresh_token!],
    ['no token at all', () => Promise.resolve('abc')],
  ])('is 401 invalid_token with the scope to ask for when it is %s', async (_, make) => {
    const token = await make();
    const push = ['repository:team/app:pull,push'];
    const cases = [
      ['GET', latest, [pullTeam]],
      ['HEAD', blobPath('team/app', blob!), [pullTeam]],
      ['POST', uploadsPath('team/app'), push],
      ['DELETE', latest, ['repository:team/app:delete']],
      ['GET', '/v2/_catalog', ['registry:catalog:*']],
      ['GET', '/v2/', []],
    ] as const;
    for (const [method, target, scopes] of cases) {
      const answer = await using(token, method, target);
      if (method === 'HEAD') expectStatus(answer, 401);
      else expect(challengeOf(answer)).toEqual({ error: 'invalid_token', scopes });
    }
    // Nor is it good for what needs none.
    const open = await using(token, 'GET', manifestPath('public/app', 'latest'));
    expect(challengeOf(open).error).toBe('invalid_token');
  });
});

describe('decisions 5: scopes', () => {
  it('of a token bound what it is good for, and the challenge names what is missing', async () => {
    const { token } = await issue('alice', pullTeam);
    expectStatus(await using(token, 'GET', latest), 200);
    const wanted = 'insufficient_scope';
    expect(challengeOf(await using(token, 'POST', uploadsPath('team/app')))).toEqual({
      error: wanted,
      scopes: ['repository:team/app:pull,push'],
    });
    expect(challengeOf(await using(token, 'DELETE', latest))).toEqual({
      error: wanted,
      scopes: ['repository:team/app:delete'],
    });
    expect(challengeOf(await using(token, 'GET', tagsPath('team/other')))).toEqual({
      error: wanted,
      scopes: ['repository:team/other:pull'],
    });
  });

  it('that the policies do not grant are not given, and asking again is of no use: 403, or 404', async () => {
    const { token, scope } = await issue('bob', 'repository:team/app:pull,push,delete');
    expect(scope).toBe(pullTeam);
    expectStatus(await using(token, 'GET', latest), 200);
    expectError(await using(token, 'POST', uploadsPath('team/app')), 403, 'DENIED');
    expectError(await using(token, 'DELETE', latest), 403, 'DENIED');
    const eve = await issue('eve', pullTeam);
    expect(eve.scope).toBe('');
    expectError(await using(eve.token, 'GET', latest), 404, 'MANIFEST_UNKNOWN');
    expectError(await using(eve.token, 'GET', tagsPath('team/app')), 404, 'NAME_UNKNOWN');
    expectError(await using(eve.token, 'DELETE', blobPath('team/app', blob!)), 404, 'BLOB_UNKNOWN');
    const referrers = await using(eve.token, 'GET', referrersPath('team/app', image.digest));
    expect(expectStatus(referrers, 200).json()).toMatchObject({ manifests: [] });
  });

  it('may be `*`: every action that the policies grant, and no more', async () => {
    const all = await issue('alice', 'repository:team/star:*');
    expect(all.scope.split(':').at(-1)!.split(',').sort()).toEqual(['delete', 'pull', 'push']);
    await pushContent(alice, 'team/star', content);
    const tag = manifestPath('team/star', 'latest');
    expectStatus(await using(all.token, 'DELETE', tag), 202);
    const some = await issue('bob', 'repository:team/star:*');
    expect(some.scope).toBe('repository:team/star:pull');
    const manifest = manifestPath('team/star', image.digest);
    expectStatus(await using(some.token, 'GET', manifest), 200);
    expectError(await using(some.token, 'DELETE', manifest), 403, 'DENIED');
    expectStatus(await using(all.token, 'DELETE', manifest), 202);
  });

  it('may come as one value with spaces, or as several', async () => {
    const two = ['repository:team/a:pull', 'repository:team/b:pull,push'];
    for (const scopes of [[two.join(' ')], two]) {
      const { token } = await issue('alice', ...scopes);
      expectStatus(await using(token, 'GET', tagsPath('team/a')), 404);
      expectStatus(await using(token, 'POST', uploadsPath('team/b')), 202);
      expect(challengeOf(await using(token, 'POST', uploadsPath('team/a'))).error).toBe(
        'insufficient_scope',
      );
    }
  });

  it('of a token without delete do not delete, whatever its user may do (`push,pull` only)', async () => {
    const { token } = await issue('alice', 'repository:team/app:push,pull');
    expectStatus(await using(token, 'DELETE', latest), 401);
    expectStatus(await using(token, 'DELETE', blobPath('team/app', blob!)), 401);
    expectStatus(await using(token, 'GET', latest), 200);
  });
});

describe('decisions 5: anonymous tokens', () => {
  it('are a log-in: /v2/ is 200 with one and 401 without', async () => {
    const {
      token,
      scope,
      refresh_token: refresh,
    } = await issue(undefined, 'repository:public/app:pull,push');
    expect([scope, refresh]).toEqual(['repository:public/app:pull', undefined]);
    expectStatus(await using(token, 'GET', '/v2/'), 200);
    expect(challengeOf(await get(nobody, '/v2/'))).toEqual({ error: undefined, scopes: [] });
  });

  it('pull what the policies open, as requests without any token do', async () => {
    const { token } = await issue(undefined, 'repository:public/app:pull');
    const target = manifestPath('public/app', 'latest');
    expectStatus(await using(token, 'GET', target), 200);
    expectStatus(await get(nobody, target), 200);
    const scopes = ['repository:public/app:pull,push'];
    const post = uploadsPath('public/app');
    expect(challengeOf(await using(token, 'POST', post)).scopes).toEqual(scopes);
    expect(challengeOf(await nobody.request({ method: 'POST', target: post })).scopes).toEqual(
      scopes,
    );
  });
});

describe('decisions 5: mounts', () => {
  const post = (token: string | undefined, query: string, to = 'team/to') => {
    const target = `${uploadsPath(to)}?${query}`;
    return token === undefined
      ? nobody.request({ method: 'POST', target, authorization: null })
      : using(token, 'POST', target);
  };
  const both = ['repository:team/to:pull,push', 'repository:team/from:pull'];

  it('MNT-4 are challenged for both repositories at once', async () => {
    const query = `mount=${blob}&from=team/from`;
    expect(challengeOf(await post(undefined, query)).scopes).toEqual(both);
    const { token } = await issue('alice', 'repository:team/else:pull');
    const answer = challengeOf(await post(token, query));
    expect(answer).toEqual({ error: 'insufficient_scope', scopes: both });
  });

  it('MNT-4 without the right to the source are 401 for both, whether the blob is there or not', async () => {
    const there = await pushBlob(alice, 'team/from', randomBytes(200));
    const { token } = await issue('alice', both[0]!);
    for (const digest of [there, unknownDigest()]) {
      const answer = challengeOf(await post(token, `mount=${digest}&from=team/from`));
      expect(answer).toEqual({ error: 'insufficient_scope', scopes: both });
    }
    const enough = await issue('alice', ...both);
    expectStatus(await post(enough.token, `mount=${there}&from=team/from`), 201);
    expectStatus(await using(enough.token, 'GET', blobPath('team/to', there)), 200);
  });

  it('MNT-2 from what the subject may never read are 202, as from nowhere', async () => {
    const { token } = await issue(undefined, 'repository:open/to:pull,push');
    const there = await pushBlob(alice, 'team/from', randomBytes(200));
    for (const from of ['team/from', 'team/nowhere', 'No/Name']) {
      expectStatus(await post(token, `mount=${there}&from=${from}`, 'open/to'), 202);
    }
    expectStatus(await using(token, 'GET', blobPath('open/to', there)), 404);
  });

  it('MNT-3 without a source are judged by the policies, not by the scope', async () => {
    const secret = await pushBlob(alice, 'team/from', randomBytes(200));
    const common = await pushBlob(alice, 'public/from', randomBytes(200));
    const { token } = await issue(undefined, 'repository:open/to:pull,push');
    expectStatus(await post(token, `mount=${common}`, 'open/to'), 201);
    expectStatus(await post(token, `mount=${secret}`, 'open/to'), 202);
    const own = await issue('alice', both[0]!);
    expectStatus(await post(own.token, `mount=${secret}`), 201);
  });
});

describe('decisions 9: rights in tokens', () => {
  it.each([
    ['/v2/_catalog', 'catalog', 'alice'],
    ['/metrics', 'metrics', 'mona'],
    ['/api/v1/status', 'admin', 'root'],
  ])('%s needs registry:%s:*', async (target, right, holder) => {
    const scopes = [`registry:${right}:*`];
    expect(challengeOf(await get(nobody, target))).toEqual({ error: undefined, scopes });
    const lacking = await issue(holder, pullTeam);
    const answer = challengeOf(await using(lacking.token, 'GET', target));
    expect(answer).toEqual({ error: 'insufficient_scope', scopes });
    const holding = await issue(holder, scopes[0]!);
    expectStatus(await using(holding.token, 'GET', target), 200);
    if (right === 'catalog') return;
    const other = await issue('alice', scopes[0]!);
    expect(other.scope).toBe('');
    expectError(await using(other.token, 'GET', target), 403, 'DENIED');
  });
});

describe('decisions 5: a user that is removed', () => {
  it('has no tokens any more, neither for access nor to get new ones', async () => {
    const { token, refresh_token: refresh } = await issue('bob', pullTeam);
    expectStatus(await using(token, 'GET', latest), 200);
    const renew = (): Promise<RegistryResponse> =>
      nobody.request({
        method: 'POST',
        target: '/token',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams({
          grant_type: 'refresh_token',
          refresh_token: refresh!,
          service: 'stowage',
        }).toString(),
        authorization: null,
      });
    expectStatus(await renew(), 200);
    await running().setPasswords({ alice: passwordOf('alice') });
    // The token service reads the file before it answers.
    expectStatus(await renew(), 401);
    await expect.poll(async () => (await using(token, 'GET', latest)).status).toBe(401);
    expect(challengeOf(await using(token, 'GET', latest)).error).toBe('invalid_token');
  });
});
