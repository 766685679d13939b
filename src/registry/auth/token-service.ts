/**
 * The built-in token service: turns proven identities into tokens. What is granted is what was asked
 * for as far as the policies go; less than was asked for is no error in Docker's token protocol.
 */
import { intersect } from './access.ts';
import { signAccessToken, type TokenParties } from './access-token.ts';
import { AuthenticationError } from './errors.ts';
import type { Account, PasswordLogin } from './password-login.ts';
import type { Policies, SubjectRules } from './policies.ts';
import { isBoundTo, signRefreshToken, verifyRefreshToken } from './refresh-token.ts';
import { type AccessEntry, type RequestedScopes, toAccessEntries } from './scopes.ts';
import type { SigningKey } from './signing-key.ts';

/** What was issued. */
export interface IssuedTokens {
  readonly accessToken: string;
  readonly granted: readonly AccessEntry[];
  /** Seconds since the epoch. */
  readonly issuedAt: number;
  /** Lifetime of the access token in seconds. */
  readonly expiresIn: number;
  readonly refreshToken: string | undefined;
}

/** How the service works. */
export interface TokenServiceOptions {
  readonly key: SigningKey;
  readonly parties: TokenParties;
  readonly policies: Policies;
  /** Absent when there are no users: all tokens are then anonymous. */
  readonly login: PasswordLogin | undefined;
  /** Milliseconds. */
  readonly accessTtl: number;
  /** Milliseconds. */
  readonly refreshTtl: number;
  readonly now: () => number;
}

/** Issues tokens under one configuration. */
export interface TokenService {
  /** A token for somebody who has not logged in. */
  issueAnonymous(asked: RequestedScopes): Promise<IssuedTokens>;
  /** @param withRefresh - whether to issue a refresh token as well */
  issue(account: Account, asked: RequestedScopes, withRefresh: boolean): Promise<IssuedTokens>;
  /**
   * The user that a refresh token was issued to.
   * @throws AuthenticationError when it is forged or expired, or its user or password has changed
   */
  redeem(refreshToken: string): Promise<Account>;
}

function seconds(milliseconds: number): number {
  return Math.max(1, Math.floor(milliseconds / 1000));
}

/** Makes the service. */
export function createTokenService(options: TokenServiceOptions): TokenService {
  const { key, parties, policies, login, now } = options;
  const expiresIn = seconds(options.accessTtl);

  async function issue(
    subject: string,
    rules: SubjectRules,
    asked: RequestedScopes,
    account: Account | undefined,
  ): Promise<IssuedTokens> {
    const issuedAt = Math.floor(now() / 1000);
    const granted = toAccessEntries(intersect(asked, rules));
    const grant = { subject, access: granted, issuedAt, lifetime: expiresIn };
    const accessToken = await signAccessToken(key, parties, grant);
    const refreshToken =
      account &&
      (await signRefreshToken(key, parties, {
        user: account.user,
        passwordHash: account.passwordHash,
        issuedAt,
        lifetime: seconds(options.refreshTtl),
      }));
    return { accessToken, granted, issuedAt, expiresIn, refreshToken };
  }

  return {
    issueAnonymous: (asked) => issue('', policies.anonymous, asked, undefined),
    issue(account, asked, withRefresh) {
      const rules = policies.forUser(account.user);
      return issue(account.user, rules, asked, withRefresh ? account : undefined);
    },
    async redeem(refreshToken) {
      const token = await verifyRefreshToken(key, parties, refreshToken, now());
      const account = await login?.find(token.user);
      if (account === undefined || !isBoundTo(token, key, account.passwordHash)) {
        throw new AuthenticationError('the refresh token has ended: log in again');
      }
      return account;
    },
  };
}
