/** {@link Operations} of a server elsewhere, over its `/api/v1/`. */
import { createHash } from 'node:crypto';
import { type IncomingMessage, type RequestOptions, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { z } from 'zod';
import { type ErrorCode, OciError } from '../../oci/errors.ts';
import {
  ServerTimeoutError,
  ServerUnreachableError,
  UnexpectedAnswerError,
} from './client-errors.ts';
import { clientFiles } from './client-files.ts';
import type { FileDownload } from './file-operations.ts';
import { API_PREFIX } from './openapi.ts';
import type { Operations, PageRequest } from './operations.ts';
import * as schemas from './schemas.ts';

/** Milliseconds that one request may take. */
const DEFAULT_TIMEOUT = 30_000;
/** No page comes near it; a server that sends more is none of ours. */
const MAX_ANSWER = 64 * 1024 * 1024;

/** Where the server is and how to talk to it. */
export interface ClientOptions {
  /** Base URL, for example `http://127.0.0.1:5000`. */
  readonly url: string;
  /** Value of the Authorization header. */
  readonly authorization?: string | undefined;
  /** Milliseconds that one request may take. Default 30,000. */
  readonly timeout?: number;
  /** Ends all requests. */
  readonly signal?: AbortSignal;
  /**
   * True takes any certificate. Only for an address of this machine that comes from the address file:
   * the certificate of the server names its public name.
   */
  readonly anyCertificate?: boolean;
}

type Query = Readonly<Record<string, string | number | boolean | undefined>>;

interface RawAnswer {
  readonly status: number;
  readonly body: string;
}

async function readBody(res: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of res as AsyncIterable<Buffer>) {
    length += part.length;
    if (length > MAX_ANSWER) throw new UnexpectedAnswerError('the answer is too long');
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

/** Sends a request; resolves with the head of its answer. */
function begin(url: URL, options: RequestOptions): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = url.protocol === 'https:' ? requestHttps : requestHttp;
    const req = request(url, options, resolve);
    req.once('error', reject);
    req.once('timeout', () => req.destroy(new DOMException('no bytes came', 'TimeoutError')));
    req.end();
  });
}

async function exchange(url: URL, options: RequestOptions): Promise<RawAnswer> {
  const res = await begin(url, options);
  return { status: res.statusCode ?? 0, body: await readBody(res) };
}

function parse(url: URL, { status, body }: RawAnswer): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw new UnexpectedAnswerError(`${url.origin} answered ${status} without JSON`);
  }
}

/** Written out, so that a new code cannot be forgotten: the compiler wants all of them here. */
const CODES: Readonly<Record<ErrorCode, true>> = {
  BLOB_UNKNOWN: true,
  BLOB_UPLOAD_INVALID: true,
  BLOB_UPLOAD_UNKNOWN: true,
  DIGEST_INVALID: true,
  MANIFEST_BLOB_UNKNOWN: true,
  MANIFEST_INVALID: true,
  MANIFEST_UNKNOWN: true,
  NAME_INVALID: true,
  NAME_UNKNOWN: true,
  SIZE_INVALID: true,
  UNAUTHORIZED: true,
  DENIED: true,
  UNSUPPORTED: true,
  TOOMANYREQUESTS: true,
  UNAVAILABLE: true,
  UNKNOWN: true,
};

function toError(url: URL, status: number, value: unknown): Error {
  const answer = schemas.errorAnswer.safeParse(value).data?.errors[0];
  if (answer === undefined) return new UnexpectedAnswerError(`${url.origin} answered ${status}`);
  const { message, detail } = answer;
  const code = Object.hasOwn(CODES, answer.code) ? (answer.code as ErrorCode) : 'UNKNOWN';
  return new OciError(code, { status, message, detail });
}

/**
 * Makes {@link Operations} over HTTP. No connection is made before the first call. Beside the
 * errors of the interface the methods throw ServerUnreachableError, ServerTimeoutError,
 * UnexpectedAnswerError, and what `signal` was aborted with.
 * @throws TypeError when `url` is none
 */
