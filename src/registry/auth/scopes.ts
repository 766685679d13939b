/**
 * The scopes of the Docker token protocol: read from token requests, written into tokens and
 * challenges. Reading never fails, because the protocol grants the intersection of what was asked
 * and what is allowed, and text that means nothing asks for nothing.
 */
import { isRepositoryName } from '../../oci/name.ts';
import { type ActionMask, maskOf, NO_ACTIONS, namesOf } from './actions.ts';
import type { Right } from './types.ts';

/** Scopes looked at in one token request; more would make tokens longer than a header may be. */
export const MAX_SCOPES = 32;

/** What a token request asks for. */
export interface RequestedScopes {
  readonly repositories: ReadonlyMap<string, ActionMask>;
  readonly rights: ReadonlySet<Right>;
}

/** One entry of a token's `access` claim. */
export interface AccessEntry {
  readonly type: string;
  readonly name: string;
  readonly actions: readonly string[];
}

/** One scope, split at its first and its last colon, since the name between may hold colons. */
export function parseScope(scope: string): AccessEntry | undefined {
  const first = scope.indexOf(':');
  const last = scope.lastIndexOf(':');
  if (first <= 0 || last === first) return undefined;
  const actions = scope.slice(last + 1).split(',');
  return { type: scope.slice(0, first), name: scope.slice(first + 1, last), actions };
}

function isRight(name: string): name is Right {
  return name === 'admin' || name === 'metrics' || name === 'catalog';
}

/** Docker names a class in brackets for plug-ins, `repository(plugin)`; the class is not ours. */
function isRepositoryType(type: string): boolean {
  return type === 'repository' || (type.startsWith('repository(') && type.endsWith(')'));
}

/** Adds up entries of an `access` claim or of parsed scopes; what has no meaning here is left out. */
export function collectAccess(entries: Iterable<AccessEntry>): RequestedScopes {
  const repositories = new Map<string, ActionMask>();
  const rights = new Set<Right>();
  for (const { type, name, actions } of entries) {
    if (isRepositoryType(type)) {
      const mask = maskOf(actions);
      if (mask === NO_ACTIONS || !isRepositoryName(name)) continue;
      repositories.set(name, mask | (repositories.get(name) ?? NO_ACTIONS));
    } else if (type === 'registry' && isRight(name) && actions.includes('*')) {
      rights.add(name);
    }
  }
  return { repositories, rights };
}

/**
 * Reads the `scope` parameters of a token request. Each value may hold several scopes with spaces
 * between them. Scopes beyond {@link MAX_SCOPES} are not looked at.
 */
export function parseScopes(values: readonly string[]): RequestedScopes {
  const entries: AccessEntry[] = [];
  let seen = 0;
  for (const value of values) {
    for (const scope of value.split(' ')) {
      if (scope === '') continue;
      if (++seen > MAX_SCOPES) return collectAccess(entries);
      const entry = parseScope(scope);
      if (entry !== undefined) entries.push(entry);
    }
  }
  return collectAccess(entries);
}

/** The `access` claim for what was granted. */
export function toAccessEntries(granted: RequestedScopes): AccessEntry[] {
  const entries: AccessEntry[] = [];
  for (const [name, mask] of granted.repositories) {
    entries.push({ type: 'repository', name, actions: namesOf(mask) });
  }
  for (const name of granted.rights) entries.push({ type: 'registry', name, actions: ['*'] });
  return entries;
}

/** The `scope` text for entries, as challenges and OAuth2 answers carry it. */
export function formatScopes(entries: Iterable<AccessEntry>): string {
  const parts: string[] = [];
  for (const { type, name, actions } of entries) parts.push(`${type}:${name}:${actions.join(',')}`);
  return parts.join(' ');
}
