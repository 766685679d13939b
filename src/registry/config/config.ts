/**
 * The configuration as the program uses it: plain numbers, absolute paths, nothing left to parse.
 * Times are milliseconds and sizes are bytes throughout.
 */
import type { AuthConfig } from '../auth/config-types.ts';
import type { ListenAddress } from './address.ts';

/** The HTTP server. */
export interface HttpConfig {
  readonly listen: ListenAddress;
  /** Absolute paths of PEM files; undefined serves plain HTTP. */
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
  /** Origin that clients use, `https://registry.example.com`, without a slash at the end. */
  readonly externalUrl: string | undefined;
  /** IP addresses and networks in CIDR notation. */
  readonly trustedProxies: readonly string[];
  /** True allows to listen beyond loopback without any authentication. */
  readonly openAccess: boolean;
  /** Infinity when there is no limit. */
  readonly maxConnections: number;
  /** Infinity when there is no limit. */
  readonly maxConnectionsPerClient: number;
  readonly timeouts: {
    /** Milliseconds until the headers of a request must have arrived. */
    readonly headers: number;
    /** Milliseconds that a body, either way, may pause. */
    readonly body: number;
    /** Milliseconds that a connection may stay without a request. */
    readonly idle: number;
  };
}

/** Where data lies. */
export interface DataConfig {
  /** Absolute path. */
  readonly dir: string;
  /** Bytes of free space below which pushes are refused; `auto` is the smaller of 1 GiB and 5 %. */
  readonly reserve: number | 'auto';
}

/** Limits of manifests. */
export interface ManifestConfig {
  /** Bytes. */
  readonly maxSize: number;
  readonly allowSparse: boolean;
}

/** Limits of uploads. */
export interface UploadConfig {
  /** Milliseconds after its last byte at which an unfinished upload is removed. */
  readonly expire: number;
  /** Bytes of the largest blob taken; Infinity when there is no limit. */
  readonly maxSize: number;
  /** Unfinished uploads at a time; Infinity when there is no limit. */
  readonly maxSessions: number;
}

/** Deleting over the API. */
export interface DeleteConfig {
  readonly enabled: boolean;
  /** Milliseconds for which deleted tags and manifests can be restored; 0 when never. */
  readonly undo: number;
  readonly protectReferenced: boolean;
}

/** The collector. */
export interface CollectorConfig {
  /** Milliseconds between two rounds; undefined when it runs on demand only. */
  readonly interval: number | undefined;
  /** Milliseconds for which an unreferenced blob is kept after its last use. */
  readonly lease: number;
  /** Milliseconds after the push at which an untagged manifest goes; undefined when never. */
  readonly untaggedAfter: number | undefined;
}

/** The check of stored bytes. */
export interface ScrubConfig {
  /** Milliseconds within which everything is read once; undefined when on demand only. */
  readonly period: number | undefined;
}

/** Whether layers are taken apart. */
export type DedupPolicyName = 'dedup' | 'off';

/** Storing every file of layers once. */
export interface DedupConfig {
  readonly policy: DedupPolicyName;
  /** For names that a pattern fits; the first counts. */
  readonly repositories: readonly {
    readonly pattern: string;
    readonly policy: DedupPolicyName;
  }[];
  /** Bytes below which a layer stays as it was pushed. */
  readonly minSize: number;
  /** Milliseconds that a layer stays as it was pushed after its last push or pull. */
  readonly minAge: number;
  /** Bytes that layers may take that stay as they were pushed although they need not. */
  readonly intactBudget: number;
  /** Bytes of rebuilt layers that are kept in memory. */
  readonly restoreCache: number;
}

/** Least level that is logged. */
export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

/** The log. */
export interface LogConfig {
  readonly level: LogLevel;
  /** `errors`: answers from 400 on; `writes`: also requests other than GET and HEAD; or `all`. */
  readonly requests: 'errors' | 'writes' | 'all';
}

/** The interface for operators. */
export interface AdminConfig {
  /** Own address of `/api/v1/` and `/metrics`; undefined when they share the main one. */
  readonly listen: ListenAddress | undefined;
}

/** Everything that can be set. Immutable. */
export interface Config {
  readonly http: HttpConfig;
  readonly data: DataConfig;
  /** `externalUrl` in it is that of {@link HttpConfig}. */
  readonly auth: AuthConfig;
  readonly manifests: ManifestConfig;
  readonly uploads: UploadConfig;
  readonly deletes: DeleteConfig;
  readonly gc: CollectorConfig;
  readonly scrub: ScrubConfig;
  readonly dedup: DedupConfig;
  /** `always` compares every blob with its digest whenever it is read. */
  readonly verifyReads: 'off' | 'always';
  readonly log: LogConfig;
  readonly admin: AdminConfig;
}
