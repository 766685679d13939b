/**
 * The value of WWW-Authenticate (RFC 9110, 11.6.1; RFC 7617; RFC 6750, 3), which tells a client where
 * and for what to log in. Parts of it come from the request, so all of it is quoted with care.
 */
import { type AccessEntry, formatScopes } from './scopes.ts';
import type { ChallengeScope, Origin } from './types.ts';

/** How clients of this registry log in. */
export interface ChallengeSettings {
  /** `basic` for name and password, `own` for the built-in token service, `outside` for another. */
  readonly kind: 'basic' | 'own' | 'outside';
  readonly service: string;
  /** Base URL of this registry, for the built-in service. Default: where the request went to. */
  readonly externalUrl?: string | undefined;
  /** URL of the outside token server; without one, clients must know for themselves. */
  readonly realm?: string | undefined;
}

/** A quoted-string (RFC 9110, 5.6.4) of what may stand in a header: visible ASCII and spaces. */
export function quote(text: string): string {
  let out = '"';
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c < 0x20 || c > 0x7e) continue;
    if (c === 0x22 || c === 0x5c) out += '\\';
    out += text[i];
  }
  return `${out}"`;
}

/** A Host header that could lead the client astray is not repeated to it. */
function isHost(host: string): boolean {
  return host.length <= 260 && /^[A-Za-z0-9._~:[\]-]+$/.test(host);
}

function ownRealm(settings: ChallengeSettings, origin: Origin): string {
  const { externalUrl } = settings;
  if (externalUrl !== undefined) return `${externalUrl.replace(/\/+$/, '')}/token`;
  const host = isHost(origin.host) ? origin.host : 'localhost';
  return `${origin.secure ? 'https' : 'http'}://${host}/token`;
}

function toEntry(scope: ChallengeScope): AccessEntry {
  return 'right' in scope
    ? { type: 'registry', name: scope.right, actions: ['*'] }
    : { type: 'repository', name: scope.repository, actions: scope.actions };
}

/** The value for Basic, also at the token endpoint. */
export function basicChallenge(service: string): string {
  return `Basic realm=${quote(service)}, charset="UTF-8"`;
}

/** The value for a request that lacks `scopes`. */
export function formatChallenge(
  settings: ChallengeSettings,
  scopes: readonly ChallengeScope[],
  origin: Origin,
  error?: 'invalid_token' | 'insufficient_scope',
): string {
  const { kind, service } = settings;
  if (kind === 'basic') return basicChallenge(service);
  const realm = kind === 'own' ? ownRealm(settings, origin) : settings.realm;
  const parts: string[] = [];
  if (realm !== undefined) parts.push(`realm=${quote(realm)}`);
  parts.push(`service=${quote(service)}`);
  if (scopes.length > 0) parts.push(`scope=${quote(formatScopes(scopes.map(toEntry)))}`);
  if (error !== undefined) parts.push(`error=${quote(error)}`);
  return `Bearer ${parts.join(',')}`;
}
