import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SignJWT } from 'jose';
import { describe, expect, it, vi } from 'vitest';
import { signAccessToken } from '../../../src/registry/auth/access-token.ts';
import type { AuthConfig } from '../../../src/registry/auth/config-types.ts';
import { AuthenticationError } from '../../../src/registry/auth/errors.ts';
import { loadSigningKey } from '../../../src/registry/auth/signing-key.ts';
import { atOnce, CLIENT, LOCAL, ORIGIN, reread, useFixture } from './fixture.ts';
import { basic, failureOf, htpasswdText } from './support.ts';

const at = useFixture();

describe('decisions 5: bearer tokens', () => {
  it('give scope and policy together, and are synchronous from the second time on', async () => {
    const authenticator = await at.create(at.withTokens());
    const authorization = await at.tokenFor('ann');
    const access = await authenticator.authenticate(authorization, CLIENT);
    expect(access.subject).toBe('user:ann');
    expect(access.can('push', 'team/app')).toBe(true);
    expect(access.can('delete', 'team/app')).toBe(false);
    expect(access.can('pull', 'team/other')).toBe(false);
    expect(access.mayEver('pull', 'team/other')).toBe(true);
    expect(atOnce(authenticator.authenticate(authorization, CLIENT))).toBe(access);
  });

  it('end on time, also when they are remembered', async () => {
    const authenticator = await at.create(at.withTokens());
    const authorization = await at.tokenFor('ann', 60);
    await authenticator.authenticate(authorization, CLIENT);
    at.clock.advance(59_999);
    atOnce(authenticator.authenticate(authorization, CLIENT));
    at.clock.advance(1);
    const error = await failureOf(() => authenticator.authenticate(authorization, CLIENT));
    expect(error).toMatchObject({
      message: 'the token has expired',
      status: 401,
      challengeError: 'invalid_token',
    });
  });

  it('that are bad are 401 invalid_token, even where everybody may pull', async () => {
    const authenticator = await at.create(
      at.withTokens({ policies: [{ repositories: ['**'], anonymous: true, actions: ['pull'] }] }),
    );
    const good = await at.tokenFor('ann');
    expect((await authenticator.authenticate(good, CLIENT)).can('pull', 'team/app')).toBe(true);
    const stranger = await new SignJWT({ iss: 'https://evil.example.com', sub: 'x' })
      .setProtectedHeader({ alg: 'HS256' })
      .sign(Buffer.alloc(32));
    const bad = [
      'Bearer ',
      'Bearer x',
      `Bearer ${good.slice(7, -6)}AAAAAA`,
      `Bearer ${stranger}`,
      `Bearer ${'a'.repeat(16 * 1024)}`,
      `Bearer ${LOCAL}x`,
      `${good} x`,
    ];
    for (const authorization of bad) {
      const error = await failureOf(() => authenticator.authenticate(authorization, CLIENT));
      expect(error).toBeInstanceOf(AuthenticationError);
      expect(error).toMatchObject({ challengeError: 'invalid_token' });
    }
  });

  it('of a user that is removed end at once, those of one with a new password with their time', async () => {
    const authenticator = await at.create(at.withTokens());
    const [ann, bob] = [await at.tokenFor('ann'), await at.tokenFor('bob')];
    await authenticator.authenticate(ann, CLIENT);
    await authenticator.authenticate(bob, CLIENT);
    await writeFile(at.htpasswd, await htpasswdText({ ann: 'changed' }));
    await authenticator.authenticate(basic('ann', 'changed'), CLIENT);
    const error = await failureOf(() => authenticator.authenticate(bob, CLIENT));
    expect(error).toMatchObject({ challengeError: 'invalid_token' });
    expect((await authenticator.authenticate(ann, CLIENT)).subject).toBe('user:ann');
    at.clock.advance(300_000);
    expect(await failureOf(() => authenticator.authenticate(ann, CLIENT))).toBeInstanceOf(
      AuthenticationError,
    );
  });

  it('may be anonymous, and then follow the anonymous policies', async () => {
    const authenticator = await at.create(at.withTokens());
    const access = await authenticator.authenticate(await at.tokenFor(''), CLIENT);
    expect(access.subject).toBe('');
    expect(access.can('pull', 'team/app')).toBe(false);
    expect(access.mayEver('pull', 'public/app')).toBe(true);
  });

  it('are not taken when the service is off', async () => {
    const authenticator = await at.create({ htpasswd: at.htpasswd });
    const authorization = await at.tokenFor('ann');
    const error = await failureOf(() => authenticator.authenticate(authorization, CLIENT));
    expect(error).toMatchObject({ challengeError: 'invalid_token' });
  });

  it('of the address file give everything, under any configuration', async () => {
    const authenticator = await at.create({ htpasswd: at.htpasswd });
    const access = atOnce(authenticator.authenticate(`Bearer ${LOCAL}`, CLIENT));
    expect(access.subject).toBe('local');
    expect(access.can('delete', 'any/thing')).toBe(true);
    expect(access.has('admin')).toBe(true);
    for (const wrong of [LOCAL.slice(1), LOCAL.toUpperCase(), `${LOCAL}x`, '']) {
      expect(
        await failureOf(() => authenticator.authenticate(`Bearer ${wrong}`, CLIENT)),
      ).toBeInstanceOf(AuthenticationError);
    }
  });

  it('that are empty are not the token of an address file that has none', async () => {
    const authenticator = await at.create({ htpasswd: at.htpasswd }, '');
    const error = await failureOf(() => authenticator.authenticate('Bearer ', CLIENT));
    expect(error).toMatchObject({ challengeError: 'invalid_token' });
  });

  it('of outside issuers are taken, under a subject that is nobody else', async () => {
    const secretKey = await loadSigningKey(join(at.folder, 'issuer'), at.logger);
    const jwks = join(at.folder, 'jwks.json');
    await writeFile(
      jwks,
      JSON.stringify({
        keys: [{ ...secretKey.publicKey.export({ format: 'jwk' }), kid: secretKey.kid }],
      }),
    );
    const issuer = 'https://auth.example.com';
    const authenticator = await at.create({
      htpasswd: at.htpasswd,
      token: { enabled: true, trusted: [{ issuer, jwks }] },
    });
    const token = await signAccessToken(
      secretKey,
      { issuer, service: 'stowage' },
      {
        subject: 'ann',
        access: [{ type: 'repository', name: 'x', actions: ['pull'] }],
        issuedAt: Math.floor(at.clock.now() / 1000),
        lifetime: 3600,
      },
    );
    const access = await authenticator.authenticate(`Bearer ${token}`, CLIENT);
    expect(access.subject).toBe('issuer:https%3A%2F%2Fauth.example.com:ann');
    expect(access.can('pull', 'x')).toBe(true);
    expect(access.can('push', 'x')).toBe(false);
    expect(access.can('pull', 'y')).toBe(false);
    expect(access.has('catalog')).toBe(false);
    atOnce(authenticator.authenticate(`Bearer ${token}`, CLIENT));
    at.clock.advance(5 * 60_000);
    expect(authenticator.authenticate(`Bearer ${token}`, CLIENT)).toBeInstanceOf(Promise);
    await writeFile(jwks, JSON.stringify({ keys: [] }));
    await vi.waitFor(() => expect(at.logger.entries).toContainEqual(reread(jwks)), 30_000);
    const withdrawn = await failureOf(() => authenticator.authenticate(`Bearer ${token}`, CLIENT));
    expect(withdrawn).toMatchObject({ challengeError: 'invalid_token' });
  });

  it('of two issuers must not be mistaken for each other', async () => {
    const jwks = join(at.folder, 'jwks.json');
    await writeFile(jwks, '{"keys":[]}');
    const twice = { issuer: 'https://a', jwks };
    for (const trusted of [[twice, twice], [{ issuer: 'stowage', jwks }]]) {
      const config = { htpasswd: at.htpasswd, token: { enabled: true, trusted } };
      await expect(at.create(config)).rejects.toThrow('two issuers have the name');
    }
    const other = { issuer: 'stowage', jwks };
    await at.create({ htpasswd: at.htpasswd, token: { enabled: false, trusted: [other] } });
  });
});

