/**
 * `GET` and `POST /token`: the token protocol of Docker (distribution documentation, "Token
 * Authentication Specification" and "OAuth2 Token Authentication"), over {@link TokenService}.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { OciError } from '../../oci/errors.ts';
import { basicChallenge } from './challenge.ts';
import { parseAuthorization, passwordCredential } from './credentials.ts';
import { AuthenticationError } from './errors.ts';
import { type FormLimits, readForm } from './form-body.ts';
import type { Account, PasswordLogin } from './password-login.ts';
import { formatScopes, parseScopes } from './scopes.ts';
import type { IssuedTokens, TokenService } from './token-service.ts';
import type { Authenticator } from './types.ts';

const FORM_LIMITS: FormLimits = { maxBytes: 64 * 1024, timeout: 10_000 };

/** What the endpoint works with. */
export interface TokenEndpointOptions {
  readonly service: TokenService;
  readonly serviceName: string;
  /** Absent when there are no users. */
  readonly login: PasswordLogin | undefined;
  readonly formLimits?: FormLimits;
}

/** A form that is no OAuth2 request (RFC 6749, 5.2). */
class GrantError extends OciError {
  readonly oauthError: 'invalid_request' | 'unsupported_grant_type';

  constructor(oauthError: 'invalid_request' | 'unsupported_grant_type', message: string) {
    super('UNSUPPORTED', { status: 400, message });
    this.oauthError = oauthError;
  }
}

function send(
  res: ServerResponse,
  status: number,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  res.writeHead(status, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
    ...headers,
  });
  res.end(body);
}

/** Both names of the token: clients read the one or the other. */
function answer(res: ServerResponse, issued: IssuedTokens): void {
  const { accessToken, granted, issuedAt, expiresIn, refreshToken } = issued;
  const body = {
    token: accessToken,
    access_token: accessToken,
    scope: formatScopes(granted),
    expires_in: expiresIn,
    issued_at: new Date(issuedAt * 1000).toISOString(),
    refresh_token: refreshToken,
  };
  send(res, 200, JSON.stringify(body));
}

/** The registry's body for clients of `GET`, with the fields of OAuth2 beside it for those of `POST`. */
function errorBody(error: OciError, isOauth: boolean): string {
  if (!isOauth || error.status >= 429) return error.toJson();
  const name =
    error instanceof GrantError
      ? error.oauthError
      : error instanceof AuthenticationError
        ? 'invalid_grant'
        : 'invalid_request';
  const oauth = { error: name, error_description: error.message };
  return JSON.stringify({ ...oauth, ...(JSON.parse(error.toJson()) as object) });
}

function required(form: URLSearchParams, name: string): string {
  const value = form.get(name);
  if (value !== null && value !== '') return value;
  throw new GrantError('invalid_request', `the field ${name} is missing`);
}

/** Makes the handler; see {@link Authenticator.tokenEndpoint}. */
export function createTokenEndpoint(
  options: TokenEndpointOptions,
): NonNullable<Authenticator['tokenEndpoint']> {
  const { service, serviceName, login, formLimits = FORM_LIMITS } = options;

  async function logIn(user: string, password: string, clientAddress: string): Promise<Account> {
    const credential = passwordCredential(user, password);
    if (login === undefined) throw new AuthenticationError('there are no users here');
    return await login.identify(credential, clientAddress);
  }

  async function get(req: IncomingMessage, clientAddress: string): Promise<IssuedTokens> {
    const url = req.url ?? '';
    const mark = url.indexOf('?');
    const query = new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1));
    const asked = parseScopes(query.getAll('scope'));
    const { authorization } = req.headers;
    if (authorization === undefined) return await service.issueAnonymous(asked);
    const credential = parseAuthorization(authorization);
    if (credential.scheme !== 'basic') {
      throw new AuthenticationError('tokens are issued for a name and a password');
    }
    const account = await logIn(credential.user, credential.password, clientAddress);
    return await service.issue(account, asked, query.get('offline_token') === 'true');
  }

  async function post(req: IncomingMessage, clientAddress: string): Promise<IssuedTokens> {
    const form = await readForm(req, formLimits);
    const asked = parseScopes(form.getAll('scope'));
    switch (form.get('grant_type')) {
      case 'password': {
        const [user, password] = [required(form, 'username'), required(form, 'password')];
        const account = await logIn(user, password, clientAddress);
        return await service.issue(account, asked, form.get('access_type') === 'offline');
      }
      case 'refresh_token': {
        const account = await service.redeem(required(form, 'refresh_token'));
        // A new one each time, so that a client in use never has to log in again.
        return await service.issue(account, asked, true);
      }
      case null:
      case '':
        throw new GrantError('invalid_request', 'the field grant_type is missing');
      default:
        throw new GrantError(
          'unsupported_grant_type',
          'grant_type has to be password or refresh_token',
        );
    }
  }

  return async (req, res, clientAddress) => {
    const isPost = req.method === 'POST';
    try {
      if (!isPost && req.method !== 'GET') {
        throw new OciError('UNSUPPORTED', { headers: { Allow: 'GET, POST' } });
      }
      answer(res, await (isPost ? post(req, clientAddress) : get(req, clientAddress)));
    } catch (error) {
      if (!(error instanceof OciError)) throw error;
      send(res, error.status, errorBody(error, isPost), {
        ...error.headers,
        ...(error.status === 401 && { 'WWW-Authenticate': basicChallenge(serviceName) }),
        // What is left of a body that was refused must not be taken for the next request.
        ...(!req.complete && { Connection: 'close' }),
      });
    }
  };
}
