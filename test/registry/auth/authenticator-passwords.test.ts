import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { BcryptPool } from '../../../src/registry/auth/bcrypt-pool.ts';
import type { AuthConfig } from '../../../src/registry/auth/config-types.ts';
import {
  AuthenticationBusyError,
  AuthenticationError,
  TooManyAttemptsError,
} from '../../../src/registry/auth/errors.ts';
import { bcryptCost } from '../../../src/registry/auth/htpasswd-file.ts';
import { atOnce, CLIENT, LOCAL, reread, useFixture } from './fixture.ts';
import { basic, failureOf, htpasswdText } from './support.ts';

const at = useFixture();

describe('decisions 5: without authentication', () => {
  it.each<[string, AuthConfig]>([
    ['nothing', {}],
    ['rights and an external URL', { rights: { admin: ['ann'] }, externalUrl: 'https://r' }],
    ['tokens that are off', { token: { enabled: false } }],
    ['no policies', { policies: [] }],
  ])('every request may do everything, with %s configured', async (_, config) => {
    const authenticator = await at.create(config);
    expect(authenticator.open).toBe(true);
    expect(authenticator.tokenEndpoint).toBeNull();
    for (const authorization of [undefined, basic('who', 'ever'), 'Bearer x', 'nonsense']) {
      const access = atOnce(authenticator.authenticate(authorization, CLIENT));
      expect(access.subject).toBe('');
      expect(access.can('delete', 'any/thing')).toBe(true);
      expect(access.has('admin')).toBe(true);
    }
    expect(atOnce(authenticator.authenticate(`Bearer ${LOCAL}`, CLIENT)).subject).toBe('local');
  });

  it.each<[string, () => AuthConfig]>([
    ['users', () => ({ htpasswd: at.htpasswd })],
    ['tokens', () => ({ token: { enabled: true } })],
    ['policies', () => ({ policies: [{ repositories: ['a'], anonymous: true, actions: ['*'] }] })],
  ])('is not what %s mean', async (_, config) => {
    const authenticator = await at.create(config());
    expect(authenticator.open).toBe(false);
    const access = atOnce(authenticator.authenticate(undefined, CLIENT));
    expect(access.can('pull', 'b')).toBe(false);
    expect(access.has('admin')).toBe(false);
  });
});

