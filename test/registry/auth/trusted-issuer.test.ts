import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type JWTPayload, SignJWT } from 'jose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { TrustedIssuerConfig } from '../../../src/registry/auth/config-types.ts';
import { AuthenticationBusyError, AuthenticationError } from '../../../src/registry/auth/errors.ts';
import {
  openTrustedIssuer,
  type TrustedIssuer,
} from '../../../src/registry/auth/trusted-issuer.ts';
import { makeCertificate } from '../../support/certificate.ts';
import { makeTemporary, removeTemporary } from '../../support/temporary.ts';
import { failureOf, recordingLogger, standingClock, type TestServer } from './support.ts';

const ISSUER = 'https://auth.example.com';
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const otherRsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ed = generateKeyPairSync('ed25519');

let folder: string;
let clock: ReturnType<typeof standingClock>;
let opened: TrustedIssuer[];
let logger: ReturnType<typeof recordingLogger>;

beforeEach(async () => {
  folder = await makeTemporary('trusted-issuer');
  // Certificates are checked against the same clock, and are made by the system's.
  clock = standingClock(Date.now());
  opened = [];
  logger = recordingLogger();
});
afterEach(async () => {
  for (const issuer of opened) issuer.close();
  await removeTemporary(folder);
});

async function open(
  config: Omit<TrustedIssuerConfig, 'issuer'>,
  onChange: () => void = () => undefined,
) {
  const options = { logger, onChange, now: clock.now };
  const issuer = await openTrustedIssuer({ issuer: ISSUER, ...config }, 'stowage', options);
  opened.push(issuer);
  return issuer;
}

interface Made {
  readonly alg?: string;
  readonly kid?: string | undefined;
  readonly claims?: JWTPayload;
}

async function make(privateKey: KeyObject, { alg = 'RS256', kid, claims = {} }: Made = {}) {
  const now = Math.floor(clock.now() / 1000);
  const payload = {
    iss: ISSUER,
    sub: 'job-1',
    aud: 'stowage',
    exp: now + 300,
    access: [{ type: 'repository', name: 'a', actions: ['pull'] }],
    ...claims,
  };
  const header = { alg, ...(kid !== undefined && { kid }) };
  return { token: await new SignJWT(payload).setProtectedHeader(header).sign(privateKey), header };
}

const verify = (issuer: TrustedIssuer, made: Awaited<ReturnType<typeof make>>) =>
  issuer.verify(made.token, made.header);

const jwk = (key: KeyObject, extra: object = {}) => ({
  ...key.export({ format: 'jwk' }),
  ...extra,
});

async function keySetFile(...keys: object[]): Promise<string> {
  const path = join(folder, 'keys.json');
  await writeFile(path, JSON.stringify({ keys }));
  return path;
}

interface KeyServer extends TestServer {
  keys: object[];
  status: number;
  fetched: number;
}

