/**
 * One request over HTTP, and its redirects. node:http rather than fetch: it gives the bytes of a body
 * as they were sent, where fetch unpacks those that a store calls `Content-Encoding: gzip`, and a
 * layer would no longer have its digest. Both take the same time for large bodies.
 */
import {
  Agent as HttpAgent,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as requestHttp,
} from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import { SourceError } from '../errors.ts';
import { shown, TransientError } from './errors.ts';
import { connectionHint, isNoTls } from './hints.ts';

const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const MAX_REDIRECTS = 5;
/** Sockets to one host at the same time. */
const MAX_SOCKETS = 16;

/** The head of an answer; its body has to be read or destroyed. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: IncomingMessage;
}

/** An answer with all of its body. */
export interface WholeAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** One request. */
export interface ExchangeOptions {
  readonly method: 'GET' | 'HEAD' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  /** For POST. */
  readonly content?: string;
  /** Ends the request, also while its body is read. */
  readonly signal: AbortSignal;
  /** Milliseconds until the head of the answer must have come. */
  readonly timeout: number;
}

/** Sends requests over connections that are kept. */
export interface Exchange {
  /**
   * Sends a request and follows redirects. Authorization goes to the first host alone.
   * @throws TransientError when the connection breaks or nothing comes in time
   * @throws SourceError when it is led astray
   * @throws the signal's reason
   */
  send(url: URL, options: ExchangeOptions): Promise<Answer>;
  close(): void;
}

/** True for an address of this machine, which needs no TLS. */
export function isLoopbackHost(hostname: string): boolean {
  return (
    hostname === 'localhost' ||
    hostname === '[::1]' ||
    /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(hostname)
  );
}

/** @throws SourceError when a URL would send in the clear what should not be */
export function checkTransport(url: URL, plainHttp: boolean): void {
  const { protocol, hostname } = url;
  if (protocol === 'https:') return;
  if (protocol !== 'http:') throw new SourceError(`${shown(url.href)} is no address of HTTP`);
  if (plainHttp || isLoopbackHost(hostname)) return;
  throw new SourceError(`${shown(url.origin)} is not encrypted; --plain-http allows it`);
}

function withoutAuthorization(headers: Readonly<Record<string, string>>): Record<string, string> {
  const rest: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (name.toLowerCase() !== 'authorization') rest[name] = value;
  }
  return rest;
}

function target(location: string, from: URL): URL {
  const url = URL.parse(location, from.href);
  if (url === null) throw new SourceError(`${shown(from.origin)} redirects to no address`);
  url.username = '';
  url.password = '';
  return url;
}

/** A request's failure as callers know it. */
function asTransient(error: unknown, url: URL, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason;
  if (error instanceof TransientError) return error;
  const failure = error as NodeJS.ErrnoException;
  // Of several addresses that all failed, Node gives an error without a message.
  const what = isNoTls(failure)
    ? 'what answers does not speak TLS'
    : shown(failure.message || failure.code || 'connection failed');
  const hint = connectionHint(failure, url);
  return new TransientError(`${url.host}: ${what}`, { cause: error, hint });
}

/**
 * Creates the connections.
 * @param plainHttp - allows HTTP without TLS to other machines
 */
export function createExchange(plainHttp: boolean): Exchange {
  const http = new HttpAgent({ keepAlive: true, maxSockets: MAX_SOCKETS });
  const https = new HttpsAgent({ keepAlive: true, maxSockets: MAX_SOCKETS });

  function begin(url: URL, options: ExchangeOptions): Promise<Answer> {
    const { method, headers, content, signal, timeout } = options;
    const isTls = url.protocol === 'https:';
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const request = (isTls ? requestHttps : requestHttp)(url, {
      method,
      headers: { 'user-agent': 'stowage', 'accept-encoding': 'identity', ...headers },
      agent: isTls ? https : http,
      signal,
    });
    const timer = setTimeout(
      () => request.destroy(new TransientError(`${url.host}: no answer within ${timeout} ms`)),
      timeout,
    );
    request.once('response', (body) => {
      clearTimeout(timer);
      resolve({ status: body.statusCode ?? 0, headers: body.headers, body });
    });
    // Stays: a request that is torn down after its answer may still say so.
    request.on('error', (error) => {
      clearTimeout(timer);
      reject(asTransient(error, url, signal));
    });
    request.end(content);
    return promise;
  }

  return {
    async send(url, options) {
      options.signal.throwIfAborted();
      let at = url;
      let headers = options.headers ?? {};
      for (let redirects = 0; ; redirects++) {
        checkTransport(at, plainHttp);
        const answer = await begin(at, { ...options, headers });
        const { location } = answer.headers;
        if (!REDIRECTS.has(answer.status) || location === undefined) return answer;
        answer.body.destroy();
        if (redirects === MAX_REDIRECTS) {
          throw new SourceError(`${shown(url.origin)} redirects more than ${MAX_REDIRECTS} times`);
        }
        const next = target(location, at);
        if (next.origin !== at.origin) headers = withoutAuthorization(headers);
        // What was encrypted stays encrypted.
        if (at.protocol === 'https:') checkTransport(next, false);
        at = next;
      }
    },
    close() {
      http.destroy();
      https.destroy();
    },
  };
}

/**
 * Reads a body to its end.
 * @param limit - bytes
 * @param timeout - milliseconds for all of it
 * @throws TransientError when it is cut or slow
 * @throws SourceError when it is longer than the limit
 * @throws the signal's reason
 */
export async function readWhole(
  answer: Answer,
  url: URL,
  limits: { readonly limit: number; readonly timeout: number; readonly signal: AbortSignal },
): Promise<WholeAnswer> {
  const { limit, timeout, signal } = limits;
  const { status, headers, body } = answer;
  const timer = setTimeout(
    () => body.destroy(new TransientError(`${url.host}: the answer takes over ${timeout} ms`)),
    timeout,
  );
  const parts: Buffer[] = [];
  let length = 0;
  try {
    for await (const part of body as AsyncIterable<Buffer>) {
      length += part.length;
      if (length > limit) throw new SourceError(`${shown(url.href)} is longer than ${limit} bytes`);
      parts.push(part);
    }
  } catch (error) {
    if (error instanceof SourceError) throw error;
    throw asTransient(error, url, signal);
  } finally {
    clearTimeout(timer);
    body.destroy();
  }
  return { status, headers, body: Buffer.concat(parts, length) };
}