describe('decisions 5: log-in by password', () => {
  it('gives what the policies give, and is synchronous from the second time on', async () => {
    const authenticator = await at.create(at.withTokens());
    const access = await authenticator.authenticate(basic('ann', 'secret'), CLIENT);
    expect(access.subject).toBe('user:ann');
    expect(access.can('push', 'team/app')).toBe(true);
    expect(access.can('push', 'public/app')).toBe(false);
    expect(atOnce(authenticator.authenticate(basic('ann', 'secret'), CLIENT))).toBe(access);
    at.clock.advance(5 * 60_000);
    const again = authenticator.authenticate(basic('ann', 'secret'), CLIENT);
    expect(again).toBeInstanceOf(Promise);
    expect((await again).subject).toBe('user:ann');
  });

  it.each([
    ['a wrong password', basic('ann', 'wrong')],
    ["another user's password", basic('ann', 'geheim')],
    ['an unknown user', basic('eve', 'secret')],
    ['a name in another case', basic('Ann', 'secret')],
    ['malformed base64', 'Basic !!!'],
    ['bytes that are not UTF-8', `Basic ${Buffer.from('ann:\xff', 'latin1').toString('base64')}`],
    ['a user with a colon', basic('ann:x', 'secret')],
    ['another scheme', 'Negotiate abc'],
  ])('is refused with %s, without saying why', async (_, authorization) => {
    const authenticator = await at.create(at.withTokens());
    await authenticator.authenticate(basic('ann', 'secret'), CLIENT);
    const error = await failureOf(() => authenticator.authenticate(authorization, CLIENT));
    expect(error).toBeInstanceOf(AuthenticationError);
    expect(error).toMatchObject({ status: 401, challengeError: undefined });
    expect((error as Error).message).not.toMatch(/unknown|exist|no such/);
  });

  it('is refused with the same words for unknown users and wrong passwords', async () => {
    const authenticator = await at.create({ htpasswd: at.htpasswd });
    const failures = [basic('ann', 'x'), basic('eve', 'x')].map((authorization) =>
      failureOf(() => authenticator.authenticate(authorization, CLIENT)),
    );
    const [known, unknown] = (await Promise.all(failures)) as AuthenticationError[];
    expect(known!.toJson()).toBe(unknown!.toJson());
  });

  it('is refused where there are no users', async () => {
    const authenticator = await at.create({ token: { enabled: true } });
    const error = await failureOf(() => authenticator.authenticate(basic('ann', 'secret'), CLIENT));
    expect(error).toBeInstanceOf(AuthenticationError);
  });

  it('never writes a password into the log', async () => {
    const authenticator = await at.create({ htpasswd: at.htpasswd });
    await failureOf(() => authenticator.authenticate(basic('ann', 'not-this-one'), CLIENT));
    expect(at.logger.entries).toHaveLength(1);
    expect(at.logger.entries[0]!.fields).toEqual({ user: 'ann', clientAddress: CLIENT });
    expect(JSON.stringify(at.logger.entries)).not.toContain('not-this-one');
  });

  it('follows the file: old passwords and removed users end, new ones begin', async () => {
    const authenticator = await at.create({ htpasswd: at.htpasswd });
    await authenticator.authenticate(basic('ann', 'secret'), CLIENT);
    await authenticator.authenticate(basic('bob', 'geheim'), CLIENT);
    await writeFile(at.htpasswd, await htpasswdText({ ann: 'changed', carol: 'new' }));
    // The first log-in that is not remembered looks at the file.
    expect((await authenticator.authenticate(basic('carol', 'new'), CLIENT)).subject).toBe(
      'user:carol',
    );
    for (const old of [basic('ann', 'secret'), basic('bob', 'geheim')]) {
      expect(await failureOf(() => authenticator.authenticate(old, CLIENT))).toBeInstanceOf(
        AuthenticationError,
      );
    }
    expect((await authenticator.authenticate(basic('ann', 'changed'), CLIENT)).subject).toBe(
      'user:ann',
    );
  });

  it('follows the file by itself, also when nobody new logs in', async () => {
    const authenticator = await at.create({ htpasswd: at.htpasswd });
    await authenticator.authenticate(basic('ann', 'secret'), CLIENT);
    await writeFile(at.htpasswd, await htpasswdText({ bob: 'geheim' }));
    await vi.waitFor(() => expect(at.logger.entries).toContainEqual(reread(at.htpasswd)), 30_000);
    expect(
      await failureOf(() => authenticator.authenticate(basic('ann', 'secret'), CLIENT)),
    ).toBeInstanceOf(AuthenticationError);
  });

  it('takes no longer to refuse an unknown user: bcrypt runs at the cost of the others', async () => {
    const compare = vi.spyOn(BcryptPool.prototype, 'compare');
    try {
      const authenticator = await at.create({ htpasswd: at.htpasswd });
      await failureOf(() => authenticator.authenticate(basic('ann', 'wrong'), CLIENT));
      await failureOf(() => authenticator.authenticate(basic('eve', 'wrong'), CLIENT));
      expect(compare.mock.calls.map(([, hashed]) => bcryptCost(hashed))).toEqual([4, 4]);
    } finally {
      compare.mockRestore();
    }
  });

  it('checks again when the password changes while it is being checked', async () => {
    const compare = BcryptPool.prototype.compare;
    const spy = vi.spyOn(BcryptPool.prototype, 'compare');
    try {
      const authenticator = await at.create({ htpasswd: at.htpasswd });
      spy.mockImplementationOnce(async function (this: BcryptPool, password, hashed) {
        const matches = await compare.call(this, password, hashed);
        await writeFile(at.htpasswd, await htpasswdText({ ann: 'changed' }));
        // Somebody else's log-in makes the change known.
        await failureOf(() => authenticator.authenticate(basic('eve', 'x'), '192.0.2.9'));
        return matches;
      });
      const error = await failureOf(() =>
        authenticator.authenticate(basic('ann', 'secret'), CLIENT),
      );
      expect(error).toBeInstanceOf(AuthenticationError);
    } finally {
      spy.mockRestore();
    }
  });

  it('fails to start with a file that is missing', async () => {
    await expect(at.create({ htpasswd: join(at.folder, 'missing') })).rejects.toThrow('ENOENT');
  });
});