describe('decisions 5: policies are reloaded without a restart', () => {
  it('and change at once what remembered credentials may do', async () => {
    const authenticator = await at.create(at.withTokens());
    const token = await at.tokenFor('ann');
    const password = basic('ann', 'secret');
    for (const authorization of [token, password]) {
      const access = await authenticator.authenticate(authorization, CLIENT);
      expect(access.can('push', 'team/app')).toBe(true);
    }
    await authenticator.reload(
      at.withTokens({ policies: [{ repositories: ['**'], users: ['*'], actions: ['pull'] }] }),
    );
    for (const authorization of [token, password]) {
      const access = await authenticator.authenticate(authorization, CLIENT);
      expect(access.can('pull', 'team/app')).toBe(true);
      expect(access.can('push', 'team/app')).toBe(false);
    }
    const anonymous = atOnce(authenticator.authenticate(undefined, CLIENT));
    expect(anonymous.can('pull', 'public/app')).toBe(false);
  });

  it('keeping the rules so far when the new ones cannot be used', async () => {
    const authenticator = await at.create(at.withTokens());
    await expect(
      authenticator.reload(at.withTokens({ htpasswd: join(at.folder, 'missing') })),
    ).rejects.toThrow('ENOENT');
    const access = await authenticator.authenticate(basic('ann', 'secret'), CLIENT);
    expect(access.can('push', 'team/app')).toBe(true);
    await writeFile(at.htpasswd, await htpasswdText({ ann: 'changed' }));
    expect((await authenticator.authenticate(basic('ann', 'changed'), CLIENT)).subject).toBe(
      'user:ann',
    );
  });

  it('but never turn authentication off', async () => {
    const authenticator = await at.create({ htpasswd: at.htpasswd });
    await expect(authenticator.reload({})).rejects.toThrow('restart');
    expect(authenticator.open).toBe(false);
    const opened = await at.create({});
    await opened.reload({ htpasswd: at.htpasswd });
    expect(opened.open).toBe(false);
    expect(atOnce(opened.authenticate(undefined, CLIENT)).can('pull', 'a')).toBe(false);
  });

  it('the last one winning', async () => {
    const authenticator = await at.create(at.withTokens());
    const only = (action: 'pull' | 'push'): AuthConfig =>
      at.withTokens({ policies: [{ repositories: ['**'], anonymous: true, actions: [action] }] });
    await Promise.all([authenticator.reload(only('pull')), authenticator.reload(only('push'))]);
    const access = atOnce(authenticator.authenticate(undefined, CLIENT));
    expect([access.can('pull', 'a'), access.can('push', 'a')]).toEqual([false, true]);
  });

  it('with the token service, the challenge and the users', async () => {
    const authenticator = await at.create({ htpasswd: at.htpasswd });
    expect(authenticator.tokenEndpoint).toBeNull();
    expect(authenticator.challenge([], ORIGIN)).toMatch(/^Basic /);
    await authenticator.reload({
      token: { enabled: true, service: 'other' },
      externalUrl: 'https://registry.example.com/',
    });
    expect(authenticator.tokenEndpoint).not.toBeNull();
    expect(authenticator.challenge([], ORIGIN, 'invalid_token')).toBe(
      'Bearer realm="https://registry.example.com/token",service="other",error="invalid_token"',
    );
    expect(
      await failureOf(() => authenticator.authenticate(basic('ann', 'secret'), CLIENT)),
    ).toBeInstanceOf(AuthenticationError);
  });
});

describe('registry-protocol 13: the challenge follows the configuration', () => {
  it.each<[string, () => Promise<AuthConfig>, RegExp]>([
    ['users only', async () => ({ htpasswd: at.htpasswd }), /^Basic realm="stowage"/],
    [
      'anonymous policies only',
      async () => at.withTokens({ htpasswd: undefined, token: undefined }),
      /^Basic /,
    ],
    [
      'own tokens',
      async () => at.withTokens(),
      /^Bearer realm="https:\/\/registry.example.com\/token"/,
    ],
    [
      'an outside token server',
      async () => {
        const jwks = join(at.folder, 'jwks.json');
        await writeFile(jwks, '{"keys":[]}');
        const realm = 'https://auth.example.com/token';
        return { token: { enabled: false, realm, trusted: [{ issuer: 'https://a', jwks }] } };
      },
      /^Bearer realm="https:\/\/auth.example.com\/token",service="stowage"/,
    ],
  ])('with %s', async (_, config, expected) => {
    const authenticator = await at.create(await config());
    const scopes = [{ repository: 'a', actions: ['pull'] as const }];
    expect(authenticator.challenge(scopes, ORIGIN)).toMatch(expected);
  });
});
