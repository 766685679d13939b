/**
 * A registry and the search of Docker Hub on the loopback, with their token protocol, limits of pulls
 * and whatever goes wrong. It counts, and notices who does not keep to what he was told.
 */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Asked, understand } from './hub-request.ts';
import type { Stored } from './small-images.ts';

/** A repository that is served. */
export interface ServedRepository {
  readonly name: string;
  readonly tags: Readonly<Record<string, Stored>>;
  readonly pulls?: number;
  readonly stars?: number;
  /** Only for those who log in. */
  readonly isPrivate?: boolean;
}

/** What goes wrong with an answer; undefined: nothing. */
export type Fault =
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  /** Sends so many bytes of the body, then cuts the connection. */
  | { readonly cutAfter: number }
  /** Sends so many bytes of the body, then nothing more. */
  | { readonly silentAfter: number }
  /** Sends other bytes. */
  | { readonly body: Buffer; readonly headers?: Readonly<Record<string, string>> }
  | undefined;

/** How it behaves. */
export interface HubOptions {
  readonly repositories: readonly ServedRepository[];
  /** Names as the search lists them, page after page; default: all once. */
  readonly listing?: readonly string[];
  readonly auth?: 'none' | 'token' | 'basic';
  readonly user?: { readonly username: string; readonly password: string };
  /** Seconds that a token is said to hold; it holds for longer. */
  readonly tokenLifeTold?: number;
  /** GETs of manifests within a window of so many seconds. */
  readonly limit?: { readonly pulls: number; readonly window: number };
  readonly fault?: (asked: Asked) => Fault;
  /** Address of the loopback interface to listen on. Default: 127.0.0.1. */
  readonly host?: string;
  /** Blobs are had from another host, which is this URL. */
  readonly redirectBlobs?: string;
  readonly ignoresRanges?: boolean;
  /** Names of a page of lists, whatever is asked for. */
  readonly listPage?: number;
  /** Sees each request. */
  readonly onRequest?: (asked: Asked) => void;
}

/** What it has counted. */
export interface HubCounts {
  requests: number;
  pulls: number;
  heads: number;
  tokens: number;
  /** Pulls above the limit, although answers said that none was left. */
  overLimit: number;
  /** Requests that came while the client had been told to stay away. */
  tooEarly: number;
  /** Requests with credentials of another host. */
  leaked: number;
  readonly blobs: Map<string, number>;
  readonly manifests: Map<string, number>;
}

/** A server that runs. */
export interface HubServer extends AsyncDisposable {
  readonly url: string;
  readonly counts: HubCounts;
  options: HubOptions;
}

/** Turns of the event loop, and their milliseconds, in which requests that were on their way arrive. */
const TURNS = 5;
const TURN = 50;

interface Contents {
  readonly repository: ServedRepository;
  readonly manifests: Map<string, Stored>;
  readonly blobs: Map<string, Stored>;
}

function contentsOf(repository: ServedRepository): Contents {
  const contents: Contents = { repository, manifests: new Map(), blobs: new Map() };
  const add = (manifest: Stored): void => {
    contents.manifests.set(manifest.digest, manifest);
    for (const blob of manifest.blobs) contents.blobs.set(blob.digest, blob);
    manifest.manifests.forEach(add);
  };
  for (const [tag, manifest] of Object.entries(repository.tags)) {
    add(manifest);
    contents.manifests.set(tag, manifest);
  }
  return contents;
}

function basicOf({ username, password }: { username: string; password: string }): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