describe('decisions 5: failed log-ins are slowed', () => {
  it('answers 429 after ten failures of a user, and checks again when the time has come', async () => {
    const authenticator = await at.create({ htpasswd: at.htpasswd });
    for (let i = 0; i < 10; i++) {
      const attempt = () => authenticator.authenticate(basic('ann', `guess${i}`), `192.0.2.${i}`);
      expect(await failureOf(attempt)).toBeInstanceOf(AuthenticationError);
    }
    const right = () => authenticator.authenticate(basic('ann', 'secret'), '198.51.100.1');
    const error = await failureOf(right);
    expect(error).toBeInstanceOf(TooManyAttemptsError);
    expect(error).toMatchObject({ status: 429, headers: { 'Retry-After': '10' } });
    at.clock.advance(10_000);
    expect((await right()).subject).toBe('user:ann');
  });

  it('slows unknown users in the same way', async () => {
    const authenticator = await at.create({ htpasswd: at.htpasswd });
    const attempt = (i: number) => () =>
      authenticator.authenticate(basic('nobody', `guess${i}`), `192.0.2.${i}`);
    for (let i = 0; i < 10; i++) await failureOf(attempt(i));
    expect(await failureOf(attempt(10))).toBeInstanceOf(TooManyAttemptsError);
  });

  it('goes on serving those whose password is known to be right', async () => {
    const authenticator = await at.create({ htpasswd: at.htpasswd });
    await authenticator.authenticate(basic('ann', 'secret'), CLIENT);
    for (let i = 0; i < 20; i++) {
      await failureOf(() => authenticator.authenticate(basic(`user${i}`, 'x'), CLIENT));
    }
    const stranger = await failureOf(() => authenticator.authenticate(basic('bob', 'x'), CLIENT));
    expect(stranger).toBeInstanceOf(TooManyAttemptsError);
    expect(atOnce(authenticator.authenticate(basic('ann', 'secret'), CLIENT)).subject).toBe(
      'user:ann',
    );
  });

  it('answers 503 when too many log-ins wait, and blames nobody for it', async () => {
    const authenticator = await at.create({ htpasswd: at.htpasswd });
    const attempts = Array.from({ length: 60 }, (_, i) =>
      failureOf(() => authenticator.authenticate(basic(`user${i}`, 'x'), `192.0.2.${i}`)),
    );
    const busy = (await Promise.all(attempts)).filter(
      (error) => error instanceof AuthenticationBusyError,
    );
    expect(busy.length).toBeGreaterThan(0);
    expect(busy[0]).toMatchObject({ status: 503, headers: { 'Retry-After': '2' } });
    expect(at.logger.entries).toHaveLength(60 - busy.length);
    expect((await authenticator.authenticate(basic('ann', 'secret'), CLIENT)).subject).toBe(
      'user:ann',
    );
  });

  it('checks one credential of many connections once', async () => {
    const authenticator = await at.create({ htpasswd: at.htpasswd });
    const wrong = Array.from({ length: 50 }, () =>
      failureOf(() => authenticator.authenticate(basic('ann', 'wrong'), CLIENT)),
    );
    for (const error of await Promise.all(wrong)) expect(error).toBeInstanceOf(AuthenticationError);
    expect(at.logger.entries).toHaveLength(1);
  });
});
