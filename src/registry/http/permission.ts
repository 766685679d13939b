/** Turns "may this request do that" into the answers of the protocol (decisions 4 and 5). */
import { OciError } from '../../oci/errors.ts';
import { worthAsking } from '../auth/access.ts';
import type { Action, ChallengeScope } from '../auth/types.ts';
import type { Exchange } from './exchange.ts';

/** 401 with a challenge that names what the request lacks. */
export function unauthorized(
  exchange: Exchange,
  scopes: readonly ChallengeScope[],
  error?: 'invalid_token' | 'insufficient_scope',
): OciError {
  const { authenticator, clients } = exchange.app;
  const challenge = authenticator.challenge(scopes, clients.originOf(exchange.req), error);
  return new OciError('UNAUTHORIZED', {
    detail: scopes.map((scope) =>
      'right' in scope
        ? { type: 'registry', name: scope.right, actions: ['*'] }
        : { type: 'repository', name: scope.repository, actions: scope.actions },
    ),
    headers: { 'WWW-Authenticate': challenge },
  });
}

/** Actions to ask for together, because clients need them together. */
const SCOPES: Readonly<Record<Action, readonly Action[]>> = {
  pull: ['pull'],
  push: ['pull', 'push'],
  delete: ['delete'],
};

/** Whether the request may do `action`. What may not be read counts as missing. */
export function allows(exchange: Exchange, action: Action, repository: string): boolean {
  const { access } = exchange;
  if (access.can(action, repository)) return true;
  if (worthAsking(access, action, repository)) {
    const error = access.subject === '' ? undefined : 'insufficient_scope';
    throw unauthorized(exchange, [{ repository, actions: SCOPES[action] }], error);
  }
  if (action === 'pull' || !access.mayEver('pull', repository)) return false;
  throw new OciError('DENIED', { detail: { repository, action } });
}

/**
 * Makes sure that the request may do `action`.
 * @param missing - the answer for a repository that may not even be known to exist
 * @throws OciError UNAUTHORIZED with a challenge, DENIED, or `missing`
 */
export function require(
  exchange: Exchange,
  action: Action,
  repository: string,
  missing: () => OciError,
): void {
  if (!allows(exchange, action, repository)) throw missing();
}

/** For pushes: a repository that may not be read may not be written to either, and that is no secret. */
export function requirePush(exchange: Exchange, repository: string): void {
  require(exchange, 'push', repository, () => new OciError('DENIED', { detail: { repository } }));
}

/**
 * For deletes, which the configuration can turn off altogether.
 * @param missing - the answer for a repository that may not even be known to exist
 * @throws OciError UNSUPPORTED, and what {@link require} throws
 */
export function requireDelete(
  exchange: Exchange,
  repository: string,
  missing: () => OciError,
): void {
  require(exchange, 'delete', repository, missing);
  if (!exchange.app.config.deletes.enabled) {
    throw new OciError('UNSUPPORTED', {
      message: 'deleting is turned off',
      headers: { Allow: 'GET, HEAD' },
    });
  }
}

/** Makes sure that the request has a right that belongs to no repository. */
export function requireRight(exchange: Exchange, right: 'catalog' | 'metrics' | 'admin'): void {
  const { access } = exchange;
  if (access.has(right)) return;
  if (access.subject === '') throw unauthorized(exchange, [{ right }]);
  throw new OciError('DENIED', { detail: { right } });
}
