import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import { CompactEncrypt, decodeJwt, decodeProtectedHeader, SignJWT, UnsecuredJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  signAccessToken,
  type TokenParties,
  verifyAccessToken,
} from '../../../src/registry/auth/access-token.ts';
import { AuthenticationError } from '../../../src/registry/auth/errors.ts';
import { signRefreshToken } from '../../../src/registry/auth/refresh-token.ts';
import { loadSigningKey, type SigningKey } from '../../../src/registry/auth/signing-key.ts';
import { makeTemporary, removeTemporary } from '../../support/temporary.ts';
import { failureOf, recordingLogger } from './support.ts';

const NOW = Date.UTC(2026, 10, 25, 12);
const ISSUED_AT = NOW / 1000;
const PARTIES: TokenParties = { issuer: 'stowage', service: 'registry.example.com' };
const ACCESS = [{ type: 'repository', name: 'team/app', actions: ['pull', 'push'] }];
const GRANT = { subject: 'ann', access: ACCESS, issuedAt: ISSUED_AT, lifetime: 300 };

let dataDir: string;
let key: SigningKey;
let token: string;

beforeAll(async () => {
  dataDir = await makeTemporary('access-token');
  key = await loadSigningKey(dataDir, recordingLogger());
  token = await signAccessToken(key, PARTIES, GRANT);
});
afterAll(() => removeTemporary(dataDir));

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** Claims of a good token, changed; undefined takes one out. */
function claims(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return { ...decodeJwt(token), ...changes };
}

/** A token with any header and claims, signed with the right key as EdDSA would. */
function forge(header: object, payload: object): string {
  const input = `${part(header)}.${part(payload)}`;
  return `${input}.${sign(null, Buffer.from(input), key.privateKey).toString('base64url')}`;
}

const header = (changes: object = {}): object => ({
  alg: 'EdDSA',
  typ: 'JWT',
  kid: key.kid,
  ...changes,
});

