/**
 * A small HTTP client with the control that conformance tests need: targets are sent as given (no
 * path is tidied), bodies can be chunked, headers are those asked for. Credentials are found the
 * way registry clients find them, from the challenge of a 401.
 */
import {
  type ClientRequest,
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { parseChallenge } from './challenge.ts';
import { RegistryResponse, warningProblem } from './response.ts';

/** One request. */
export interface RequestOptions {
  /** Default GET. */
  readonly method?: string;
  /** A path, sent byte for byte, or an absolute URL. */
  readonly target: string | URL;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** Sent with Content-Length. */
  readonly body?: Uint8Array | string;
  /** Sent with Transfer-Encoding: chunked, one HTTP chunk each. */
  readonly chunks?: readonly Uint8Array[];
  /** Value of Authorization; null: none, and no log-in after a 401. Default: from the 401. */
  readonly authorization?: string | null;
  /** Send the body only after `100 Continue`. */
  readonly expectContinue?: boolean;
}

/** Where and as whom to talk. */
export interface ClientOptions {
  /** `http://host:port` or `https://host:port`. */
  readonly origin: string;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** Keep tokens between requests for the same repository and kind of action. Default true. */
  readonly cacheAuth?: boolean;
  /** PEM of the authorities to trust; default the system's. */
  readonly ca?: string | undefined;
  /** Do not check certificates. */
  readonly insecure?: boolean;
}

const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const MAX_REDIRECTS = 5;
/** Milliseconds without a byte after which a request counts as failed. */
const SILENCE_MS = 60_000;

/** A client for one registry and one user. */
export class RegistryClient {
  readonly options: ClientOptions;
  readonly origin: URL;
  readonly #agent: HttpAgent;
  readonly #credentials = new Map<string, string>();

  constructor(options: ClientOptions) {
    this.options = options;
    this.origin = new URL(options.origin);
    const shared = { keepAlive: true, maxSockets: 16 };
    this.#agent =
      this.origin.protocol === 'https:'
        ? new HttpsAgent({ ...shared, ...this.tlsOptions() })
        : new HttpAgent(shared);
  }

  /** Options of a TLS connection to this registry. */
  tlsOptions(): { ca?: string; rejectUnauthorized: boolean } {
    const { ca, insecure } = this.options;
    return { ...(ca === undefined ? {} : { ca }), rejectUnauthorized: insecure !== true };
  }

  /** Sends a request; logs in when the registry asks for it; follows redirects of GET and HEAD. */
  async request(options: RequestOptions): Promise<RegistryResponse> {
    const key = credentialKey(options);
    const known = options.authorization ?? this.#credentials.get(key);
    let response = await this.#send(options, options.authorization === null ? undefined : known);
    if (response.status === 401 && options.authorization === undefined && this.options.username) {
      const authorization = await this.#logIn(response);
      if (this.options.cacheAuth !== false) this.#credentials.set(key, authorization);
      response = await this.#send(options, authorization);
    }
    return response;
  }

  /** Authorization for requests that cannot wait for a 401, undefined for anonymous users. */
  async authorization(repository: string, actions = 'pull,push'): Promise<string | undefined> {
    if (!this.options.username) return undefined;
    const response = await this.#send({ target: '/v2/' }, undefined);
    if (response.status !== 401) return undefined;
    return this.#logIn(response, `repository:${repository}:${actions}`);
  }

  /** Closes idle connections. */
  close(): void {
    this.#agent.destroy();
  }

  async #logIn(refused: RegistryResponse, scope?: string): Promise<string> {
    const { username = '', password = '' } = this.options;
    const basic = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
    const challenge = parseChallenge(refused.all('www-authenticate'));
    if (challenge === undefined) throw new Error(`${refused.describe()}: no usable challenge`);
    if (challenge.scheme === 'basic') return basic;
    const realm = new URL(challenge.parameters.realm ?? '', refused.url);
    const { service } = challenge.parameters;
    if (service !== undefined) realm.searchParams.set('service', service);
    const wanted = scope ?? challenge.parameters.scope;
    if (wanted !== undefined) realm.searchParams.set('scope', wanted);
    const answer = await this.#send({ target: realm }, basic);
    if (answer.status !== 200) throw new Error(`log-in failed: ${answer.describe()}`);
    const { token, access_token: accessToken } = answer.json<Record<string, string>>();
    const value = accessToken ?? token;
    if (!value) throw new Error('the token service gave no token');
    return `Bearer ${value}`;
  }

  async #send(options: RequestOptions, authorization: string | undefined) {
    let { target } = options;
    let allowed = authorization;
    for (let hops = 0; ; hops++) {
      const response = await this.#exchange({ ...options, target }, allowed);
      const problem = warningProblem(response.all('warning'));
      if (problem !== undefined) throw new Error(`${response.describe()}: ${problem}`);
      const method = options.method ?? 'GET';
      const follow = REDIRECTS.has(response.status) && (method === 'GET' || method === 'HEAD');
      if (!follow || hops === MAX_REDIRECTS) return response;
      const next = response.location();
      if (next.host !== response.url.host) allowed = undefined;
      target = next;
    }
  }

  #exchange(options: RequestOptions, authorization: string | undefined): Promise<RegistryResponse> {
    const { target, body, chunks } = options;
    const method = options.method ?? 'GET';
    const url = target instanceof URL ? target : new URL(this.origin);
    const path = target instanceof URL ? target.pathname + target.search : target;
    const headers: Record<string, string | string[]> = {};
    for (const [name, value] of Object.entries(options.headers ?? {})) {
      headers[name] = typeof value === 'string' ? value : [...value];
    }
    if (authorization !== undefined) headers.authorization = authorization;
    if (options.expectContinue) headers.expect = '100-continue';
    if (chunks !== undefined) headers['transfer-encoding'] = 'chunked';
    else if (body !== undefined) headers['content-length'] = String(Buffer.byteLength(body));
    else if (method !== 'GET' && method !== 'HEAD') headers['content-length'] = '0';

    const secure = url.protocol === 'https:';
    const agent = url.host === this.origin.host ? this.#agent : undefined;
    const start = secure ? httpsRequest : httpRequest;
    return new Promise((resolve, reject) => {
      const request: ClientRequest = start({
        protocol: url.protocol,
        hostname: url.hostname,
        port: url.port,
        path,
        method,
        headers,
        agent,
        timeout: SILENCE_MS,
        ...(secure ? this.tlsOptions() : {}),
      });
      request.on('timeout', () => request.destroy(new Error('no byte came for too long')));
      // An answer may come before the body was taken; then a broken pipe is no failure.
      let answered = false;
      request.on('error', (error) => {
        if (!answered) reject(new Error(`${method} ${path}: ${error.message}`, { cause: error }));
      });
      request.on('response', (message: IncomingMessage) => {
        answered = true;
        readAll(message).then((bytes) => {
          // Refused before the body was asked for: nothing will follow on this connection.
          if (!request.writableEnded) request.destroy();
          const { rawHeaders } = message;
          const pairs: [string, string][] = [];
          for (let i = 0; i < rawHeaders.length; i += 2) {
            pairs.push([rawHeaders[i]!, rawHeaders[i + 1]!]);
          }
          resolve(
            new RegistryResponse({
              status: message.statusCode ?? 0,
              headers: pairs,
              body: bytes,
              url: target instanceof URL ? target : safeUrl(path, this.origin),
              request: `${method} ${path.slice(0, 200)}`,
            }),
          );
        }, reject);
      });
      const sendBody = (): void => {
        for (const chunk of chunks ?? []) request.write(chunk);
        request.end(body);
      };
      if (options.expectContinue) {
        request.on('continue', sendBody);
        request.flushHeaders();
      } else sendBody();
    });
  }
}

function safeUrl(path: string, origin: URL): URL {
  return URL.canParse(path, origin) ? new URL(path, origin) : origin;
}

async function readAll(message: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of message) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

/** One token serves requests for the same repository and the same kind of action. */
function credentialKey({ target, method = 'GET' }: RequestOptions): string {
  const path = target instanceof URL ? target.pathname : target.split('?', 1)[0]!;
  const repository = /^\/v2\/(.+)\/(?:manifests|blobs|tags|referrers)\//.exec(path)?.[1] ?? path;
  const kind =
    method === 'GET' || method === 'HEAD' ? 'pull' : method === 'DELETE' ? method : 'push';
  return `${kind} ${repository}`;
}
