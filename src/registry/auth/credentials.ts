/**
 * Reads the Authorization header (RFC 9110, 11.6.2; RFC 7617 for Basic, RFC 6750 for Bearer). It is
 * strict: a header that two programs could read differently is refused, not guessed at.
 */
import { AuthenticationError } from './errors.ts';

/** Longest header value and longest token looked at, in characters. */
export const MAX_CREDENTIAL_LENGTH = 16 * 1024;
const MAX_USER_LENGTH = 255;
const MAX_PASSWORD_LENGTH = 1024;

/** A user name and a password that could be somebody's: well formed, not yet checked. */
export interface PasswordCredential {
  readonly user: string;
  readonly password: string;
}

/** What an Authorization header holds. */
export type Credential =
  | ({ readonly scheme: 'basic' } & PasswordCredential)
  | { readonly scheme: 'bearer'; readonly token: string };

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function isControl(c: number): boolean {
  return c < 0x20 || c === 0x7f;
}

function isPossibleUser(user: string): boolean {
  if (user === '' || user.length > MAX_USER_LENGTH) return false;
  for (let i = 0; i < user.length; i++) {
    const c = user.charCodeAt(i);
    if (isControl(c) || c === 0x3a) return false;
  }
  return true;
}

/** bcrypt implementations differ on what follows a NUL, and nobody can have an empty password. */
function isPossiblePassword(password: string): boolean {
  return password !== '' && password.length <= MAX_PASSWORD_LENGTH && !password.includes('\0');
}

/**
 * A name and a password as they came, for example from a form.
 * @throws AuthenticationError when no user could have them
 */
export function passwordCredential(user: string, password: string): PasswordCredential {
  if (isPossibleUser(user) && isPossiblePassword(password)) return { user, password };
  throw new AuthenticationError('the user name or the password is wrong');
}

function parseBasic(text: string): Credential {
  const bytes = Buffer.from(text, 'base64');
  // Node skips what is not base64; only the one canonical spelling is taken.
  if (bytes.toString('base64') !== text) {
    throw new AuthenticationError('the Basic credential is not base64');
  }
  let pair: string;
  try {
    pair = utf8.decode(bytes);
  } catch {
    throw new AuthenticationError('the Basic credential is not UTF-8');
  }
  const colon = pair.indexOf(':');
  if (colon < 0) throw new AuthenticationError('the Basic credential holds no colon');
  const checked = passwordCredential(pair.slice(0, colon), pair.slice(colon + 1));
  return { scheme: 'basic', ...checked };
}

/**
 * Reads a header value.
 * @throws AuthenticationError when it is too long, of an unknown scheme, or malformed
 */
export function parseAuthorization(header: string): Credential {
  if (header.length > MAX_CREDENTIAL_LENGTH) {
    throw new AuthenticationError('the credential is too long', 'invalid_token');
  }
  const space = header.indexOf(' ');
  const scheme = header.slice(0, Math.max(space, 0)).toLowerCase();
  const rest = header.slice(space + 1).trim();
  if (scheme === 'bearer') return { scheme, token: rest };
  if (scheme === 'basic') return parseBasic(rest);
  throw new AuthenticationError('the authorization scheme is not supported');
}
