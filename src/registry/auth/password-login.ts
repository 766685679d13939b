/**
 * Checks names and passwords: first in memory, then by bcrypt. What is kept in memory is an HMAC under
 * a secret of the process, so that neither a heap dump nor a core file gives a password away.
 */
import { createHmac } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { userAccess } from './access.ts';
import type { BcryptPool } from './bcrypt-pool.ts';
import type { PasswordCredential } from './credentials.ts';
import { AuthenticationError } from './errors.ts';
import type { LoginThrottle } from './login-throttle.ts';
import type { Policies } from './policies.ts';
import type { Access } from './types.ts';
import type { Users } from './user-file.ts';
import type { AuthLogger, WatchedFile } from './watched-file.ts';

const MAX_ACCOUNTS = 4096;
/** Milliseconds for which a password is not checked again. */
const REMEMBERED_FOR = 5 * 60_000;

/** A user that has proved who it is. */
export interface Account {
  readonly user: string;
  /** The bcrypt hash of the password, to which refresh tokens are bound. */
  readonly passwordHash: string;
  readonly access: Access;
}

interface Remembered {
  readonly account: Account;
  /** Milliseconds since the epoch. */
  readonly until: number;
}

/** What the check works with. */
export interface PasswordLoginOptions {
  readonly users: WatchedFile<Users>;
  readonly policies: Policies;
  readonly pool: BcryptPool;
  readonly throttle: LoginThrottle;
  /** Secret of the process. */
  readonly secret: Uint8Array;
  readonly logger: AuthLogger;
  readonly now: () => number;
}

/** Log-ins by name and password under one configuration. */
export interface PasswordLogin {
  /**
   * Synchronous when the password was checked a short while ago.
   * @throws AuthenticationError when the name or the password is wrong
   * @throws TooManyAttemptsError when this client or user has failed too often
   * @throws AuthenticationBusyError when too many log-ins are waiting
   */
  identify(credential: PasswordCredential, clientAddress: string): Account | Promise<Account>;
  /** The account of a user by the htpasswd file as it is now; undefined when there is none. */
  find(user: string): Promise<Account | undefined>;
  /** Whether the file, as last read, has the user. */
  has(user: string): boolean;
  /** Forgets all passwords: to be called when the users have changed. */
  forget(): void;
}

/** Makes the check of names and passwords. */
export function createPasswordLogin(options: PasswordLoginOptions): PasswordLogin {
  const { users, policies, pool, throttle, secret, logger, now } = options;
  const remembered = new LRUCache<string, Remembered>({ max: MAX_ACCOUNTS });
  /** Clients open several connections at once; the same credential is then checked only once. */
  const checking = new Map<string, Promise<Account>>();
  let generation = 0;

  function account(user: string, passwordHash: string): Account {
    return { user, passwordHash, access: userAccess(`user:${user}`, policies.forUser(user)) };
  }

  async function check(credential: PasswordCredential, clientAddress: string): Promise<Account> {
    const { user, password } = credential;
    await users.refresh();
    for (;;) {
      const { hashes, decoy } = users.value;
      const hashed = hashes.get(user);
      const matches = await pool.compare(password, hashed ?? decoy);
      // The user may have been removed or given another password while the thread was at work.
      if (users.value.hashes.get(user) !== hashed) continue;
      if (matches && hashed !== undefined) {
        throttle.succeeded(user, clientAddress);
        return account(user, hashed);
      }
      throttle.failed(user, clientAddress);
      logger.warn({ user, clientAddress }, 'log-in failed');
      throw new AuthenticationError('the user name or the password is wrong');
    }
  }

  function recall(key: string): Account | undefined {
    const known = remembered.get(key);
    if (known === undefined || now() < known.until) return known?.account;
    remembered.delete(key);
    return undefined;
  }

  async function checkAndRemember(
    key: string,
    credential: PasswordCredential,
    clientAddress: string,
  ): Promise<Account> {
    const began = generation;
    const found = await check(credential, clientAddress);
    // If users have changed meanwhile, what was found may be out of date already.
    if (began === generation)
      remembered.set(key, { account: found, until: now() + REMEMBERED_FOR });
    return found;
  }

  return {
    identify(credential, clientAddress) {
      const { user, password } = credential;
      const key = createHmac('sha256', secret).update(`${user}\0${password}`).digest('latin1');
      const recalled = recall(key);
      if (recalled !== undefined) return recalled;
      throttle.check(user, clientAddress);
      const known = checking.get(key);
      if (known !== undefined) return known;
      const running = checkAndRemember(key, credential, clientAddress).finally(() => {
        if (checking.get(key) === running) checking.delete(key);
      });
      checking.set(key, running);
      return running;
    },
    async find(user) {
      await users.refresh();
      const hashed = users.value.hashes.get(user);
      return hashed === undefined ? undefined : account(user, hashed);
    },
    has: (user) => users.value.hashes.has(user),
    forget() {
      generation++;
      remembered.clear();
      checking.clear();
    },
  };
}
