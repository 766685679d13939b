/** The key that signs own tokens: made on the first start, then kept in the data directory. */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
} from 'node:crypto';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { calculateJwkThumbprint, exportJWK } from 'jose';
import { makeFolder } from '../../lib/files.ts';
import { replaceSecretFile } from './secret-file.ts';
import type { AuthLogger } from './watched-file.ts';

const FILE = 'token-ed25519.pem';

/** What signs and checks own tokens. */
export interface SigningKey {
  /** Key id: the JWK thumbprint (RFC 7638) of the public key. */
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  /** Secret derived from the private key, 32 bytes, under which refresh tokens are signed. */
  readonly refreshSecret: Uint8Array;
}

async function readExisting(path: string, logger: AuthLogger): Promise<string | undefined> {
  const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (file === undefined) return undefined;
  try {
    const { mode } = await file.stat();
    if ((mode & 0o077) !== 0) {
      logger.warn({ path }, 'the signing key can be read by others than its owner; use chmod 600');
    }
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}

function parseKey(path: string, pem: string): KeyObject {
  let key: KeyObject | undefined;
  try {
    key = createPrivateKey(pem);
  } catch {
    // The reason would be OpenSSL's and quote nothing that helps.
  }
  if (key?.asymmetricKeyType === 'ed25519') return key;
  throw new Error(
    `${path} does not hold an Ed25519 private key (PEM); restore it, or remove it to have a new one ` +
      'made, which ends all tokens',
  );
}

/**
 * Loads the key, or makes it when there is none. Tokens end when the file is removed.
 * @param dataDir - the data directory; the key lies in its folder `keys`, mode 0600
 * @throws when the file is there but cannot be used
 */
export async function loadSigningKey(dataDir: string, logger: AuthLogger): Promise<SigningKey> {
  const folder = join(dataDir, 'keys');
  const path = join(folder, FILE);
  let pem = await readExisting(path, logger);
  if (pem === undefined) {
    await makeFolder(folder);
    const { privateKey } = generateKeyPairSync('ed25519');
    pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    await replaceSecretFile(path, pem);
    logger.info({ path }, 'made a new signing key for tokens');
  }
  const privateKey = parseKey(path, pem);
  const publicKey = createPublicKey(privateKey);
  const seed = Buffer.from(privateKey.export({ format: 'jwk' }).d!, 'base64url');
  return {
    kid: await calculateJwkThumbprint(await exportJWK(publicKey)),
    privateKey,
    publicKey,
    // Another key for another purpose (RFC 5869): a refresh token can never pass for an access token.
    refreshSecret: new Uint8Array(hkdfSync('sha256', seed, '', 'stowage refresh tokens', 32)),
  };
}