async function serveKeys(keys: object[]): Promise<KeyServer> {
  const server = createServer((_, res) => {
    state.fetched++;
    res.writeHead(state.status).end(JSON.stringify({ keys: state.keys }));
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const state: KeyServer = {
    keys,
    status: 200,
    fetched: 0,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
  return state;
}

describe('decisions 5: tokens of an outside issuer by key set file', () => {
  it('are taken by key id, with their claims', async () => {
    const jwks = await keySetFile(
      jwk(otherRsa.publicKey, { kid: '2' }),
      jwk(rsa.publicKey, { kid: '1' }),
    );
    const issuer = await open({ jwks });
    const verified = await verify(issuer, await make(rsa.privateKey, { kid: '1' }));
    expect(verified).toEqual({
      subject: 'job-1',
      access: [{ type: 'repository', name: 'a', actions: ['pull'] }],
      expires: (Math.floor(clock.now() / 1000) + 300) * 1000,
    });
    await expect(verify(issuer, await make(rsa.privateKey, { kid: '2' }))).rejects.toThrow(
      AuthenticationError,
    );
  });

  it('are taken without a key id, whichever of the keys they were signed with', async () => {
    const issuer = await open({
      jwks: await keySetFile(jwk(otherRsa.publicKey), jwk(rsa.publicKey)),
    });
    expect(await verify(issuer, await make(rsa.privateKey))).toBeDefined();
    expect(await verify(issuer, await make(otherRsa.privateKey))).toBeDefined();
  });

  it.each(['RS256', 'RS512', 'PS384'])('are taken with %s', async (alg) => {
    const issuer = await open({ jwks: await keySetFile(jwk(rsa.publicKey)) });
    expect(await verify(issuer, await make(rsa.privateKey, { alg }))).toBeDefined();
  });

  it('follow the file when keys are exchanged', async () => {
    const jwks = await keySetFile(jwk(rsa.publicKey, { kid: '1' }));
    const changed = Promise.withResolvers<void>();
    const issuer = await open({ jwks }, changed.resolve);
    const old = await make(rsa.privateKey, { kid: '1' });
    expect(await verify(issuer, old)).toBeDefined();
    await keySetFile(jwk(ed.publicKey, { kid: '2' }));
    await changed.promise;
    await expect(verify(issuer, old)).rejects.toThrow(AuthenticationError);
    expect(
      await verify(issuer, await make(ed.privateKey, { alg: 'EdDSA', kid: '2' })),
    ).toBeDefined();
  });

  it('refuse a file that is no key set', async () => {
    const path = join(folder, 'keys.json');
    for (const text of ['', '[]', '{"keys":1}']) {
      await writeFile(path, text);
      await expect(open({ jwks: path })).rejects.toThrow();
    }
    await expect(open({ jwks: join(folder, 'missing') })).rejects.toThrow('ENOENT');
    await expect(open({})).rejects.toThrow('neither jwks nor certificates');
  });

  it('are judged by the audience of the configuration', async () => {
    const jwks = await keySetFile(jwk(rsa.publicKey));
    const issuer = await open({ jwks, audience: 'special' });
    expect(
      await verify(issuer, await make(rsa.privateKey, { claims: { aud: ['x', 'special'] } })),
    ).toBeDefined();
    await expect(verify(issuer, await make(rsa.privateKey))).rejects.toThrow('aud');
  });

  const now = () => Math.floor(clock.now() / 1000);
  it.each<[string, () => Made]>([
    ['another issuer', () => ({ claims: { iss: 'https://evil.example.com' } })],
    ['another audience', () => ({ claims: { aud: 'other' } })],
    ['a past', () => ({ claims: { exp: now() - 31 } })],
    ['a future', () => ({ claims: { nbf: now() + 31 } })],
    ['a subject that is a number', () => ({ claims: { sub: 7 as never } })],
    ['an unknown key id', () => ({ kid: 'other' })],
    ['a path for a key id', () => ({ kid: '../../keys.json' })],
  ])('are refused with %s', async (_, made) => {
    const issuer = await open({ jwks: await keySetFile(jwk(rsa.publicKey, { kid: '1' })) });
    const error = await failureOf(async () => verify(issuer, await make(rsa.privateKey, made())));
    expect(error).toMatchObject({ status: 401, challengeError: 'invalid_token' });
  });

  it('are refused without an end', async () => {
    const issuer = await open({ jwks: await keySetFile(jwk(rsa.publicKey)) });
    const made = await make(rsa.privateKey, { claims: { exp: undefined as never } });
    await expect(verify(issuer, made)).rejects.toThrow('exp');
  });

  it('may have a clock that is half a minute off', async () => {
    const issuer = await open({ jwks: await keySetFile(jwk(rsa.publicKey)) });
    for (const claims of [{ exp: now() - 29 }, { nbf: now() + 29 }]) {
      expect(await verify(issuer, await make(rsa.privateKey, { claims }))).toBeDefined();
    }
  });

  it('are refused when signed with the public key as an HMAC secret', async () => {
    const secret = Buffer.from(rsa.publicKey.export({ type: 'spki', format: 'pem' }));
    const oct = { kty: 'oct', k: secret.toString('base64url'), kid: '2' };
    const issuer = await open({ jwks: await keySetFile(jwk(rsa.publicKey, { kid: '1' }), oct) });
    for (const kid of ['1', '2', undefined]) {
      const { token } = await make(rsa.privateKey);
      const header = { alg: 'HS256', ...(kid !== undefined && { kid }) };
      const payload = JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString());
      const forged = await new SignJWT(payload).setProtectedHeader(header).sign(secret);
      await expect(issuer.verify(forged, header)).rejects.toThrow(AuthenticationError);
    }
  });

  it.each(['none', 'None', '', undefined])('are refused with the algorithm %s', async (alg) => {
    const issuer = await open({ jwks: await keySetFile(jwk(rsa.publicKey)) });
    const { token } = await make(rsa.privateKey);
    const header = alg === undefined ? {} : { alg };
    const head = Buffer.from(JSON.stringify(header)).toString('base64url');
    const forged = `${head}.${token.split('.')[1]}.`;
    await expect(issuer.verify(forged, header)).rejects.toThrow(AuthenticationError);
  });
});

describe('decisions 5: tokens of an outside issuer by key set URL', () => {
  it('are taken, the set being fetched once and again after a while', async () => {
    await using server = await serveKeys([jwk(rsa.publicKey, { kid: '1' })]);
    const issuer = await open({ jwks: server.url });
    expect(server.fetched).toBe(0);
    const made = await make(rsa.privateKey, { kid: '1' });
    await Promise.all([verify(issuer, made), verify(issuer, made)]);
    await verify(issuer, made);
    expect(server.fetched).toBe(1);
    clock.advance(10 * 60_000 + 1);
    await verify(issuer, await make(rsa.privateKey, { kid: '1' }));
    expect(server.fetched).toBe(2);
  });

  it('make it fetch new keys, but not for every unknown key id', async () => {
    await using server = await serveKeys([jwk(rsa.publicKey, { kid: '1' })]);
    const issuer = await open({ jwks: server.url });
    await verify(issuer, await make(rsa.privateKey, { kid: '1' }));
    server.keys = [jwk(otherRsa.publicKey, { kid: '2' })];
    const rotated = { kid: '2' };
    for (let i = 0; i < 5; i++) {
      await expect(verify(issuer, await make(otherRsa.privateKey, rotated))).rejects.toThrow(
        AuthenticationError,
      );
    }
    expect(server.fetched).toBe(1);
    clock.advance(30_001);
    expect(await verify(issuer, await make(otherRsa.privateKey, rotated))).toBeDefined();
    await expect(verify(issuer, await make(rsa.privateKey, { kid: '1' }))).rejects.toThrow(
      AuthenticationError,
    );
    expect(server.fetched).toBe(2);
  });

  it('answer 503 while the set cannot be fetched, without a fetch for each token', async () => {
    await using server = await serveKeys([jwk(rsa.publicKey)]);
    server.status = 500;
    const issuer = await open({ jwks: server.url });
    for (let i = 0; i < 3; i++) {
      const error = await failureOf(async () => verify(issuer, await make(rsa.privateKey)));
      expect(error).toBeInstanceOf(AuthenticationBusyError);
    }
    expect(server.fetched).toBe(1);
    expect(logger.entries).toHaveLength(1);
    server.status = 200;
    clock.advance(5_000);
    expect(await verify(issuer, await make(rsa.privateKey))).toBeDefined();
  });

  it('are taken for an hour by the keys that are known when the issuer is down', async () => {
    await using server = await serveKeys([jwk(rsa.publicKey)]);
    const issuer = await open({ jwks: server.url });
    await verify(issuer, await make(rsa.privateKey));
    server.status = 500;
    clock.advance(59 * 60_000);
    expect(await verify(issuer, await make(rsa.privateKey))).toBeDefined();
    clock.advance(2 * 60_000);
    const error = await failureOf(async () => verify(issuer, await make(rsa.privateKey)));
    expect(error).toBeInstanceOf(AuthenticationBusyError);
  });

  it('answer 401 and not 503 for a key of the set that cannot be used', async () => {
    await using server = await serveKeys([
      { kty: 'RSA', n: 'AQAB', e: 'AQAB', kid: 'broken' },
      jwk(rsa.publicKey, { kid: '1' }),
    ]);
    const issuer = await open({ jwks: server.url });
    await expect(verify(issuer, await make(rsa.privateKey, { kid: 'broken' }))).rejects.toThrow(
      AuthenticationError,
    );
    expect(await verify(issuer, await make(rsa.privateKey, { kid: '1' }))).toBeDefined();
  });

  it('answer 503 when nothing listens there', async () => {
    const server = await serveKeys([]);
    await server[Symbol.asyncDispose]();
    const issuer = await open({ jwks: server.url });
    const error = await failureOf(async () => verify(issuer, await make(rsa.privateKey)));
    expect(error).toBeInstanceOf(AuthenticationBusyError);
  });
});

describe('decisions 5: tokens of an outside issuer by certificates', () => {
  async function bundle(...certificates: string[]): Promise<string> {
    const path = join(folder, 'bundle.pem');
    await writeFile(path, certificates.join('\n'));
    return path;
  }

  it('are taken by any certificate of the bundle, whatever their key id', async () => {
    const [first, second] = [makeCertificate(), makeCertificate()];
    const issuer = await open({ certificates: await bundle(first.cert, second.cert) });
    for (const { key } of [first, second]) {
      for (const kid of [undefined, 'ABCD:EFGH', '/etc/passwd']) {
        const made = await make(createPrivateKey(key), { alg: 'ES256', kid });
        expect(await verify(issuer, made)).toMatchObject({ subject: 'job-1' });
      }
    }
  });

  it('are refused with another key, also when its certificate comes along', async () => {
    const [trusted, other] = [makeCertificate(), makeCertificate()];
    const issuer = await open({ certificates: await bundle(trusted.cert) });
    const der = other.cert.replace(/-----.*-----|\s/g, '');
    const { token } = await make(createPrivateKey(other.key), { alg: 'ES256' });
    const payload = JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString());
    const header = { alg: 'ES256', x5c: [der] };
    const forged = await new SignJWT(payload)
      .setProtectedHeader(header)
      .sign(createPrivateKey(other.key));
    await expect(issuer.verify(forged, header)).rejects.toThrow(AuthenticationError);
  });

  it('are refused when the algorithm does not fit the key', async () => {
    const { cert } = makeCertificate();
    const issuer = await open({ certificates: await bundle(cert) });
    for (const [key, alg] of [
      [rsa.privateKey, 'RS256'],
      [ed.privateKey, 'EdDSA'],
    ] as const) {
      await expect(verify(issuer, await make(key, { alg }))).rejects.toThrow(AuthenticationError);
    }
  });

  it('are refused before the certificate is valid and after it has expired', async () => {
    const { cert, key } = makeCertificate();
    const issuer = await open({ certificates: await bundle(cert) });
    const privateKey = createPrivateKey(key);
    clock.advance(-2 * 3_600_000);
    await expect(verify(issuer, await make(privateKey, { alg: 'ES256' }))).rejects.toThrow(
      AuthenticationError,
    );
    clock.advance(27 * 3_600_000);
    await expect(verify(issuer, await make(privateKey, { alg: 'ES256' }))).rejects.toThrow(
      AuthenticationError,
    );
  });

  it('need a file that holds some, and not too many', async () => {
    const { cert, key } = makeCertificate();
    await expect(open({ certificates: await bundle('') })).rejects.toThrow('no PEM certificate');
    await expect(open({ certificates: await bundle(key) })).rejects.toThrow('no PEM certificate');
    const many = new Array<string>(17).fill(cert);
    await expect(open({ certificates: await bundle(...many) })).rejects.toThrow('more than 16');
    const damaged = cert.replace(/\n.{8}/, '\nAAAAAAAA');
    await expect(open({ certificates: await bundle(damaged) })).rejects.toThrow();
  });

  it('are taken by either when there are a bundle and a key set, one of them down', async () => {
    const server = await serveKeys([]);
    await server[Symbol.asyncDispose]();
    const { cert, key } = makeCertificate();
    const issuer = await open({ certificates: await bundle(cert), jwks: server.url });
    expect(await verify(issuer, await make(createPrivateKey(key), { alg: 'ES256' }))).toBeDefined();
    const error = await failureOf(async () => verify(issuer, await make(rsa.privateKey)));
    expect(error).toBeInstanceOf(AuthenticationBusyError);
  });
});
