/** Serves `/api/v1/`: exposes {@link Operations} over HTTP. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { OciError } from '../../oci/errors.ts';
import type { Access } from '../auth/types.ts';
import type { AuditAction } from '../observe/audit.ts';
import { API_PREFIX, DESCRIPTION_PATH, describeApi } from './openapi.ts';
import type { Operations } from './operations.ts';
import { type ParameterValues, readParameters } from './parameters.ts';
import { Download, type Route } from './route.ts';
import { ROUTES } from './routes.ts';
import { sendDownload } from './send-download.ts';

/** What the handler works with. */
export interface AdminHandlerOptions {
  readonly operations: Operations;
  /**
   * Throws OciError when the caller may not use what is for operators: `UNAUTHORIZED`, with the
   * challenge among its headers, or `DENIED`.
   */
  readonly authorize: (access: Access, req: IncomingMessage) => void;
  /**
   * Throws OciError when the caller may not see the files of a repository, or search in all that they
   * may see (undefined): `UNAUTHORIZED`, or `NAME_UNKNOWN` as if it were missing.
   */
  readonly authorizePull: (
    access: Access,
    req: IncomingMessage,
    repository: string | undefined,
  ) => void;
  /** Told of errors that have no answer in the protocol; the client gets a 500. */
  readonly onError: (error: unknown, req: IncomingMessage) => void;
  /** Version of the program, for the description. */
  readonly version: string;
}

/** What happened, for logs, metrics and the audit log. */
export interface AdminOutcome {
  readonly status: number;
  /** Bytes of the answer's body. */
  readonly bytesOut: number;
  /** What was tried; undefined for what changes nothing or was not understood. */
  readonly audit:
    | {
        readonly action: AuditAction;
        readonly repository: string | undefined;
        readonly reference: string | undefined;
      }
    | undefined;
}

/** Answers one request. Never rejects. */
export type AdminHandler = (
  req: IncomingMessage,
  res: ServerResponse,
  path: string,
  access: Access,
) => Promise<AdminOutcome>;

interface JsonAnswer {
  readonly status: number;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

type Answer = JsonAnswer | Download;

const BY_PATH: ReadonlyMap<string, readonly Route[]> = Map.groupBy(ROUTES, ({ path }) => path);

function methodNotAllowed(allowed: string): OciError {
  return new OciError('UNSUPPORTED', { headers: { Allow: allowed } });
}

/** Finds the route. @throws OciError when there is none */
function routeOf(method: string, path: string): Route {
  const routes = BY_PATH.get(path);
  if (routes === undefined) {
    throw new OciError('UNSUPPORTED', { status: 404, message: 'there is no such resource' });
  }
  const wanted = method === 'HEAD' ? 'GET' : method;
  const route = routes.find((candidate) => candidate.method === wanted);
  if (route !== undefined) return route;
  const allowed = routes.flatMap((r) => (r.method === 'GET' ? ['GET', 'HEAD'] : ['POST']));
  throw methodNotAllowed(allowed.join(', '));
}

/**
 * Refuses changes that a page of another site makes a browser send: without authentication, or with
 * remembered credentials, the browser of an operator would otherwise be a way in.
 */
function refuseForeignPages(req: IncomingMessage): void {
  const { origin, host } = req.headers;
  const site = req.headers['sec-fetch-site'];
  const foreignSite = site !== undefined && site !== 'same-origin' && site !== 'none';
  const foreignOrigin = origin !== undefined && URL.parse(origin)?.host !== host;
  if (foreignSite || foreignOrigin) {
    throw new OciError('DENIED', { message: 'requests of pages of other sites are refused' });
  }
}

function failure(error: OciError): JsonAnswer {
  return { status: error.status, body: error.toJson(), headers: error.headers };
}

function send(req: IncomingMessage, res: ServerResponse, answer: JsonAnswer): number {
  const body = Buffer.from(answer.body);
  // Nothing is read from requests; what a client sends nevertheless must not hold up the connection.
  req.resume();
  res.writeHead(answer.status, {
    'Content-Type': 'application/json',
    'Content-Length': body.length,
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    ...answer.headers,
  });
  const bare = req.method === 'HEAD';
  res.end(bare ? undefined : body);
  return bare ? 0 : body.length;
}

/** Makes the handler of everything below `/api/v1/`; `path` is that of the request, without query. */
export function createAdminHandler(options: AdminHandlerOptions): AdminHandler {
  const { operations, authorize, authorizePull, onError } = options;
  let description: string | undefined;

  async function run(req: IncomingMessage, route: Route, access: Access): Promise<Answer> {
    const url = req.url ?? '';
    const mark = url.indexOf('?');
    const query = new URLSearchParams(mark < 0 ? '' : url.slice(mark));
    const values = readParameters(query, route.parameters) as ParameterValues;
    if (route.right === 'pull') {
      authorizePull(access, req, route.parameters.includes('repo') ? values.repo : undefined);
    }
    const accept = req.headers.accept ?? '';
    const result = await route.run({ operations, access, accept }, values);
    if (result instanceof Download) return result;
    return { status: route.status, body: JSON.stringify(result) };
  }

  function auditOf(req: IncomingMessage, route: Route): AdminOutcome['audit'] {
    if (route.audit === undefined) return undefined;
    const query = URL.parse(req.url ?? '', 'http://localhost')?.searchParams;
    const reference = query?.get('tag') ?? query?.get('digest') ?? query?.get('reference');
    return {
      action: route.audit,
      repository: query?.get('repo') ?? undefined,
      reference: reference ?? undefined,
    };
  }

  async function sendAnswer(
    req: IncomingMessage,
    res: ServerResponse,
    answer: Answer,
  ): Promise<Omit<AdminOutcome, 'audit'>> {
    if (!(answer instanceof Download)) {
      return { status: answer.status, bytesOut: send(req, res, answer) };
    }
    req.resume();
    return await sendDownload(req, res, answer.download);
  }

  return async (req, res, path, access) => {
    let audit: AdminOutcome['audit'];
    try {
      const below = path.slice(API_PREFIX.length);
      const isForAll = BY_PATH.get(below)?.every(({ right }) => right === 'pull') ?? false;
      if (!isForAll) authorize(access, req);
      let answer: Answer;
      if (below === DESCRIPTION_PATH && (req.method === 'GET' || req.method === 'HEAD')) {
        description ??= JSON.stringify(describeApi(options.version));
        answer = { status: 200, body: description };
      } else {
        const route = routeOf(req.method ?? '', below);
        audit = auditOf(req, route);
        if (route.method === 'POST') refuseForeignPages(req);
        answer = await run(req, route, access);
      }
      return { ...(await sendAnswer(req, res, answer)), audit };
    } catch (error) {
      if (!(error instanceof OciError)) onError(error, req);
      const answer = failure(error instanceof OciError ? error : new OciError('UNKNOWN'));
      return { status: answer.status, bytesOut: send(req, res, answer), audit };
    }
  };
}
