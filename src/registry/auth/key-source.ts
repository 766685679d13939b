/** Where the public keys of an outside issuer come from: a key set by URL or file, or certificates. */
import { type KeyObject, X509Certificate } from 'node:crypto';
import {
  type CryptoKey,
  createLocalJWKSet,
  createRemoteJWKSet,
  errors,
  type FlattenedJWSInput,
  type JSONWebKeySet,
  type JWSHeaderParameters,
  type JWTVerifyGetKey,
} from 'jose';
import { AuthenticationBusyError } from './errors.ts';
import { type AuthLogger, watchFile } from './watched-file.ts';

/** Keys tried for one token; more than that would be a way to keep the server busy. */
const MAX_KEYS = 16;
const FETCH_TIMEOUT_MS = 5_000;
/** Milliseconds after which a key set is fetched again. */
const FETCH_AGAIN = 10 * 60_000;
/** Milliseconds for which a key set serves on when it cannot be fetched again. */
const KEPT_FOR = 60 * 60_000;
/** Milliseconds for which a key set is not fetched again, whatever unknown key ids tokens name. */
const FETCH_COOLDOWN = 30_000;
/** Milliseconds for which a key set that could not be fetched is not fetched again. */
const FETCH_PAUSE = 5_000;
const RETRY_AFTER_SECONDS = 5;

/** A key that may have signed a token. */
type PublicKey = CryptoKey | KeyObject;

/** The protected header of a token, unverified; its `alg` is known to be asymmetric. */
export type TokenHeader = JWSHeaderParameters & { readonly alg: string };

/** Public keys that change over time. */
export interface KeySource {
  /**
   * The keys that fit the algorithm and, where keys have ids, the `kid` of the header.
   * @throws AuthenticationBusyError when the keys cannot be had now
   */
  candidates(header: TokenHeader): Promise<readonly PublicKey[]>;
  close(): void;
}

/** How a source is opened. */
export interface KeySourceOptions {
  readonly logger: AuthLogger;
  /** Called after keys may have been withdrawn. */
  readonly onChange: () => void;
  readonly now: () => number;
}

/** jose looks for the header's algorithm and id only; the rest of the token is not needed. */
const NO_TOKEN: FlattenedJWSInput = { payload: '', signature: '' };

/**
 * The matching keys of a set, also when several match, as with tokens that name no key id. A key that
 * cannot be used fits no token.
 */
async function usableKeysOf(keySet: JWTVerifyGetKey, header: TokenHeader): Promise<PublicKey[]> {
  try {
    return [(await keySet(header, NO_TOKEN)) as PublicKey];
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) return [];
    const keys: PublicKey[] = [];
    for await (const key of error) {
      if (keys.push(key) >= MAX_KEYS) break;
    }
    return keys;
  }
}

/** A key set that is fetched when a token needs it, again after ten minutes and for unknown ids. */
export function openRemoteKeySet(url: URL, options: KeySourceOptions): KeySource {
  const { logger, now } = options;
  // When to fetch is decided here, so that a failure to fetch is told from a key that is no good.
  const keySet = createRemoteJWKSet(url, {
    timeoutDuration: FETCH_TIMEOUT_MS,
    cacheMaxAge: Number.POSITIVE_INFINITY,
    cooldownDuration: Number.POSITIVE_INFINITY,
  });
  let fetchedAt = Number.NEGATIVE_INFINITY;
  let pausedUntil = Number.NEGATIVE_INFINITY;

  async function fetchKeys(): Promise<void> {
    const unavailable = new AuthenticationBusyError(
      RETRY_AFTER_SECONDS,
      'the keys of the token issuer cannot be fetched',
    );
    if (now() < pausedUntil) throw unavailable;
    try {
      await keySet.reload();
      fetchedAt = now();
    } catch (error) {
      pausedUntil = now() + FETCH_PAUSE;
      const reason = error instanceof Error ? error.message : String(error);
      logger.error({ url: url.href, reason }, 'keys of the token issuer cannot be fetched');
      throw unavailable;
    }
  }

  return {
    async candidates(header) {
      const age = now() - fetchedAt;
      if (age > KEPT_FOR) await fetchKeys();
      else if (age > FETCH_AGAIN) await fetchKeys().catch(() => undefined);
      const keys = await usableKeysOf(keySet, header);
      if (keys.length > 0 || now() - fetchedAt <= FETCH_COOLDOWN) return keys;
      await fetchKeys();
      return await usableKeysOf(keySet, header);
    },
    close: () => undefined,
  };
}

/**
 * A key set in a file.
 * @throws when the file cannot be read or is no JSON Web Key Set
 */
export async function openKeySetFile(path: string, options: KeySourceOptions): Promise<KeySource> {
  const { logger, onChange } = options;
  const file = await watchFile({
    path,
    logger,
    onChange,
    parse: (text) => createLocalJWKSet(JSON.parse(text) as JSONWebKeySet),
  });
  return {
    candidates: (header) => usableKeysOf(file.value, header),
    close: () => file.close(),
  };
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** The JWS algorithms that a key can be used with (RFC 7518, 3.1; RFC 8037, 3.1). */
function algorithmsOf(key: KeyObject): readonly string[] {
  switch (key.asymmetricKeyType) {
    case 'rsa':
      return ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'];
    case 'ed25519':
      return ['EdDSA', 'Ed25519'];
    case 'ec': {
      const curve = key.asymmetricKeyDetails?.namedCurve;
      if (curve === 'prime256v1') return ['ES256'];
      if (curve === 'secp384r1') return ['ES384'];
      return curve === 'secp521r1' ? ['ES512'] : [];
    }
    default:
      return [];
  }
}

interface Certified {
  readonly key: KeyObject;
  readonly algorithms: readonly string[];
  /** Milliseconds since the epoch. */
  readonly from: number;
  readonly until: number;
}

function parseCertificates(text: string): Certified[] {
  const blocks = text.match(CERTIFICATE) ?? [];
  if (blocks.length === 0) throw new Error('there is no PEM certificate in the file');
  if (blocks.length > MAX_KEYS) throw new Error(`there are more than ${MAX_KEYS} certificates`);
  return blocks.map((pem) => {
    const certificate = new X509Certificate(pem);
    const key = certificate.publicKey;
    const algorithms = algorithmsOf(key);
    if (algorithms.length === 0) throw new Error('there is a certificate with an unsupported key');
    const { validFromDate, validToDate } = certificate;
    return { key, algorithms, from: validFromDate.getTime(), until: validToDate.getTime() };
  });
}

/**
 * A file of certificates of the keys that sign tokens. Issuers name such keys in several ways, so
 * every key that fits the algorithm is tried, whatever the `kid` says.
 * @throws when the file cannot be read or holds no certificate that can be used
 */
export async function openCertificates(
  path: string,
  options: KeySourceOptions,
): Promise<KeySource> {
  const { logger, onChange, now } = options;
  const file = await watchFile({
    path,
    logger,
    onChange,
    parse: parseCertificates,
  });
  return {
    async candidates({ alg }) {
      const time = now();
      return file.value
        .filter(({ algorithms, from, until }) => {
          return algorithms.includes(alg) && from <= time && time <= until;
        })
        .map(({ key }) => key);
    },
    close: () => file.close(),
  };
}
