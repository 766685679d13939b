/** Turns "may this request do that" into the answers of the protocol (decisions 4 and 5). */
import { OciError } from '../../oci/errors.ts';
import { isRepositoryName } from '../../oci/name.ts';
import { mayPull } from '../admin/visibility.ts';
import { worthAsking, worthAskingForRight } from '../auth/access.ts';
import type { Action, ChallengeScope, Right } from '../auth/types.ts';
import type { Exchange } from './exchange.ts';

/** What a challenge is made from. */
type Asker = Pick<Exchange, 'app' | 'req'>;

/** 401 with a challenge that names what the request lacks. */
export function unauthorized(
  exchange: Asker,
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

/** What an action takes, and what the same request needs beyond it: a mount reads its source. */
function scopesFor(exchange: Exchange, action: Action, repository: string): ChallengeScope[] {
  const scopes: ChallengeScope[] = [{ repository, actions: SCOPES[action] }];
  if (exchange.target.kind !== 'uploads' || exchange.query('mount') === undefined) return scopes;
  const from = exchange.query('from');
  if (from !== undefined && from !== repository && isRepositoryName(from)) {
    scopes.push({ repository: from, actions: ['pull'] });
  }
  return scopes;
}

/**
 * All that the request needs. Clients whose credential was no good ask for it anew, and some of them
 * know only from the challenge what to ask for.
 */
export function neededScopes(exchange: Exchange): ChallengeScope[] {
  const { method, isHead } = exchange;
  const { kind, name } = exchange.target;
  switch (kind) {
    case 'catalog':
    case 'metrics':
    case 'admin':
      return [{ right: kind }];
    case 'manifest':
    case 'blob':
    case 'tags':
    case 'referrers':
    case 'uploads':
    case 'upload': {
      if (!isRepositoryName(name)) return [];
      const isUpload = kind === 'uploads' || kind === 'upload';
      if (!isUpload && method === 'DELETE') return scopesFor(exchange, 'delete', name);
      const reads = !isUpload && (isHead || method === 'GET');
      return scopesFor(exchange, reads ? 'pull' : 'push', name);
    }
    default:
      return [];
  }
}

/** Whether the request may do `action`. What may not be read counts as missing. */
export function allows(exchange: Exchange, action: Action, repository: string): boolean {
  const { access } = exchange;
  if (access.can(action, repository)) return true;
  if (worthAsking(access, action, repository)) {
    const error = access.subject === '' ? undefined : 'insufficient_scope';
    throw unauthorized(exchange, scopesFor(exchange, action, repository), error);
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

/**
 * For pushes: a repository that may not be read may not be written to either, which is no secret.
 * @throws OciError UNAUTHORIZED with a challenge, or DENIED
 */
export function requirePush(exchange: Exchange, repository: string): void {
  if (allows(exchange, 'push', repository)) return;
  throw new OciError('DENIED', { detail: { repository } });
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

/**
 * Makes sure that files of a repository may be shown.
 * @param repository - undefined for a search in all that may be pulled from: for that one has to have
 *   logged in, so that those who log in only when they are asked to find what they may see
 * @throws OciError UNAUTHORIZED with a challenge, or NAME_UNKNOWN as if it were missing
 */
export function requireFiles(
  exchange: Asker & Pick<Exchange, 'access'>,
  repository: string | undefined,
): void {
  const { access } = exchange;
  if (repository === undefined) {
    if (access.subject === '' && !exchange.app.authenticator.open) throw unauthorized(exchange, []);
    return;
  }
  if (mayPull(access, repository)) return;
  if (!worthAsking(access, 'pull', repository)) throw new OciError('NAME_UNKNOWN');
  const error = access.subject === '' ? undefined : 'insufficient_scope';
  throw unauthorized(exchange, [{ repository, actions: SCOPES.pull }], error);
}

/**
 * Makes sure that the request has a right that belongs to no repository.
 * @throws OciError UNAUTHORIZED with a challenge, DENIED
 */
export function requireRight(exchange: Asker & Pick<Exchange, 'access'>, right: Right): void {
  const { access } = exchange;
  if (access.has(right)) return;
  if (!worthAskingForRight(access, right)) throw new OciError('DENIED', { detail: { right } });
  const error = access.subject === '' ? undefined : 'insufficient_scope';
  throw unauthorized(exchange, [{ right }], error);
}
