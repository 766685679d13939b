/**
 * The suite is steered by the variables of the official OCI conformance suite, so that whoever has
 * a set of them for a registry can use it unchanged. Without OCI_REGISTRY the suite starts Stowage
 * itself, with every optional part switched on and no part allowed to be missing.
 */
import { readFileSync } from 'node:fs';

/** Parts of the API that can be switched off by `OCI_API_...`. */
export interface ApiSettings {
  readonly ping: boolean;
  readonly pull: boolean;
  readonly push: boolean;
  readonly referrer: boolean;
  readonly blobs: {
    readonly atomic: boolean;
    readonly delete: boolean;
    readonly digestHeader: boolean;
    readonly mountAnonymous: boolean;
    readonly uploadCancel: boolean;
  };
  readonly manifests: {
    readonly atomic: boolean;
    readonly delete: boolean;
    readonly digestHeader: boolean;
    readonly tagParam: boolean;
  };
  readonly tags: { readonly atomic: boolean; readonly delete: boolean; readonly list: boolean };
}

/** Kinds of content that can be switched off by `OCI_DATA_...`. */
export type DataSettings = Readonly<Record<DataName, boolean>>;

const DATA_NAMES = [
  'image',
  'index',
  'indexList',
  'sparse',
  'artifact',
  'subject',
  'subjectMissing',
  'artifactList',
  'subjectList',
  'dataField',
  'nondistributable',
  'customFields',
  'noLayers',
  'emptyBlob',
  'sha512',
] as const;

/** A key of {@link DataSettings}. */
export type DataName = (typeof DATA_NAMES)[number];

/** Everything the suite can be told. */
export interface Settings {
  /** `host:port`; undefined: start Stowage. */
  readonly registry: string | undefined;
  readonly tls: 'enabled' | 'insecure' | 'disabled';
  /** PEM bundle that replaces the system's authorities, from SSL_CERT_FILE. */
  readonly ca: string | undefined;
  /** Prefixes of the repositories that the tests make; everything below them must be writable. */
  readonly repo1: string;
  readonly repo2: string;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly cacheAuth: boolean;
  /** Whether the Stowage that the suite starts takes every layer apart at once. */
  readonly dedup: boolean;
  readonly version: '1.0' | '1.1' | '1.1+dev';
  readonly api: ApiSettings;
  readonly data: DataSettings;
  /** Content that exists already, for registries that take no pushes. */
  readonly readOnly: {
    readonly tags: readonly string[];
    readonly manifests: readonly string[];
    readonly blobs: readonly string[];
    readonly referrers: readonly string[];
  };
  /** True: an optional part that the registry lacks is a failure, not a skip. */
  readonly strict: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

function parseVersion(
  text: string | undefined,
  fallback: Settings['version'],
): Settings['version'] {
  switch (text || undefined) {
    case undefined:
      return fallback;
    case 'dev':
    case '1.1+dev':
      return '1.1+dev';
    case 'stable':
    case '1.1':
      return '1.1';
    case '1.0':
      return '1.0';
    default:
      throw new Error(`OCI_VERSION=${text} is not known`);
  }
}

function parseFlag(env: Environment, name: string, fallback: boolean): boolean {
  const text = env[name];
  if (text === undefined || text === '') return fallback;
  if (/^(1|t|true)$/i.test(text)) return true;
  if (/^(0|f|false)$/i.test(text)) return false;
  throw new Error(`${name}=${text} is neither true nor false`);
}

function parseTls(text: string | undefined, fallback: Settings['tls']): Settings['tls'] {
  const lower = text?.toLowerCase();
  if (lower === 'insecure' || lower === 'disabled') return lower;
  return text ? 'enabled' : fallback;
}

/** `indexList` as in `OCI_DATA_INDEX_LIST`. */
function upperSnake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
}

function words(text: string | undefined): string[] {
  return (text ?? '').split(' ').filter((word) => word !== '');
}

/**
 * Reads the settings from an environment.
 * @throws Error for a value that cannot be understood
 */
export function readSettings(env: Environment): Settings {
  const registry = env.OCI_REGISTRY || undefined;
  const own = registry === undefined;
  const version = parseVersion(env.OCI_VERSION, own ? '1.1+dev' : '1.1');
  const dev = version === '1.1+dev';
  const current = version !== '1.0';
  const api = (name: string, fallback = true): boolean =>
    parseFlag(env, `OCI_API_${name}`, fallback);
  const data = Object.fromEntries(
    DATA_NAMES.map((name) => [
      name,
      parseFlag(env, `OCI_DATA_${upperSnake(name)}`, name !== 'sparse' || own),
    ]),
  ) as Record<DataName, boolean>;
  return {
    registry,
    tls: parseTls(env.OCI_TLS, own ? 'disabled' : 'enabled'),
    ca: env.SSL_CERT_FILE ? readFileSync(env.SSL_CERT_FILE, 'utf8') : undefined,
    repo1: env.OCI_REPO1 || 'conformance/repo1',
    repo2: env.OCI_REPO2 || 'conformance/repo2',
    username: env.OCI_USERNAME || undefined,
    password: env.OCI_PASSWORD || undefined,
    cacheAuth: parseFlag(env, 'OCI_CACHE_AUTH', true),
    dedup: parseFlag(env, 'OCI_DEDUP', false),
    version,
    api: {
      ping: api('PING'),
      pull: api('PULL'),
      push: api('PUSH'),
      referrer: api('REFERRER', current),
      blobs: {
        atomic: api('BLOBS_ATOMIC'),
        delete: api('BLOBS_DELETE'),
        digestHeader: api('BLOBS_DIGEST_HEADER', dev),
        mountAnonymous: api('BLOBS_MOUNT_ANONYMOUS', current),
        uploadCancel: api('BLOBS_UPLOAD_CANCEL', dev),
      },
      manifests: {
        atomic: api('MANIFESTS_ATOMIC'),
        delete: api('MANIFESTS_DELETE'),
        digestHeader: api('MANIFESTS_DIGEST_HEADER', dev),
        tagParam: api('MANIFESTS_TAG_PARAM', dev),
      },
      tags: { atomic: api('TAGS_ATOMIC'), delete: api('TAGS_DELETE'), list: api('TAGS_LIST') },
    },
    data,
    readOnly: {
      tags: words(env.OCI_RO_DATA_TAGS),
      manifests: words(env.OCI_RO_DATA_MANIFESTS),
      blobs: words(env.OCI_RO_DATA_BLOBS),
      referrers: words(env.OCI_RO_DATA_REFERRERS),
    },
    strict: parseFlag(env, 'CONFORMANCE_STRICT', own),
  };
}

/** The settings of this run. */
export const settings: Settings = readSettings(process.env);
