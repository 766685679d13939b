/**
 * The access objects that handlers ask. One class for every kind of subject keeps the questions on
 * the hot path monomorphic; what differs between kinds is data.
 */
import { type ActionMask, bitOf } from './actions.ts';
import { type SubjectRules, UNLIMITED } from './policies.ts';
import type { RequestedScopes } from './scopes.ts';
import type { Access, Action, Right } from './types.ts';

/** What a token was issued for; absent for credentials that are not narrowed. */
interface Scope {
  readonly names: readonly string[];
  readonly masks: readonly ActionMask[];
  readonly rights: ReadonlySet<Right>;
}

/** Where a new credential of the same client could come from, see {@link worthAsking}. */
type Gain = 'nothing' | 'policies' | 'anything';

class GrantedAccess implements Access {
  readonly subject: string;
  readonly rules: SubjectRules;
  readonly scope: Scope | undefined;
  readonly gain: Gain;

  constructor(subject: string, rules: SubjectRules, scope: Scope | undefined, gain: Gain) {
    this.subject = subject;
    this.rules = rules;
    this.scope = scope;
    this.gain = gain;
    Object.freeze(this);
  }

  can(action: Action, repository: string): boolean {
    const scope = this.scope;
    if (scope === undefined) return (this.rules.allowed(repository) & bitOf(action)) !== 0;
    // Tokens name one or two repositories, so a walk beats a map.
    const names = scope.names;
    for (let i = 0; i < names.length; i++) {
      if (names[i] === repository) return (scope.masks[i]! & bitOf(action)) !== 0;
    }
    return false;
  }

  mayEver(action: Action, repository: string): boolean {
    return (this.rules.allowed(repository) & bitOf(action)) !== 0;
  }

  has(right: Right): boolean {
    return (this.scope === undefined || this.scope.rights.has(right)) && this.rules.has(right);
  }
}

/** What everybody gets when no authentication is configured. */
export const OPEN_ACCESS: Access = new GrantedAccess('', UNLIMITED, undefined, 'nothing');

/** What the token of the address file gives. */
export const LOCAL_ACCESS: Access = new GrantedAccess('local', UNLIMITED, undefined, 'nothing');

/** Access of a request without any credential. */
export function anonymousAccess(rules: SubjectRules): Access {
  return new GrantedAccess('', rules, undefined, 'anything');
}

/** Access of a user that sent name and password: all that the policies give. */
export function userAccess(subject: string, rules: SubjectRules): Access {
  return new GrantedAccess(subject, rules, undefined, 'nothing');
}

/** The part of what was asked for that the rules allow. */
export function intersect(asked: RequestedScopes, rules: SubjectRules): RequestedScopes {
  const repositories = new Map<string, ActionMask>();
  for (const [name, mask] of asked.repositories) {
    const granted = mask & rules.allowed(name);
    if (granted !== 0) repositories.set(name, granted);
  }
  const rights = new Set([...asked.rights].filter((right) => rules.has(right)));
  return { repositories, rights };
}

/** Access by a token of the built-in service: its scope, as far as today's policies allow it. */
export function tokenAccess(subject: string, rules: SubjectRules, scopes: RequestedScopes): Access {
  const { repositories, rights } = intersect(scopes, rules);
  const scope = { names: [...repositories.keys()], masks: [...repositories.values()], rights };
  return new GrantedAccess(subject, rules, scope, subject === '' ? 'anything' : 'policies');
}

/**
 * Access by a token of an outside issuer. The issuer decides what its users may do, so the token is
 * all that is known, and only the issuer can tell whether the next token would hold more.
 */
export function outsideAccess(subject: string, scopes: RequestedScopes): Access {
  const { repositories, rights } = scopes;
  const rules: SubjectRules = {
    allowed: (repository) => repositories.get(repository) ?? 0,
    has: (right) => rights.has(right),
  };
  return new GrantedAccess(subject, rules, undefined, 'anything');
}

/**
 * Whether a request that lacks an action should be answered 401 with a challenge: true when logging
 * in, or asking for another token, could give it. Otherwise 403, or 404 where the repository may not
 * be known to exist. For tokens of outside issuers this is more than `mayEver` says.
 */
export function worthAsking(access: Access, action: Action, repository: string): boolean {
  if (!(access instanceof GrantedAccess)) return access.mayEver(action, repository);
  if (access.gain === 'nothing') return false;
  return access.gain === 'anything' || access.mayEver(action, repository);
}

/** The same as {@link worthAsking} for a right that belongs to no repository. */
export function worthAskingForRight(access: Access, right: Right): boolean {
  if (!(access instanceof GrantedAccess) || access.gain === 'nothing') return false;
  return access.gain === 'anything' || access.rules.has(right);
}
