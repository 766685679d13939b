/** One shape for answers, whether they came through node's client or over a raw socket. */

/** An answer of the registry, body read to its end. */
export class RegistryResponse {
  readonly status: number;
  /** Names and values in the order they came. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
  /** Address of the request that got this answer, for resolving a relative Location. */
  readonly url: URL;
  /** What was asked, for messages. */
  readonly request: string;

  constructor(parts: {
    readonly status: number;
    readonly headers: readonly (readonly [string, string])[];
    readonly body: Buffer;
    readonly url: URL;
    readonly request: string;
  }) {
    this.status = parts.status;
    this.headers = parts.headers;
    this.body = parts.body;
    this.url = parts.url;
    this.request = parts.request;
  }

  /** All values of a header. */
  all(name: string): string[] {
    const lower = name.toLowerCase();
    return this.headers.filter(([key]) => key.toLowerCase() === lower).map(([, value]) => value);
  }

  /** The first value of a header. */
  get(name: string): string | undefined {
    return this.all(name)[0];
  }

  json<T>(): T {
    return JSON.parse(this.body.toString()) as T;
  }

  /** Location, resolved against the request. Throws when there is none. */
  location(): URL {
    const location = this.get('location');
    if (!location) throw new Error(`${this.describe()} has no Location`);
    return new URL(location, this.url);
  }

  /** The answer in one line, for messages of failed expectations. */
  describe(): string {
    const text = this.body.toString('latin1').slice(0, 300).replaceAll('\n', ' ');
    return `${this.request} -> ${this.status} ${text}`;
  }
}

/**
 * Checks the grammar of Warning headers (GEN-7: code 299, agent `-`, quoted text, no date, at most
 * 4,096 bytes together).
 * @returns what is wrong, or undefined
 */
export function warningProblem(values: readonly string[]): string | undefined {
  const total = values.reduce((sum, value) => sum + Buffer.byteLength(value), 0);
  if (total > 4096) return `Warning headers take ${total} bytes`;
  const bad = values.find((value) => !/^299 - "(?:[^"\\]|\\.)*"$/.test(value));
  return bad === undefined ? undefined : `malformed Warning: ${bad}`;
}
