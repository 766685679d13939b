/**
 * Refresh tokens, which take the place of a password in a client's files. They are not stored: each
 * carries a fingerprint of the password's hash, so that it ends when the user or the password changes.
 */
import { createHmac, randomUUID, timingSafeEqual } from 'node:crypto';
import { jwtVerify, SignJWT } from 'jose';
import type { TokenParties } from './access-token.ts';
import { MAX_CREDENTIAL_LENGTH } from './credentials.ts';
import { AuthenticationError } from './errors.ts';
import type { SigningKey } from './signing-key.ts';

const ALGORITHM = 'HS256';
const TYPE = 'refresh+jwt';

/** A refresh token whose signature and time have been checked; whether the password still is the
 * one that it was issued for is said by {@link isBoundTo}. */
export interface VerifiedRefreshToken {
  readonly user: string;
  readonly fingerprint: string;
}

/** Keyed, so that the token says nothing about the hash, and bound to the name as well. */
function fingerprintOf(key: SigningKey, user: string, passwordHash: string): string {
  const mac = createHmac('sha256', key.refreshSecret);
  return mac.update(`password\0${user}\0${passwordHash}`).digest('base64url');
}

/** What a new refresh token is made for. */
export interface RefreshGrant {
  readonly user: string;
  /** The bcrypt hash of the user's password. */
  readonly passwordHash: string;
  /** Seconds since the epoch. */
  readonly issuedAt: number;
  /** Seconds. */
  readonly lifetime: number;
}

/** Makes a refresh token. */
export function signRefreshToken(
  key: SigningKey,
  parties: TokenParties,
  grant: RefreshGrant,
): Promise<string> {
  const { user, passwordHash, issuedAt, lifetime } = grant;
  return new SignJWT({
    iss: parties.issuer,
    sub: user,
    aud: parties.service,
    exp: issuedAt + lifetime,
    iat: issuedAt,
    jti: randomUUID(),
    fpr: fingerprintOf(key, user, passwordHash),
  })
    .setProtectedHeader({ alg: ALGORITHM, typ: TYPE })
    .sign(key.refreshSecret);
}

/**
 * Checks signature, audience and time of a refresh token.
 * @param now - milliseconds since the epoch
 * @throws AuthenticationError when it is forged or expired
 */
export async function verifyRefreshToken(
  key: SigningKey,
  parties: TokenParties,
  token: string,
  now: number,
): Promise<VerifiedRefreshToken> {
  const refused = new AuthenticationError('the refresh token is not valid');
  if (token.length > MAX_CREDENTIAL_LENGTH) throw refused;
  const verified = await jwtVerify<{ fpr?: unknown }>(token, key.refreshSecret, {
    algorithms: [ALGORITHM],
    typ: TYPE,
    issuer: parties.issuer,
    audience: parties.service,
    requiredClaims: ['exp', 'sub'],
    currentDate: new Date(now),
  }).catch(() => {
    throw refused;
  });
  const { sub, fpr } = verified.payload;
  if (sub === undefined || typeof fpr !== 'string') throw refused;
  return { user: sub, fingerprint: fpr };
}

/** Whether the token was issued for the password that the user has now. */
export function isBoundTo(
  token: VerifiedRefreshToken,
  key: SigningKey,
  passwordHash: string,
): boolean {
  const expected = Buffer.from(fingerprintOf(key, token.user, passwordHash));
  const given = Buffer.from(token.fingerprint);
  return expected.length === given.length && timingSafeEqual(expected, given);
}