/** Starts it on a free port. */
export async function startHubServer(initial: HubOptions): Promise<HubServer> {
  const counts: HubCounts = {
    requests: 0,
    pulls: 0,
    heads: 0,
    tokens: 0,
    overLimit: 0,
    tooEarly: 0,
    leaked: 0,
    blobs: new Map(),
    manifests: new Map(),
  };
  const times = new Map<string, number>();
  const tokens = new Map<string, { readonly scope: string; readonly until: number }>();
  /** When the pulls of this window were. */
  let window: number[] = [];
  let quietUntil = 0;
  let contents = new Map<string, Contents>();
  let current = initial;
  const load = (): void => {
    contents = new Map(current.repositories.map((one) => [one.name, contentsOf(one)]));
  };
  load();

  function send(res: ServerResponse, status: number, body: unknown, headers = {}): void {
    const bytes = Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body));
    res.writeHead(status, { 'content-length': bytes.length, ...headers });
    if (res.req.method === 'HEAD') res.end();
    else res.end(bytes);
  }

  function fail(res: ServerResponse, status: number, code: string, headers = {}): void {
    send(res, status, { errors: [{ code, message: `the ${code}` }] }, headers);
  }

  /** Counts who comes too early, once nothing can be on its way any more, however slow the machine. */
  function beQuiet(until: number, turns = TURNS): void {
    if (turns === 0) quietUntil = until;
    else setTimeout(() => beQuiet(until, turns - 1), TURN).unref();
  }

  function misbehave(res: ServerResponse, fault: NonNullable<Fault>, body: Buffer): void {
    if ('status' in fault) {
      const after = Number(fault.headers?.['retry-after'] ?? 0);
      if (after > 0) beQuiet(Date.now() + after * 1000);
      fail(res, fault.status, fault.status === 429 ? 'TOOMANYREQUESTS' : 'UNKNOWN', fault.headers);
    } else if ('body' in fault) send(res, 200, fault.body, fault.headers);
    else {
      const count = 'cutAfter' in fault ? fault.cutAfter : fault.silentAfter;
      res.writeHead(200, { 'content-length': body.length });
      res.write(body.subarray(0, Math.min(count, body.length - 1)), () => {
        if ('cutAfter' in fault) res.destroy();
      });
    }
  }

  function page(asked: Asked, names: readonly string[], field: string, res: ServerResponse): void {
    const { url } = asked;
    const size = current.listPage ?? Number(url.searchParams.get('n') ?? 100);
    const last = url.searchParams.get('last');
    const from = last === null ? 0 : names.findIndex((name) => name > last);
    const some = from < 0 ? [] : names.slice(from, from + size);
    const isMore = from >= 0 && from + size < names.length;
    const next = `${url.pathname}?n=${size}&last=${encodeURIComponent(some.at(-1) ?? '')}`;
    send(res, 200, { [field]: some }, isMore ? { link: `<${next}>; rel="next"` } : {});
  }

  function search({ url }: Asked, res: ServerResponse): void {
    const at = Number(url.searchParams.get('page'));
    const size = Number(url.searchParams.get('page_size'));
    const names = current.listing ?? current.repositories.map(({ name }) => name);
    const results = names.slice((at - 1) * size, at * size).map((name) => {
      const one = contents.get(name)?.repository;
      const official = name.startsWith('library/');
      return {
        repo_name: official ? name.slice('library/'.length) : name,
        is_official: official,
        pull_count: one?.pulls ?? 0,
        star_count: one?.stars ?? 0,
      };
    });
    if (results.length === 0) {
      fail(res, 404, 'UNKNOWN');
      return;
    }
    const isMore = at * size < names.length;
    send(res, 200, { count: names.length, next: isMore ? `${url.origin}/next` : null, results });
  }

  function token({ url, headers }: Asked, res: ServerResponse): void {
    const { user, tokenLifeTold = 300 } = current;
    const { authorization } = headers;
    const known = user !== undefined && authorization === basicOf(user);
    if (authorization !== undefined && !known) {
      fail(res, 401, 'UNAUTHORIZED');
      return;
    }
    const scope = url.searchParams.get('scope') ?? '';
    const name = /^repository:(.+):pull$/.exec(scope)?.[1];
    const isPrivate = name !== undefined && contents.get(name)?.repository.isPrivate === true;
    counts.tokens++;
    const value = randomUUID();
    tokens.set(value, {
      scope: isPrivate && !known ? 'nothing' : scope,
      until: Date.now() + 300_000,
    });
    send(res, 200, { token: value, expires_in: tokenLifeTold });
  }

  function scopeOf({ kind, name }: Asked): string {
    return kind === 'catalog' ? 'registry:catalog:*' : `repository:${name}:pull`;
  }

  /** True when the request may go on; else it was answered. */
  function admit(asked: Asked, res: ServerResponse): boolean {
    const { auth = 'none', user } = current;
    const { authorization } = asked.headers;
    if (auth === 'none') {
      if (authorization !== undefined) counts.leaked++;
      return true;
    }
    if (auth === 'basic') {
      if (user !== undefined && authorization === basicOf(user)) return true;
      fail(res, 401, 'UNAUTHORIZED', { 'www-authenticate': 'Basic realm="test"' });
      return false;
    }
    const scope = scopeOf(asked);
    const known = tokens.get(authorization?.replace(/^Bearer /, '') ?? '');
    if (known !== undefined && known.scope === scope && known.until > Date.now()) return true;
    const realm = `${url}/token`;
    const challenge = `Bearer realm="${realm}",service="test",scope="${scope}"`;
    fail(res, 401, 'UNAUTHORIZED', { 'www-authenticate': challenge });
    return false;
  }

  function limitHeaders(): Record<string, string> {
    const { limit } = current;
    if (limit === undefined) return {};
    window = window.filter((at) => at > Date.now() - limit.window * 1000);
    const left = Math.max(0, limit.pulls - window.length);
    return {
      'ratelimit-limit': `${limit.pulls};w=${limit.window}`,
      'ratelimit-remaining': `${left};w=${limit.window}`,
    };
  }

  function manifest(asked: Asked, res: ServerResponse, fault: Fault): void {
    const { name, reference, method } = asked;
    const headers = limitHeaders();
    if (method === 'HEAD') counts.heads++;
    else {
      if (headers['ratelimit-remaining']?.startsWith('0;')) {
        counts.overLimit++;
        fail(res, 429, 'TOOMANYREQUESTS', { ...headers, 'retry-after': '1' });
        return;
      }
      counts.pulls++;
      window.push(Date.now());
      counts.manifests.set(reference, (counts.manifests.get(reference) ?? 0) + 1);
    }
    const found = contents.get(name)?.manifests.get(reference);
    if (found === undefined) {
      fail(res, 404, 'MANIFEST_UNKNOWN', headers);
      return;
    }
    if (fault !== undefined) {
      misbehave(res, fault, found.bytes);
      return;
    }
    send(res, 200, found.bytes, {
      ...headers,
      ...limitHeaders(),
      'content-type': found.mediaType,
      'docker-content-digest': found.digest,
    });
  }

  function blob(asked: Asked, res: ServerResponse, fault: Fault): void {
    const { name, reference, headers, method } = asked;
    const found = contents.get(name)?.blobs.get(reference);
    if (found === undefined) {
      fail(res, 404, 'BLOB_UNKNOWN');
      return;
    }
    if (current.redirectBlobs !== undefined && method === 'GET') {
      res.writeHead(307, { location: `${current.redirectBlobs}${asked.url.pathname}` });
      res.end();
      return;
    }
    if (method === 'GET') counts.blobs.set(reference, (counts.blobs.get(reference) ?? 0) + 1);
    const begin = Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0);
    const isPart = begin > 0 && current.ignoresRanges !== true;
    const bytes = isPart ? found.bytes.subarray(begin) : found.bytes;
    if (fault !== undefined) {
      if (isPart && 'cutAfter' in fault) {
        const range = `bytes ${begin}-${found.bytes.length - 1}/${found.bytes.length}`;
        res.writeHead(206, { 'content-length': bytes.length, 'content-range': range });
        res.write(bytes.subarray(0, fault.cutAfter), () => res.destroy());
        return;
      }
      misbehave(res, fault, bytes);
      return;
    }
    const total = found.bytes.length;
    const range = isPart ? { 'content-range': `bytes ${begin}-${total - 1}/${total}` } : {};
    send(res, isPart ? 206 : 200, bytes, range);
  }

  function handle(req: IncomingMessage, res: ServerResponse): void {
    const id = `${req.method} ${req.url}`;
    const before = times.get(id) ?? 0;
    times.set(id, before + 1);
    const asked = understand(req, before);
    counts.requests++;
    current.onRequest?.(asked);
    const now = Date.now();
    if (now < quietUntil) counts.tooEarly++;
    const fault = current.fault?.(asked);
    const { kind } = asked;
    if (fault !== undefined && kind !== 'manifest' && kind !== 'blob') {
      misbehave(res, fault, Buffer.from('{"results":[],"token":""}'));
      return;
    }
    if (kind === 'search') {
      search(asked, res);
      return;
    }
    if (kind === 'token') {
      token(asked, res);
      return;
    }
    if (!admit(asked, res)) return;
    if (kind === 'ping') {
      send(res, 200, {});
      return;
    }
    if (kind === 'catalog') {
      const names = current.repositories.map(({ name }) => name);
      page(asked, names.sort(), 'repositories', res);
      return;
    }
    const repository = contents.get(asked.name);
    if (repository === undefined) {
      fail(res, 404, 'NAME_UNKNOWN');
      return;
    }
    if (kind === 'tags') {
      page(asked, Object.keys(repository.repository.tags).sort(), 'tags', res);
      return;
    }
    if (kind === 'manifest') {
      manifest(asked, res, fault);
      return;
    }
    if (kind === 'blob') {
      blob(asked, res, fault);
      return;
    }
    fail(res, 404, 'UNKNOWN');
  }

  const server: Server = createServer(handle);
  const { host = '127.0.0.1' } = current;
  await new Promise<void>((done) => server.listen(0, host, done));
  const url = `http://${host}:${(server.address() as AddressInfo).port}`;
  return {
    url,
    counts,
    get options() {
      return current;
    },
    set options(next) {
      current = next;
      load();
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}
