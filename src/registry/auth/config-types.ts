/**
 * The shape of the `auth` group of the configuration as the access code wants it. It lives here and
 * not with the parser, so that this folder says what it needs and the parser has to deliver it.
 */
import type { Action, Right } from './types.ts';

/** One rule that grants; rights add up over all rules, and nothing takes away again. */
export interface PolicyConfig {
  /**
   * Patterns of repository names: `*` stands for any text without a slash, `**` for any text,
   * everything else for itself. `team/**` covers what lies under `team`, not `team` itself.
   */
  readonly repositories: readonly string[];
  /** User names; `*` means every user that has logged in. */
  readonly users?: readonly string[] | undefined;
  /** True grants to everybody, with or without a log-in. */
  readonly anonymous?: boolean | undefined;
  /** What is granted; `*` means all three. No action implies another. */
  readonly actions: readonly (Action | '*')[];
}

/** Who holds the rights that belong to no repository. `*` means every user that has logged in. */
export interface RightsConfig {
  /** Administration (`/api/v1/`); implies the other two. Nobody by default. */
  readonly admin?: readonly string[] | undefined;
  /** Reading `/metrics`. Nobody by default. */
  readonly metrics?: readonly string[] | undefined;
  /** Listing the catalogue, which shows only what the caller may pull. Default: every user. */
  readonly catalog?: readonly string[] | undefined;
  /** Rights that need no log-in. None by default. */
  readonly anonymous?: readonly Exclude<Right, 'admin'>[] | undefined;
}

/** An outside token server whose tokens are taken. Needs `jwks` or `certificates`, or both. */
export interface TrustedIssuerConfig {
  /** Exact value of the `iss` claim. */
  readonly issuer: string;
  /** A value that `aud` has to hold. Default: the `service` of the token settings. */
  readonly audience?: string | undefined;
  /** A JSON Web Key Set: an `http:` or `https:` URL, or the path of a file (reloaded on change). */
  readonly jwks?: string | undefined;
  /** Path of a PEM file of certificates (reloaded on change). */
  readonly certificates?: string | undefined;
}

/** Bearer tokens: the built-in service and the outside issuers. */
export interface TokenConfig {
  /** True runs the built-in token service at `/token`. */
  readonly enabled: boolean;
  /** The `iss` claim of own tokens. Default `stowage`. */
  readonly issuer?: string | undefined;
  /** The `aud` claim of own tokens and the `service` of challenges. Default `stowage`. */
  readonly service?: string | undefined;
  /** Lifetime of an access token in milliseconds. Default 5 minutes. */
  readonly accessTtl?: number | undefined;
  /**
   * Lifetime of a refresh token in milliseconds; each use answers with a new one. Default 30 days.
   */
  readonly refreshTtl?: number | undefined;
  /** URL of an outside token server, named in challenges when the built-in service is off. */
  readonly realm?: string | undefined;
  readonly trusted?: readonly TrustedIssuerConfig[] | undefined;
}

/**
 * Who may do what. With nothing set, or only `externalUrl` and `rights`, there is no authentication
 * at all and every request may do everything.
 */
export interface AuthConfig {
  /** Path of an htpasswd file with bcrypt hashes; reloaded on change. */
  readonly htpasswd?: string | undefined;
  readonly token?: TokenConfig | undefined;
  /** None means: whoever has logged in may do everything, nobody else anything. */
  readonly policies?: readonly PolicyConfig[] | undefined;
  readonly rights?: RightsConfig | undefined;
  /** Base URL that clients use, for the realm of challenges; the request's host when absent. */
  readonly externalUrl?: string | undefined;
}
