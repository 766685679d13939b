/** Turns valid settings, in the words of the file, into what the program works with. */
import type { AuthConfig, TokenConfig } from '../auth/config-types.ts';
import { type ListenAddress, parseListenAddress } from './address.ts';
import type { Config, HttpConfig } from './config.ts';
import type { Settings } from './schema.ts';
import { bytes, limitOf, milliseconds, millisecondsOrOff } from './values.ts';

/** The address of a text that the schema took. */
function address(text: string): ListenAddress {
  return parseListenAddress(text)!;
}

function toHttp(http: Settings['http']): HttpConfig {
  const { cert, key } = http.tls ?? {};
  return {
    listen: address(http.listen),
    tls: cert !== undefined && key !== undefined ? { cert, key } : undefined,
    externalUrl: http.external_url === undefined ? undefined : new URL(http.external_url).origin,
    trustedProxies: http.trusted_proxies,
    openAccess: http.open_access,
    maxConnections: limitOf(http.max_connections),
    maxConnectionsPerClient: limitOf(http.max_connections_per_client),
    timeouts: {
      headers: milliseconds(http.timeouts.headers),
      body: milliseconds(http.timeouts.body),
      idle: milliseconds(http.timeouts.idle),
    },
  };
}

function toToken(token: NonNullable<Settings['auth']['token']>): TokenConfig {
  return {
    enabled: token.enabled,
    issuer: token.issuer,
    service: token.service,
    accessTtl: milliseconds(token.access_ttl),
    refreshTtl: milliseconds(token.refresh_ttl),
    realm: token.realm,
    trusted: token.trusted,
  };
}

function toAuth(auth: Settings['auth'], externalUrl: string | undefined): AuthConfig {
  const { htpasswd, token, policies, rights } = auth;
  return {
    htpasswd,
    token: token === undefined ? undefined : toToken(token),
    policies,
    rights,
    externalUrl,
  };
}

/** The configuration that `settings` stand for. */
export function toConfig(settings: Settings): Config {
  const { data, manifests, uploads, deletes, gc, dedup, admin } = settings;
  const http = toHttp(settings.http);
  return {
    http,
    data: { dir: data.dir, reserve: data.reserve === 'auto' ? 'auto' : bytes(data.reserve) },
    auth: toAuth(settings.auth, http.externalUrl),
    manifests: { maxSize: bytes(manifests.max_size), allowSparse: manifests.allow_sparse },
    uploads: {
      expire: milliseconds(uploads.expire),
      maxSize: uploads.max_size === 'off' ? Number.POSITIVE_INFINITY : bytes(uploads.max_size),
      maxSessions: limitOf(uploads.max_sessions),
    },
    deletes: {
      enabled: deletes.enabled,
      undo: millisecondsOrOff(deletes.undo) ?? 0,
      protectReferenced: deletes.protect_referenced,
    },
    gc: {
      interval: millisecondsOrOff(gc.interval),
      lease: milliseconds(gc.lease),
      untaggedAfter: millisecondsOrOff(gc.untagged_after),
    },
    scrub: { period: millisecondsOrOff(settings.scrub.period) },
    dedup: {
      policy: dedup.policy,
      repositories: dedup.repositories,
      minSize: bytes(dedup.min_size),
      minAge: milliseconds(dedup.min_age),
      intactBudget: bytes(dedup.intact_budget),
      restoreCache: bytes(dedup.restore_cache),
    },
    verifyReads: settings.verify_reads,
    log: settings.log,
    admin: { listen: admin.listen === undefined ? undefined : address(admin.listen) },
  };
}
