import { generateKeyPairSync } from 'node:crypto';
import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { calculateJwkThumbprint, exportJWK } from 'jose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadSigningKey } from '../../../src/registry/auth/signing-key.ts';
import { makeTemporary, removeTemporary } from '../../support/temporary.ts';
import { recordingLogger } from './support.ts';

let dataDir: string;
let path: string;

beforeEach(async () => {
  dataDir = await makeTemporary('signing-key');
  path = join(dataDir, 'keys', 'token-ed25519.pem');
});
afterEach(() => removeTemporary(dataDir));

describe('decisions 5: the key that signs tokens', () => {
  it('is made once, for its owner only, and then kept', async () => {
    const logger = recordingLogger();
    const made = await loadSigningKey(dataDir, logger);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await stat(join(dataDir, 'keys'))).mode & 0o777).toBe(0o700);
    const text = await readFile(path, 'utf8');
    const loaded = await loadSigningKey(dataDir, logger);
    expect(await readFile(path, 'utf8')).toBe(text);
    expect(loaded.kid).toBe(made.kid);
    expect(loaded.publicKey.equals(made.publicKey)).toBe(true);
    expect(loaded.refreshSecret).toEqual(made.refreshSecret);
    expect(logger.entries).toHaveLength(1);
  });

  it('is Ed25519, with its thumbprint (RFC 7638) for an id', async () => {
    const key = await loadSigningKey(dataDir, recordingLogger());
    expect(key.privateKey.asymmetricKeyType).toBe('ed25519');
    expect(key.kid).toBe(await calculateJwkThumbprint(await exportJWK(key.publicKey)));
  });

  it('gives refresh tokens a secret that is not the key, and differs from registry to registry', async () => {
    const key = await loadSigningKey(dataDir, recordingLogger());
    expect(key.refreshSecret).toHaveLength(32);
    const seed = Buffer.from(key.privateKey.export({ format: 'jwk' }).d!, 'base64url');
    expect(seed.equals(key.refreshSecret)).toBe(false);
    const other = await loadSigningKey(join(dataDir, 'other'), recordingLogger());
    expect(other.refreshSecret).not.toEqual(key.refreshSecret);
    expect(other.kid).not.toBe(key.kid);
  });

  it('is warned about when others can read it', async () => {
    await loadSigningKey(dataDir, recordingLogger());
    await chmod(path, 0o644);
    const logger = recordingLogger();
    await loadSigningKey(dataDir, logger);
    expect(logger.entries).toMatchObject([{ level: 'warn', fields: { path } }]);
  });

  it.each([
    ['empty', ''],
    ['damaged', '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n'],
    [
      'of another kind',
      generateKeyPairSync('ec', { namedCurve: 'P-256' })
        .privateKey.export({ type: 'pkcs8', format: 'pem' })
        .toString(),
    ],
  ])('is never replaced by itself, also when the file is %s', async (_, text) => {
    await mkdir(join(dataDir, 'keys'));
    await writeFile(path, text, { mode: 0o600 });
    await expect(loadSigningKey(dataDir, recordingLogger())).rejects.toThrow(path);
    expect(await readFile(path, 'utf8')).toBe(text);
  });
});