describe('registry-protocol 13: tokens of the built-in service', () => {
  it('carry the claims of the protocol and name their key', () => {
    expect(decodeProtectedHeader(token)).toEqual({ alg: 'EdDSA', typ: 'JWT', kid: key.kid });
    expect(decodeJwt(token)).toEqual({
      iss: 'stowage',
      sub: 'ann',
      aud: 'registry.example.com',
      exp: ISSUED_AT + 300,
      nbf: ISSUED_AT - 10,
      iat: ISSUED_AT,
      jti: expect.stringMatching(/^[0-9a-f-]{36}$/),
      access: ACCESS,
    });
  });

  it('are told apart by their jti', async () => {
    expect(decodeJwt(await signAccessToken(key, PARTIES, GRANT)).jti).not.toBe(
      decodeJwt(token).jti,
    );
  });

  it('are taken until they expire, to the second', async () => {
    const expected = { subject: 'ann', access: ACCESS, expires: NOW + 300_000 };
    expect(await verifyAccessToken(key, PARTIES, token, NOW)).toEqual(expected);
    expect(await verifyAccessToken(key, PARTIES, token, NOW + 299_999)).toEqual(expected);
    const error = await failureOf(() => verifyAccessToken(key, PARTIES, token, NOW + 300_000));
    expect(error).toMatchObject({ message: 'the token has expired' });
  });

  it('are taken when the clock was set back a little, not when it was set back much', async () => {
    expect(await verifyAccessToken(key, PARTIES, token, NOW - 9_000)).toBeDefined();
    await expect(verifyAccessToken(key, PARTIES, token, NOW - 11_000)).rejects.toThrow('nbf');
  });

  it('may be anonymous', async () => {
    const anonymous = await signAccessToken(key, PARTIES, { ...GRANT, subject: '' });
    expect(await verifyAccessToken(key, PARTIES, anonymous, NOW)).toMatchObject({ subject: '' });
  });

  it('are forged well by this test: the same claims under the same header are taken', async () => {
    const forged = forge(header(), claims());
    expect(await verifyAccessToken(key, PARTIES, forged, NOW)).toMatchObject({ subject: 'ann' });
  });

  const foreign = generateKeyPairSync('ed25519');
  const publicPem = () => key.publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const bad: Record<string, () => string | Promise<string>> = {
    nothing: () => '',
    'no token': () => 'secret',
    'two parts': () => token.split('.').slice(0, 2).join('.'),
    'four parts': () => `${token}.x`,
    'empty parts': () => '..',
    'a part that is not base64url': () => token.replace('.', '.!'),
    'a header that is no JSON': () => `bm8.${token.split('.').slice(1).join('.')}`,
    'a payload that is a list': () => forge(header(), []),
    'a signature that was changed': () => {
      const at = token.length - 20;
      return token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1);
    },
    'no signature': () => token.slice(0, token.lastIndexOf('.') + 1),
    'claims that were changed': () => {
      const [head, , signature] = token.split('.');
      return `${head}.${part(claims({ sub: 'root' }))}.${signature}`;
    },
    'the none algorithm': () => new UnsecuredJWT(claims()).encode(),
    'the none algorithm with our key id': () =>
      `${part(header({ alg: 'none' }))}.${part(claims())}.`,
    'the none algorithm over our signature': () => forge(header({ alg: 'none' }), claims()),
    'the None algorithm': () => forge(header({ alg: 'None' }), claims()),
    'another name of the algorithm': () => forge(header({ alg: 'Ed25519' }), claims()),
    'no algorithm': () => forge({ typ: 'JWT', kid: key.kid }, claims()),
    'our public key (PEM) as an HMAC secret': () => {
      const input = `${part(header({ alg: 'HS256' }))}.${part(claims())}`;
      return `${input}.${createHmac('sha256', publicPem()).update(input).digest('base64url')}`;
    },
    'our public key (raw) as an HMAC secret': () => {
      const raw = Buffer.from(key.publicKey.export({ format: 'jwk' }).x!, 'base64url');
      const input = `${part(header({ alg: 'HS256' }))}.${part(claims())}`;
      return `${input}.${createHmac('sha256', raw).update(input).digest('base64url')}`;
    },
    'the secret of refresh tokens': () =>
      new SignJWT(claims())
        .setProtectedHeader(header({ alg: 'HS256' }) as never)
        .sign(key.refreshSecret),
    'a foreign key under our key id': () =>
      new SignJWT(claims()).setProtectedHeader(header() as never).sign(foreign.privateKey),
    'a foreign key in the header': () =>
      new SignJWT(claims())
        .setProtectedHeader(header({ jwk: foreign.publicKey.export({ format: 'jwk' }) }) as never)
        .sign(foreign.privateKey),
    'a key by URL': () =>
      new SignJWT(claims())
        .setProtectedHeader(header({ jku: 'http://127.0.0.1:1/keys' }) as never)
        .sign(foreign.privateKey),
    'no key id': () => forge(header({ kid: undefined }), claims()),
    'another key id': () => forge(header({ kid: 'other' }), claims()),
    'a path for a key id': () => forge(header({ kid: '../keys/token-ed25519.pem' }), claims()),
    'a property for a key id': () => forge(header({ kid: '__proto__' }), claims()),
    'a key id that is a list': () => forge(header({ kid: [key.kid] }), claims()),
    'an extension that has to be understood': () =>
      forge(header({ crit: ['exp2'], exp2: 1 }), claims()),
    'an unencoded payload': () => forge(header({ crit: ['b64'], b64: false }), claims()),
    'another type': () => forge(header({ typ: 'refresh+jwt' }), claims()),
    'no type': () => forge(header({ typ: undefined }), claims()),
    'another issuer': () => forge(header(), claims({ iss: 'other' })),
    'no issuer': () => forge(header(), claims({ iss: undefined })),
    'another audience': () => forge(header(), claims({ aud: 'other' })),
    'an audience that begins with ours': () =>
      forge(header(), claims({ aud: 'registry.example.com.evil' })),
    'no audience': () => forge(header(), claims({ aud: undefined })),
    'a past': () => forge(header(), claims({ exp: ISSUED_AT })),
    'a future': () => forge(header(), claims({ nbf: ISSUED_AT + 1 })),
    'no end': () => forge(header(), claims({ exp: undefined })),
    'an end that is text': () => forge(header(), claims({ exp: String(ISSUED_AT + 300) })),
    'no subject': () => forge(header(), claims({ sub: undefined })),
    'a subject that is a number': () => forge(header(), claims({ sub: 0 })),
    'a refresh token in its place': () =>
      signRefreshToken(key, PARTIES, {
        user: 'ann',
        passwordHash: 'x',
        issuedAt: ISSUED_AT,
        lifetime: 300,
      }),
    'an encrypted token': () =>
      new CompactEncrypt(Buffer.from(JSON.stringify(claims())))
        .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', kid: key.kid })
        .encrypt(key.refreshSecret),
  };

  it.each(Object.entries(bad))('refuses %s', async (_, make) => {
    const forged = await make();
    const error = await failureOf(() => verifyAccessToken(key, PARTIES, forged, NOW));
    expect(error).toBeInstanceOf(AuthenticationError);
    expect(error).toMatchObject({ status: 401, challengeError: 'invalid_token' });
  });

  it.each([
    ['no list', 'repository:a:pull'],
    ['an object', { type: 'repository' }],
    ['entries that are none', [null, 1, 'a', {}, { type: 'repository', name: 'a' }]],
    ['actions that are none', [{ type: 'repository', name: 'a', actions: 'pull' }]],
    ['an action that is none', [{ type: 'repository', name: 'a', actions: ['pull', 1] }]],
  ])('grants nothing for an access claim that is %s', async (_, access) => {
    const strange = forge(header(), claims({ access }));
    expect(await verifyAccessToken(key, PARTIES, strange, NOW)).toMatchObject({ access: [] });
  });
});
