/** The access control of the server: the contract of types.ts over one configuration at a time. */
import { randomBytes } from 'node:crypto';
import { type AuthState, openAuthState, type Surroundings } from './auth-state.ts';
import { BcryptPool } from './bcrypt-pool.ts';
import { formatChallenge } from './challenge.ts';
import type { AuthConfig } from './config-types.ts';
import { isOpen } from './is-open.ts';
import { createLoginThrottle } from './login-throttle.ts';
import { loadSigningKey, type SigningKey } from './signing-key.ts';
import type { Authenticator } from './types.ts';
import type { AuthLogger } from './watched-file.ts';

/** What access control is made from. */
export interface AuthenticatorOptions {
  readonly config: AuthConfig;
  /** The data directory; signing keys lie in its folder `keys`. */
  readonly dataDir: string;
  /** Token of the address file, which gives full access as `local`. */
  readonly localToken: string;
  readonly logger: AuthLogger;
  /** The time in milliseconds since the epoch. Default: the system's. */
  readonly now?: () => number;
}

/** An {@link Authenticator} whose configuration can be changed while it works. */
export interface ReloadableAuthenticator extends Authenticator {
  /**
   * Puts another configuration in force. Nothing that was remembered about credentials stays.
   * @throws when it cannot be used, or would turn authentication off, which takes a restart; the
   *   configuration so far then stays in force
   */
  reload(config: AuthConfig): Promise<void>;
}

/**
 * Starts access control.
 * @throws when a file that the configuration names cannot be used
 */
export async function createAuthenticator(
  options: AuthenticatorOptions,
): Promise<ReloadableAuthenticator> {
  const { dataDir, localToken, logger, now = Date.now } = options;
  const pool = new BcryptPool();
  let key: Promise<SigningKey> | undefined;
  const around: Surroundings = {
    localToken,
    logger,
    now,
    pool,
    throttle: createLoginThrottle(now),
    secret: randomBytes(32),
    async signingKey() {
      key ??= loadSigningKey(dataDir, logger);
      try {
        return await key;
      } catch (error) {
        key = undefined;
        throw error;
      }
    },
  };
  let state: AuthState = await openAuthState(options.config, around);
  let closed = false;
  let reloading: Promise<void> = Promise.resolve();

  async function replace(config: AuthConfig): Promise<void> {
    if (!state.open && isOpen(config)) {
      throw new Error('auth: authentication can only be turned off by a restart of the server');
    }
    const next = await openAuthState(config, around);
    if (closed) return next.close();
    state.close();
    state = next;
    logger.info({}, 'access rules reloaded');
  }

  return {
    get open() {
      return state.open;
    },
    get tokenEndpoint() {
      return state.tokenEndpoint;
    },
    authenticate: (authorization, clientAddress) =>
      state.authenticate(authorization, clientAddress),
    challenge: (scopes, origin, error) => formatChallenge(state.challenge, scopes, origin, error),
    reload(config) {
      // One after the other: the last one asked for is the one that stays.
      const done = reloading.then(() => replace(config));
      reloading = done.catch(() => undefined);
      return done;
    },
    async close() {
      closed = true;
      state.close();
      await pool.close();
    },
  };
}
