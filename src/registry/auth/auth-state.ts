/** Everything that follows from one configuration; a reload makes a new one and drops the old. */
import { timingSafeEqual } from 'node:crypto';
import { anonymousAccess, LOCAL_ACCESS, OPEN_ACCESS } from './access.ts';
import type { TokenParties } from './access-token.ts';
import type { BcryptPool } from './bcrypt-pool.ts';
import type { ChallengeSettings } from './challenge.ts';
import type { AuthConfig, TokenConfig } from './config-types.ts';
import { parseAuthorization } from './credentials.ts';
import { AuthenticationError } from './errors.ts';
import { isOpen } from './is-open.ts';
import type { LoginThrottle } from './login-throttle.ts';
import { createPasswordLogin, type PasswordLogin } from './password-login.ts';
import { compilePolicies } from './policies.ts';
import type { SigningKey } from './signing-key.ts';
import { createTokenEndpoint } from './token-endpoint.ts';
import { createTokenService } from './token-service.ts';
import { createTokenVerifier } from './token-verifier.ts';
import { openTrustedIssuer, type TrustedIssuer } from './trusted-issuer.ts';
import type { Access, Authenticator } from './types.ts';
import { openUserFile, type Users } from './user-file.ts';
import type { AuthLogger, WatchedFile } from './watched-file.ts';

const DEFAULT_NAME = 'stowage';
const DEFAULT_ACCESS_TTL = 5 * 60_000;
const DEFAULT_REFRESH_TTL = 30 * 24 * 60 * 60_000;

/** What outlives configurations. */
export interface Surroundings {
  /** Token of the address file. */
  readonly localToken: string;
  readonly logger: AuthLogger;
  readonly now: () => number;
  readonly pool: BcryptPool;
  readonly throttle: LoginThrottle;
  /** Secret of the process. */
  readonly secret: Uint8Array;
  /** Loads the signing key, or makes it on the first call. */
  readonly signingKey: () => Promise<SigningKey>;
}

/** One configuration at work. */
export interface AuthState {
  readonly open: boolean;
  readonly challenge: ChallengeSettings;
  readonly tokenEndpoint: Authenticator['tokenEndpoint'];
  readonly authenticate: Authenticator['authenticate'];
  close(): void;
}

function isSame(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length > 0 && left.length === right.length && timingSafeEqual(left, right);
}

function openState(localToken: string): AuthState {
  return {
    open: true,
    challenge: { kind: 'basic', service: DEFAULT_NAME },
    tokenEndpoint: null,
    // Clients send what they have; without users no credential can be wrong.
    authenticate(authorization) {
      if (!authorization?.startsWith('Bearer ')) return OPEN_ACCESS;
      return isSame(authorization.slice(7), localToken) ? LOCAL_ACCESS : OPEN_ACCESS;
    },
    close: () => undefined,
  };
}

/** Things that have to be closed when the state goes, or does not come to be. */
interface Closable {
  close(): void;
}

async function openIssuers(
  token: TokenConfig | undefined,
  parties: TokenParties,
  around: Surroundings & { readonly forget: () => void; readonly closables: Closable[] },
): Promise<Map<string, TrustedIssuer>> {
  const issuers = new Map<string, TrustedIssuer>();
  for (const config of token?.trusted ?? []) {
    const { issuer } = config;
    if (issuers.has(issuer) || (token?.enabled && issuer === parties.issuer)) {
      throw new Error(`auth.token: two issuers have the name ${issuer}`);
    }
    const { logger, now, forget, closables } = around;
    const opened = await openTrustedIssuer(config, parties.service, {
      logger,
      now,
      onChange: forget,
    });
    closables.push(opened);
    issuers.set(issuer, opened);
  }
  return issuers;
}

function challengeOf(config: AuthConfig, service: string): ChallengeSettings {
  const { token, htpasswd, externalUrl } = config;
  if (token?.enabled) return { kind: 'own', service, externalUrl };
  if (token?.realm !== undefined) return { kind: 'outside', service, realm: token.realm };
  if (htpasswd !== undefined || token === undefined) return { kind: 'basic', service };
  return { kind: 'outside', service };
}

async function closedState(
  config: AuthConfig,
  around: Surroundings,
  closables: Closable[],
): Promise<AuthState> {
  const { localToken, logger, now, pool, throttle, secret } = around;
  const { token } = config;
  const parties: TokenParties = {
    issuer: token?.issuer ?? DEFAULT_NAME,
    service: token?.service ?? DEFAULT_NAME,
  };
  const policies = compilePolicies(config);
  const forgetters: (() => void)[] = [];
  const forget = (): void => {
    for (const each of forgetters) each();
  };

  let users: WatchedFile<Users> | undefined;
  if (config.htpasswd !== undefined) {
    users = await openUserFile({ path: config.htpasswd, logger, onChange: forget });
    closables.push(users);
  }
  const login: PasswordLogin | undefined =
    users && createPasswordLogin({ users, policies, pool, throttle, secret, logger, now });
  const issuers = await openIssuers(token, parties, { ...around, forget, closables });
  const key = token?.enabled ? await around.signingKey() : undefined;
  const tokens = createTokenVerifier({
    own: key && { key, parties },
    issuers,
    policies,
    userExists: (user) => login?.has(user) === true,
    now,
  });
  forgetters.push(tokens.forget);
  if (login !== undefined) forgetters.push(login.forget);
  const anonymous = anonymousAccess(policies.anonymous);

  function check(authorization: string, clientAddress: string): Access | Promise<Access> {
    const credential = parseAuthorization(authorization);
    if (credential.scheme === 'bearer') {
      if (isSame(credential.token, localToken)) return LOCAL_ACCESS;
      return tokens.verify(authorization, credential.token);
    }
    if (login === undefined) throw new AuthenticationError('there are no users here');
    const account = login.identify(credential, clientAddress);
    return account instanceof Promise ? account.then(({ access }) => access) : account.access;
  }

  const service =
    key &&
    createTokenService({
      key,
      parties,
      policies,
      login,
      accessTtl: token?.accessTtl ?? DEFAULT_ACCESS_TTL,
      refreshTtl: token?.refreshTtl ?? DEFAULT_REFRESH_TTL,
      now,
    });
  return {
    open: false,
    challenge: challengeOf(config, parties.service),
    tokenEndpoint:
      service === undefined
        ? null
        : createTokenEndpoint({ service, serviceName: parties.service, login }),
    authenticate(authorization, clientAddress) {
      if (authorization === undefined) return anonymous;
      return tokens.recall(authorization) ?? check(authorization, clientAddress);
    },
    close() {
      for (const each of closables) each.close();
    },
  };
}

/**
 * Puts a configuration to work.
 * @throws when a file that it names cannot be used, or issuers are named twice
 */
export async function openAuthState(config: AuthConfig, around: Surroundings): Promise<AuthState> {
  if (isOpen(config)) return openState(around.localToken);
  const closables: Closable[] = [];
  try {
    return await closedState(config, around, closables);
  } catch (error) {
    for (const each of closables) each.close();
    throw error;
  }
}
