/** Access tokens of the built-in service: JWTs signed with Ed25519, as Docker's token protocol has them. */
import { randomUUID } from 'node:crypto';
import { jwtVerify, SignJWT } from 'jose';
import { AuthenticationError } from './errors.ts';
import { readClaims, tokenError, type VerifiedToken } from './jwt.ts';
import type { AccessEntry } from './scopes.ts';
import type { SigningKey } from './signing-key.ts';

const ALGORITHM = 'EdDSA';
const TYPE = 'JWT';
/** Seconds by which a token is valid before it was made, so that a clock may be set back a little. */
const CLOCK_LEEWAY = 10;

/** Who issues tokens and for whom. */
export interface TokenParties {
  /** The `iss` claim. */
  readonly issuer: string;
  /** The `aud` claim. */
  readonly service: string;
}

/** What a new token says. */
export interface AccessGrant {
  /** User name; '' for anonymous. */
  readonly subject: string;
  readonly access: readonly AccessEntry[];
  /** Seconds since the epoch. */
  readonly issuedAt: number;
  /** Seconds. */
  readonly lifetime: number;
}

/** Makes a token. */
export function signAccessToken(
  key: SigningKey,
  parties: TokenParties,
  grant: AccessGrant,
): Promise<string> {
  const { subject, access, issuedAt, lifetime } = grant;
  return new SignJWT({
    iss: parties.issuer,
    sub: subject,
    aud: parties.service,
    exp: issuedAt + lifetime,
    nbf: issuedAt - CLOCK_LEEWAY,
    iat: issuedAt,
    jti: randomUUID(),
    access,
  })
    .setProtectedHeader({ alg: ALGORITHM, typ: TYPE, kid: key.kid })
    .sign(key.privateKey);
}

/**
 * Checks a token of the built-in service.
 * @param now - milliseconds since the epoch
 * @throws AuthenticationError when it is forged, expired, not valid yet, or meant for somebody else
 */
export async function verifyAccessToken(
  key: SigningKey,
  parties: TokenParties,
  token: string,
  now: number,
): Promise<VerifiedToken> {
  try {
    const { payload } = await jwtVerify(
      token,
      ({ kid }) => {
        if (kid === key.kid) return key.publicKey;
        throw new AuthenticationError('the token was signed with another key', 'invalid_token');
      },
      {
        algorithms: [ALGORITHM],
        typ: TYPE,
        issuer: parties.issuer,
        audience: parties.service,
        requiredClaims: ['exp', 'nbf', 'iat', 'sub'],
        currentDate: new Date(now),
      },
    );
    return readClaims(payload);
  } catch (error) {
    throw tokenError(error);
  }
}
