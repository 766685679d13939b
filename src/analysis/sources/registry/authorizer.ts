/**
 * Logging in to a registry: Basic (RFC 7617), or tokens of a token server that the registry names
 * (Docker's documentation of its registry, "Token authentication specification" and, for identity
 * tokens, "OAuth2 token authentication").
 */
import { LRUCache } from 'lru-cache';
import { SourceError } from '../errors.ts';
import { type Challenge, parseChallenges } from './challenge.ts';
import type { Credentials } from './credentials.ts';
import { RefusedError, shown } from './errors.ts';
import type { WholeAnswer } from './exchange.ts';
import { accessHint } from './hints.ts';

/** Tokens that are kept at the same time; each repository has one of its own. */
const MAX_TOKENS = 500;
/** Seconds for which a token holds when its server does not say (specification, "expires_in"). */
const DEFAULT_LIFE = 60;
/** Of its life a token is used; the rest is for the way. */
const USED_SHARE = 0.9;
/** What may stand in a header, and not longer than servers take. */
const TOKEN = /^[\x21-\x7e]{1,16384}$/;
const MAX_ANSWER = 1024 * 1024;

/** A request for a token; the sender tries again and checks the transport. */
export interface TokenRequest {
  readonly url: URL;
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly content?: string;
  /** Bytes of the longest answer. */
  readonly limit: number;
  readonly signal: AbortSignal;
}

/** What an authorizer is made of. */
export interface AuthorizerOptions {
  /** Of the registry, with its port. */
  readonly host: string;
  readonly credentials: Credentials | undefined;
  /** What else to say when access is denied. */
  readonly note: string | undefined;
  /** Returns answers of status 2xx, 401, 403 and 404; throws for all others. */
  readonly send: (request: TokenRequest) => Promise<WholeAnswer>;
}

/** Values of the Authorization header of one registry. */
export interface Authorizer {
  /** What to send; undefined until the registry has asked for something. */
  header(scope: string, signal: AbortSignal): Promise<string | undefined>;
  /**
   * After a 401: something other than what was sent.
   * @param sent - the value that was refused
   * @throws RefusedError when there is no way
   */
  renew(
    scope: string,
    challenge: string,
    sent: string | undefined,
    signal: AbortSignal,
  ): Promise<string>;
}

interface TokenServer {
  readonly realm: URL;
  readonly service: string | undefined;
}

interface Token {
  readonly header: string;
  /** Milliseconds of `performance.now()`, so that a clock that is set does not matter. */
  readonly until: number;
}

function basicOf(credentials: Credentials | undefined): string | undefined {
  if (credentials === undefined || !('username' in credentials)) return undefined;
  const { username, password } = credentials;
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

function tokenServerOf({ parameters }: Challenge): TokenServer {
  const text = parameters.get('realm') ?? '';
  const realm = URL.parse(text);
  if (realm === null) throw new SourceError(`the token server has no address: ${shown(text)}`);
  return { realm, service: parameters.get('service') };
}

function readToken(answer: WholeAnswer, host: string): Token {
  let json: Readonly<Record<string, unknown>> | null;
  try {
    json = JSON.parse(answer.body.toString('utf8'));
  } catch {
    throw new SourceError(`${host} answers without a token`);
  }
  const value = json?.token ?? json?.access_token;
  if (typeof value !== 'string' || !TOKEN.test(value)) {
    throw new SourceError(`${host} answers without a token`);
  }
  const life = json?.expires_in;
  const seconds = typeof life === 'number' && life > 0 ? life : DEFAULT_LIFE;
  return {
    header: `Bearer ${value}`,
    until: performance.now() + seconds * 1000 * USED_SHARE,
  };
}

/** What helps when access is denied. */
export function loginHint({
  credentials,
  note,
}: Pick<AuthorizerOptions, 'credentials' | 'note'>): string {
  return note ?? (credentials === undefined ? 'give name and password' : 'check name and password');
}

/** Creates an authorizer for one registry. */
export function createAuthorizer({ host, credentials, note, send }: AuthorizerOptions): Authorizer {
  const tokens = new LRUCache<string, Token>({ max: MAX_TOKENS });
  const underWay = new Map<string, Promise<string>>();
  let server: TokenServer | undefined;
  let isBasic = false;

  function refused(what: string, status: number): RefusedError {
    const hint = accessHint(host, { credentials, note });
    return new RefusedError(`${what}; ${loginHint({ credentials, note })}`, status, hint);
  }

  function requestFor(
    { realm, service }: TokenServer,
    scope: string,
  ): Omit<TokenRequest, 'signal'> {
    const url = new URL(realm);
    const limit = MAX_ANSWER;
    if (credentials !== undefined && 'identityToken' in credentials) {
      const form = new URLSearchParams({
        grant_type: 'refresh_token',
        refresh_token: credentials.identityToken,
        client_id: 'stowage',
        scope,
        ...(service === undefined ? {} : { service }),
      });
      const headers = { 'content-type': 'application/x-www-form-urlencoded' };
      return { url, method: 'POST', headers, content: form.toString(), limit };
    }
    if (service !== undefined) url.searchParams.set('service', service);
    url.searchParams.set('scope', scope);
    const basic = basicOf(credentials);
    const headers = basic === undefined ? {} : { authorization: basic };
    return { url, method: 'GET', headers, limit };
  }

  async function fetchToken(
    from: TokenServer,
    scope: string,
    signal: AbortSignal,
  ): Promise<string> {
    const request = requestFor(from, scope);
    const answer = await send({ ...request, signal });
    if (answer.status < 200 || answer.status > 299) {
      throw refused(`${from.realm.host} gives no token for ${shown(scope)}`, answer.status);
    }
    const token = readToken(answer, from.realm.host);
    tokens.set(scope, token);
    return token.header;
  }

  /** Who needs the same token waits for the same request. */
  function sharedToken(from: TokenServer, scope: string, signal: AbortSignal): Promise<string> {
    const running = underWay.get(scope);
    if (running !== undefined) return running;
    const started = fetchToken(from, scope, signal).finally(() => underWay.delete(scope));
    underWay.set(scope, started);
    return started;
  }

  function tokenAtHand(scope: string): string | undefined {
    const token = tokens.get(scope);
    return token !== undefined && token.until > performance.now() ? token.header : undefined;
  }

  return {
    async header(scope, signal) {
      if (isBasic) return basicOf(credentials);
      if (server === undefined) return undefined;
      return tokenAtHand(scope) ?? (await sharedToken(server, scope, signal));
    },
    async renew(scope, challenge, sent, signal) {
      const challenges = parseChallenges(challenge);
      const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
      if (bearer !== undefined) {
        server = tokenServerOf(bearer);
        const other = tokenAtHand(scope);
        if (other !== undefined && other !== sent) return other;
        return sharedToken(server, scope, signal);
      }
      const basic = basicOf(credentials);
      if (!challenges.some(({ scheme }) => scheme === 'basic')) {
        throw refused('the registry asks for a way to log in that is not known here', 401);
      }
      if (basic === undefined || basic === sent) throw refused('access is denied', 401);
      isBasic = true;
      return basic;
    },
  };
}