export function createClient(options: ClientOptions): Operations {
  const { authorization, timeout = DEFAULT_TIMEOUT, anyCertificate = false } = options;
  const base = new URL(options.url);

  function urlOf(path: string, query: Query): URL {
    const url = new URL(API_PREFIX + path, base);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    return url;
  }

  const common: RequestOptions = {
    headers: { ...(authorization !== undefined && { Authorization: authorization }) },
    ...(anyCertificate && { rejectUnauthorized: false }),
  };

  /** What is thrown for an exchange that failed. */
  function failureOf(error: unknown, isLate: boolean): Error {
    if (error instanceof UnexpectedAnswerError || error instanceof OciError) return error;
    if (isLate) {
      const seconds = timeout / 1000;
      return new ServerTimeoutError(`${base.origin} did not answer within ${seconds} s`);
    }
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = message || code;
    const text = `${base.origin} cannot be reached: ${reason}`;
    return new ServerUnreachableError(text, { cause: error });
  }

  async function call<T>(
    method: 'GET' | 'POST',
    path: string,
    answer: z.ZodType<T>,
    query: Query = {},
  ): Promise<T> {
    const url = urlOf(path, query);
    const deadline = AbortSignal.timeout(timeout);
    const signal = AbortSignal.any([deadline, ...(options.signal ? [options.signal] : [])]);
    const headers = { ...common.headers, Accept: 'application/json' };
    let raw: RawAnswer;
    try {
      raw = await exchange(url, { ...common, method, signal, headers });
    } catch (error) {
      options.signal?.throwIfAborted();
      throw failureOf(error, deadline.aborted);
    }
    const value = parse(url, raw);
    if (raw.status < 200 || raw.status > 299) throw toError(url, raw.status, value);
    const checked = answer.safeParse(value);
    if (checked.success) return checked.data;
    throw new UnexpectedAnswerError(`${url.origin} answered something else than was asked for`);
  }

  /** The bytes of an answer; of a whole file they are compared with the digest that came with them. */
  async function* download(
    query: Query,
    { stretch, signal: wanted }: Parameters<FileDownload['bytes']>[0],
  ): AsyncGenerator<Uint8Array, void> {
    const url = urlOf('/files', query);
    const signal = AbortSignal.any([wanted, ...(options.signal ? [options.signal] : [])]);
    const range = stretch && { Range: `bytes=${stretch.start}-${stretch.end - 1}` };
    try {
      // Bytes may come for hours; it is each of them that may not be waited for too long.
      const headers = { ...common.headers, ...range };
      const res = await begin(url, { ...common, method: 'GET', signal, timeout, headers });
      const { statusCode = 0 } = res;
      if (statusCode < 200 || statusCode > 299) {
        const raw = { status: statusCode, body: await readBody(res) };
        throw toError(url, statusCode, parse(url, raw));
      }
      const digest = /^"sha256:([0-9a-f]{64})"$/.exec(res.headers.etag ?? '')?.[1];
      const hash = createHash('sha256');
      for await (const bytes of res as AsyncIterable<Buffer>) {
        hash.update(bytes);
        yield bytes;
      }
      if (digest !== undefined && range === undefined && hash.digest('hex') !== digest) {
        throw new UnexpectedAnswerError(`${url.origin} sent other bytes than those of the file`);
      }
    } catch (error) {
      signal.throwIfAborted();
      throw failureOf(error, error instanceof DOMException && error.name === 'TimeoutError');
    }
  }

  const page = ({ limit, last }: PageRequest): Query => ({ n: limit, last });
  return {
    status: () => call('GET', '/status', schemas.status),
    repositories: (request = {}) =>
      call('GET', '/repositories', schemas.repositoryPage, page(request)),
    tags: (repo, request = {}) => call('GET', '/tags', schemas.tagPage, { repo, ...page(request) }),
    deleteTag: (repo, tag) => call('POST', '/tags/delete', schemas.deletionResult, { repo, tag }),
    deleteManifest: (repo, digest) =>
      call('POST', '/manifests/delete', schemas.deletionResult, { repo, digest }),
    deleteRepository: (repo) =>
      call('POST', '/repositories/delete', schemas.deletionResult, { repo }),
    deleted: (repo) => call('GET', '/deleted', schemas.deletedItems, { repo }),
    restore: (repo, reference) =>
      call('POST', '/restore', schemas.restorationResult, { repo, reference }),
    collection: {
      start: ({ dryRun }) =>
        call('POST', '/collection/start', schemas.collectionReport, { dry_run: dryRun }),
      report: () => call('GET', '/collection', schemas.collectionReport.nullable()),
    },
    scrub: {
      start: () => call('POST', '/scrub/start', schemas.scrubReport),
      report: () => call('GET', '/scrub', schemas.scrubReport.nullable()),
    },
    files: clientFiles(call, download),
    dedup: {
      report: () => call('GET', '/dedup', schemas.dedupReport),
      undo: {
        start: () => call('POST', '/dedup/undo/start', schemas.undoReport),
        report: () => call('GET', '/dedup/undo', schemas.undoReport.nullable()),
      },
    },
  };
}
