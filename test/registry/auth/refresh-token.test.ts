import { decodeJwt, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { signAccessToken, type TokenParties } from '../../../src/registry/auth/access-token.ts';
import { AuthenticationError } from '../../../src/registry/auth/errors.ts';
import {
  isBoundTo,
  signRefreshToken,
  verifyRefreshToken,
} from '../../../src/registry/auth/refresh-token.ts';
import { loadSigningKey, type SigningKey } from '../../../src/registry/auth/signing-key.ts';
import { makeTemporary, removeTemporary } from '../../support/temporary.ts';
import { failureOf, recordingLogger } from './support.ts';

const NOW = Date.UTC(2026, 10, 25, 12);
const ISSUED_AT = NOW / 1000;
const PARTIES: TokenParties = { issuer: 'stowage', service: 'registry.example.com' };
const HASH = '$2y$10$abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.';

let dataDir: string;
let key: SigningKey;
let token: string;

beforeAll(async () => {
  dataDir = await makeTemporary('refresh-token');
  key = await loadSigningKey(dataDir, recordingLogger());
  const grant = { user: 'ann', passwordHash: HASH, issuedAt: ISSUED_AT, lifetime: 1000 };
  token = await signRefreshToken(key, PARTIES, grant);
});
afterAll(() => removeTemporary(dataDir));

const verify = (text: string, now = NOW, parties = PARTIES) =>
  verifyRefreshToken(key, parties, text, now);

describe('decisions 5: refresh tokens', () => {
  it('are bound to the user and to the password', async () => {
    const verified = await verify(token);
    expect(verified.user).toBe('ann');
    expect(isBoundTo(verified, key, HASH)).toBe(true);
    expect(isBoundTo(verified, key, HASH.replace('$10$a', '$10$b'))).toBe(false);
    expect(isBoundTo({ ...verified, user: 'bob' }, key, HASH)).toBe(false);
    expect(isBoundTo({ ...verified, fingerprint: '' }, key, HASH)).toBe(false);
  });

  it('say nothing about the hash', () => {
    const { fpr } = decodeJwt(token);
    expect(fpr).toMatch(/^[\w-]{43}$/);
    expect(Buffer.from(token.split('.')[1]!, 'base64url').toString()).not.toContain('$2y$');
  });

  it('end with their lifetime', async () => {
    expect(await verify(token, NOW + 999_999)).toBeDefined();
    await expect(verify(token, NOW + 1_000_000)).rejects.toThrow(AuthenticationError);
  });

  it('are good at one registry only', async () => {
    const other = { ...PARTIES, service: 'other' };
    await expect(verify(token, NOW, other)).rejects.toThrow(AuthenticationError);
    await expect(verify(token, NOW, { ...PARTIES, issuer: 'x' })).rejects.toThrow(
      AuthenticationError,
    );
  });

  const signed = (header: object, payload: object, secret: Uint8Array = key.refreshSecret) =>
    new SignJWT({ ...payload }).setProtectedHeader(header as never).sign(secret);
  const bad: Record<string, () => string | Promise<string>> = {
    nothing: () => '',
    'any text': () => 'refresh me',
    'a changed signature': () => `${token.slice(0, -4)}AAAA`,
    'another secret': () => {
      const header = { alg: 'HS256', typ: 'refresh+jwt' };
      return signed(header, decodeJwt(token), Buffer.alloc(32));
    },
    'another type': () => signed({ alg: 'HS256', typ: 'JWT' }, decodeJwt(token)),
    'no fingerprint': () =>
      signed({ alg: 'HS256', typ: 'refresh+jwt' }, { ...decodeJwt(token), fpr: undefined }),
    'the none algorithm': () => {
      const header = Buffer.from('{"alg":"none","typ":"refresh+jwt"}').toString('base64url');
      return `${header}.${token.split('.')[1]}.`;
    },
    'an access token': () =>
      signAccessToken(key, PARTIES, {
        subject: 'ann',
        access: [],
        issuedAt: ISSUED_AT,
        lifetime: 300,
      }),
    'more than 16 KiB': () =>
      signed({ alg: 'HS256', typ: 'refresh+jwt' }, { ...decodeJwt(token), x: 'x'.repeat(16384) }),
  };

  it.each(Object.entries(bad))('are refused with %s', async (_, make) => {
    const forged = await make();
    const error = await failureOf(() => verify(forged));
    expect(error).toBeInstanceOf(AuthenticationError);
    expect(error).toMatchObject({ status: 401, challengeError: undefined });
  });
});
