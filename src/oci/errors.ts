/**
 * The catalogue of everything a client can be told. One place pairs each code with its status, so
 * that a handler cannot invent either. Codes are those of the OCI distribution specification,
 * "Error Codes"; statuses follow the field's practice where the specification is silent.
 */

const CATALOGUE = {
  BLOB_UNKNOWN: [404, 'blob unknown to registry'],
  BLOB_UPLOAD_INVALID: [400, 'blob upload invalid'],
  BLOB_UPLOAD_UNKNOWN: [404, 'blob upload unknown to registry'],
  DIGEST_INVALID: [400, 'provided digest did not match uploaded content'],
  MANIFEST_BLOB_UNKNOWN: [400, 'manifest references a manifest or blob unknown to registry'],
  MANIFEST_INVALID: [400, 'manifest invalid'],
  MANIFEST_UNKNOWN: [404, 'manifest unknown to registry'],
  NAME_INVALID: [400, 'invalid repository name'],
  NAME_UNKNOWN: [404, 'repository name not known to registry'],
  SIZE_INVALID: [400, 'provided length did not match content length'],
  UNAUTHORIZED: [401, 'authentication required'],
  DENIED: [403, 'requested access to the resource is denied'],
  UNSUPPORTED: [405, 'the operation is unsupported'],
  TOOMANYREQUESTS: [429, 'too many requests'],
  UNAVAILABLE: [503, 'service unavailable'],
  UNKNOWN: [500, 'internal error'],
} as const satisfies Record<string, readonly [number, string]>;

/** A code of the catalogue. `UNAVAILABLE` and `UNKNOWN` are only ever sent with a 5XX status. */
export type ErrorCode = keyof typeof CATALOGUE;

/** One entry of the `errors` list of a response body. */
export interface ErrorEntry {
  readonly code: ErrorCode;
  readonly message: string;
  readonly detail?: unknown;
}

/** What an {@link OciError} may say beyond its code. */
export interface ErrorOptions {
  /** Overrides the catalogue's status, for example 416 on an upload. */
  readonly status?: number;
  readonly message?: string;
  /** Machine-readable context; never holds secrets or data of other repositories. */
  readonly detail?: unknown;
  /** Extra response headers, for example Retry-After, Allow or Content-Range. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Further entries of the same body (one for each missing reference of a manifest, say). */
  readonly others?: readonly ErrorEntry[];
  readonly cause?: unknown;
}

/** An error that has an answer in the protocol. Anything else that is thrown becomes a 500. */
export class OciError extends Error {
  override readonly name = 'OciError';
  readonly code: ErrorCode;
  readonly status: number;
  readonly detail: unknown;
  readonly headers: Readonly<Record<string, string>>;
  readonly others: readonly ErrorEntry[];

  constructor(code: ErrorCode, options: ErrorOptions = {}) {
    const [status, message] = CATALOGUE[code];
    super(options.message ?? message, { cause: options.cause });
    this.code = code;
    this.status = options.status ?? status;
    this.detail = options.detail;
    this.headers = options.headers ?? {};
    this.others = options.others ?? [];
  }

  /** The response body of the specification, as JSON text. */
  toJson(): string {
    const first: ErrorEntry = { code: this.code, message: this.message, detail: this.detail };
    return JSON.stringify({ errors: [first, ...this.others] });
  }
}

/** A descriptive error for a manifest that cannot be taken. */
export function manifestInvalid(message: string, detail?: unknown): OciError {
  return new OciError('MANIFEST_INVALID', { message, detail });
}
