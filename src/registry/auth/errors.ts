/**
 * What can go wrong between a credential and an access object. All of them are protocol errors, so
 * that a handler without special knowledge still answers with the right status and headers.
 */
import { OciError } from '../../oci/errors.ts';

/** A credential that is malformed, wrong, forged or expired. Answer 401 with a challenge. */
export class AuthenticationError extends OciError {
  /**
   * What the challenge should say in `error`; absent where the standards give no value for it
   * (RFC 6750, section 3.1, speaks of tokens only).
   */
  readonly challengeError: 'invalid_token' | undefined;

  /** @param message - for logs and the client; never says whether a user exists */
  constructor(message: string, challengeError?: 'invalid_token') {
    super('UNAUTHORIZED', { message });
    this.challengeError = challengeError;
  }
}

/**
 * A token that was good until it expired. Clients keep theirs until they are told so: an ordinary part
 * of the conversation, and no attempt at anything.
 */
export class TokenExpiredError extends AuthenticationError {
  constructor() {
    super('the token has expired', 'invalid_token');
  }
}

/** Log-ins of this client or user are being slowed after failures: 429 with Retry-After. */
export class TooManyAttemptsError extends OciError {
  readonly retryAfterSeconds: number;

  constructor(retryAfterSeconds: number) {
    super('TOOMANYREQUESTS', {
      message: 'too many failed log-ins, try again later',
      headers: { 'Retry-After': String(retryAfterSeconds) },
    });
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** The server cannot check the credential now; it says nothing about the credential: 503. */
export class AuthenticationBusyError extends OciError {
  readonly retryAfterSeconds: number;

  constructor(retryAfterSeconds: number, message = 'too many log-ins are waiting') {
    super('UNAVAILABLE', { message, headers: { 'Retry-After': String(retryAfterSeconds) } });
    this.retryAfterSeconds = retryAfterSeconds;
  }
}
