/** What own tokens and those of outside issuers have in common when they are read. */
import { errors, type JWTPayload } from 'jose';
import { AuthenticationError, TokenExpiredError } from './errors.ts';
import type { AccessEntry } from './scopes.ts';

/** A token whose signature and claims have been checked. */
export interface VerifiedToken {
  /** The `sub` claim; '' when it is absent. */
  readonly subject: string;
  readonly access: readonly AccessEntry[];
  /** Milliseconds since the epoch. */
  readonly expires: number;
}

function isEntry(value: unknown): value is AccessEntry {
  if (typeof value !== 'object' || value === null) return false;
  const { type, name, actions } = value as Partial<Record<keyof AccessEntry, unknown>>;
  if (typeof type !== 'string' || typeof name !== 'string' || !Array.isArray(actions)) return false;
  return actions.every((action) => typeof action === 'string');
}

/**
 * Takes the claims out of a checked payload. Entries of `access` that are malformed grant nothing.
 * @param payload - with an `exp` that is a number
 * @throws AuthenticationError when the subject is not text
 */
export function readClaims(payload: JWTPayload): VerifiedToken {
  const subject: unknown = payload.sub ?? '';
  if (typeof subject !== 'string') {
    throw new AuthenticationError('the token is not valid: "sub" is no text', 'invalid_token');
  }
  const access = Array.isArray(payload.access) ? payload.access.filter(isEntry) : [];
  return { subject, access, expires: payload.exp! * 1000 };
}

/**
 * The error that a client gets for a token that was refused. It may say why: no claim of the token is
 * news to its bearer, and a signature is no secret that could be guessed step by step.
 */
export function tokenError(error: unknown): AuthenticationError {
  if (error instanceof AuthenticationError) return error;
  if (error instanceof errors.JWTExpired) return new TokenExpiredError();
  const isClaim = error instanceof errors.JWTClaimValidationFailed;
  const message = `the token is not valid${isClaim ? `: ${error.message}` : ''}`;
  return new AuthenticationError(message, 'invalid_token');
}
