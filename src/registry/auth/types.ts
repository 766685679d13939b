/**
 * The contract between the request handlers and everything that knows about credentials, so that
 * handlers ask "may this request do that" and never see a password, a token or a policy.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';

/** What can be done to a repository; the names are those of the Docker token protocol. */
export type Action = 'pull' | 'push' | 'delete';

/** Rights that are not tied to one repository. */
export type Right = 'admin' | 'metrics' | 'catalog';

/** Access to one repository, as named in a challenge. */
export interface ScopeRequest {
  readonly repository: string;
  readonly actions: readonly Action[];
}

/** A right as named in a challenge, so that the next token can hold it. */
interface RightRequest {
  readonly right: Right;
}

/** What the next credential should be good for. */
export type ChallengeScope = ScopeRequest | RightRequest;

/** What one authenticated request may do. Immutable; one object per cached credential. */
export interface Access {
  /**
   * Stable id of the subject: '' for anonymous, 'user:NAME', 'local' for the token of the address
   * file, 'issuer:ISSUER:SUBJECT' (the issuer percent-encoded) for tokens of outside issuers. Upload
   * sessions are bound to it.
   */
  readonly subject: string;
  /** May this request do it: the token's scope, if any, intersected with the subject's policies. */
  can(action: Action, repository: string): boolean;
  /** By the subject's policies alone, whatever the token's scope (needed for anonymous mounts). */
  mayEver(action: Action, repository: string): boolean;
  has(right: Right): boolean;
}

/** Where the client believes it is talking to; used to build the realm of a challenge. */
export interface Origin {
  readonly host: string;
  readonly secure: boolean;
}

/** Turns the Authorization header of a request into an {@link Access}. */
export interface Authenticator {
  /** True when no authentication is configured: every request gets full access. */
  readonly open: boolean;
  /**
   * Synchronous for anonymous requests and cached credentials, a promise otherwise. Errors are
   * thrown or rejected with accordingly.
   * @throws AuthenticationError for a bad, expired or forged credential
   * @throws TooManyAttemptsError when log-ins of this client or user are being slowed
   * @throws AuthenticationBusyError when the credential cannot be checked now
   */
  authenticate(authorization: string | undefined, clientAddress: string): Access | Promise<Access>;
  /** Value of WWW-Authenticate for a 401 on these scopes. */
  challenge(
    scopes: readonly ChallengeScope[],
    origin: Origin,
    error?: 'invalid_token' | 'insufficient_scope',
  ): string;
  /**
   * Serves GET and POST /token, errors included; null when the token service is off. It may change
   * when the configuration is reloaded: look each time.
   */
  readonly tokenEndpoint:
    | ((req: IncomingMessage, res: ServerResponse, clientAddress: string) => Promise<void>)
    | null;
  close(): Promise<void>;
}
