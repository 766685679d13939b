/** Brings a request to its handler, and makes an answer of whatever goes wrong there. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { OciError } from '../../oci/errors.ts';
import { OPEN_ACCESS } from '../auth/access.ts';
import { parseAuthorization } from '../auth/credentials.ts';
import { AuthenticationError, TokenExpiredError } from '../auth/errors.ts';
import type { Access } from '../auth/types.ts';
import { ROUTE, type RouteId } from '../observe/routes.ts';
import type { Application } from './application.ts';
import { getBlob, removeBlob } from './blob-handlers.ts';
import { Exchange } from './exchange.ts';
import { answerFor } from './failure.ts';
import { getCatalog, getExtensions, getTags } from './list-handlers.ts';
import { getManifest, pushManifest, removeManifest } from './manifest-handlers.ts';
import { requireRight, unauthorized } from './permission.ts';
import { getReferrers } from './referrer-handlers.ts';
import { ClientGoneError, drain } from './request-body.ts';
import { parseTarget, type TargetKind } from './target.ts';
import {
  appendToUpload,
  cancelUpload,
  finishUpload,
  getUpload,
  startUpload,
} from './upload-handlers.ts';

type Handler = (exchange: Exchange) => void | Promise<void>;

/** Which parts of the interface an address serves. */
export interface Surface {
  readonly registry: boolean;
  readonly admin: boolean;
}

interface Resource {
  readonly route: RouteId;
  readonly methods: Readonly<Record<string, Handler>>;
  /** Part of {@link Surface} that it belongs to; health checks and log-ins belong to all. */
  readonly part: keyof Surface | 'all';
}

function ping(exchange: Exchange): void {
  const { access, app } = exchange;
  // Clients learn here how to log in, also where they could do without (section 2 of the checklist).
  const isLoggedIn = access.subject !== '' || exchange.req.headers.authorization !== undefined;
  if (!isLoggedIn && !app.authenticator.open) throw unauthorized(exchange, []);
  exchange.sendJson(200, {});
}

function live(exchange: Exchange): void {
  exchange.sendText(200, { type: 'text/plain; charset=utf-8', text: 'ok\n' });
}

function ready(exchange: Exchange): void {
  const isReady = exchange.app.ready();
  const text = isReady ? 'ok\n' : 'stopping\n';
  exchange.sendText(isReady ? 200 : 503, { type: 'text/plain; charset=utf-8', text });
}

async function metrics(exchange: Exchange): Promise<void> {
  requireRight(exchange, 'metrics');
  const { metrics: source } = exchange.app;
  exchange.sendText(200, { type: source.contentType, text: await source.render() });
}

/** Notes a log-in that was refused, with the name that was given, if there is one to be read. */
function auditRefusal(exchange: Exchange): void {
  let subject = '';
  try {
    const credential = parseAuthorization(exchange.req.headers.authorization ?? '');
    if (credential.scheme === 'basic') subject = credential.user;
  } catch {
    // Malformed: that is why it was refused.
  }
  exchange.audit({ action: 'login.refused', subject });
}

async function token(exchange: Exchange): Promise<void> {
  const { authenticator } = exchange.app;
  const { req, res } = exchange;
  if (authenticator.tokenEndpoint === null) throw new OciError('UNSUPPORTED', { status: 404 });
  await authenticator.tokenEndpoint(req, res, exchange.client);
  if (res.statusCode === 401) auditRefusal(exchange);
  exchange.finish(res.statusCode);
}

async function admin(exchange: Exchange): Promise<void> {
  const { app, req, res, target, access } = exchange;
  const { status, bytesOut, audit } = await app.admin(req, res, target.path, access);
  exchange.bytesOut = bytesOut;
  if (audit !== undefined) exchange.audit(audit);
  exchange.finish(status);
}

const registry = (route: RouteId, methods: Readonly<Record<string, Handler>>): Resource => ({
  route,
  methods,
  part: 'registry',
});

const RESOURCES: Readonly<Record<Exclude<TargetKind, 'unknown'>, Resource>> = {
  ping: registry(ROUTE.ping, { GET: ping, HEAD: ping }),
  catalog: registry(ROUTE.catalog, { GET: getCatalog, HEAD: getCatalog }),
  extensions: registry(ROUTE.other, { GET: getExtensions, HEAD: getExtensions }),
  manifest: registry(ROUTE.manifest, {
    GET: getManifest,
    HEAD: getManifest,
    PUT: pushManifest,
    DELETE: removeManifest,
  }),
  blob: registry(ROUTE.blob, { GET: getBlob, HEAD: getBlob, DELETE: removeBlob }),
  uploads: registry(ROUTE.upload, { POST: startUpload }),
  upload: registry(ROUTE.upload, {
    GET: getUpload,
    HEAD: getUpload,
    PATCH: appendToUpload,
    PUT: finishUpload,
    DELETE: cancelUpload,
  }),
  tags: registry(ROUTE.tags, { GET: getTags, HEAD: getTags }),
  referrers: registry(ROUTE.referrers, { GET: getReferrers, HEAD: getReferrers }),
  // Challenges send clients to the address that they asked, whichever that is.
  token: { route: ROUTE.token, methods: { GET: token, POST: token }, part: 'all' },
  admin: { route: ROUTE.admin, methods: { GET: admin, HEAD: admin, POST: admin }, part: 'admin' },
  metrics: { route: ROUTE.other, methods: { GET: metrics, HEAD: metrics }, part: 'admin' },
  live: { route: ROUTE.other, methods: { GET: live, HEAD: live }, part: 'all' },
  ready: { route: ROUTE.other, methods: { GET: ready, HEAD: ready }, part: 'all' },
};

/** Health checks and the token service have to answer those who have no credential yet. */
const WITHOUT_ACCESS: ReadonlySet<TargetKind> = new Set(['live', 'ready', 'token']);

/** Answers requests. Never throws or rejects. */
export type Dispatch = (req: IncomingMessage, res: ServerResponse) => void;

/** Makes the function that answers the requests of one address. */
export function createDispatch(app: Application, surface: Surface): Dispatch {
  function fail(exchange: Exchange, error: unknown): void {
    const { req, res } = exchange;
    if (error instanceof ClientGoneError) {
      exchange.finish(0);
      return;
    }
    const answer =
      answerFor(exchange, error) ?? new OciError('UNKNOWN', { detail: { request: exchange.id } });
    // The client is not told what went wrong on our side; whoever runs the server has to know.
    if (answer.status >= 500 && answer !== error) {
      app.logger.error(
        { err: error, id: exchange.id, path: exchange.target.path },
        'request failed',
      );
    }
    if (error instanceof TokenExpiredError) {
      app.logger.debug({ id: exchange.id, client: exchange.client }, 'token expired');
    } else if (error instanceof AuthenticationError) auditRefusal(exchange);
    if (res.headersSent) {
      exchange.cut();
      return;
    }
    exchange.sendError(answer);
    drain(req);
  }

  function handle(exchange: Exchange, handler: Handler): void {
    try {
      const pending = handler(exchange);
      if (pending !== undefined) pending.catch((error: unknown) => fail(exchange, error));
    } catch (error) {
      fail(exchange, error);
    }
  }

  function withAccess(exchange: Exchange, handler: Handler): void {
    const { authorization } = exchange.req.headers;
    const { authenticator } = app;
    if (authenticator.open && authorization === undefined) {
      exchange.access = OPEN_ACCESS;
      handle(exchange, handler);
      return;
    }
    let access: Access | Promise<Access>;
    try {
      access = authenticator.authenticate(authorization, exchange.client);
    } catch (error) {
      fail(exchange, error);
      return;
    }
    if (!(access instanceof Promise)) {
      exchange.access = access;
      handle(exchange, handler);
      return;
    }
    access.then(
      (known) => {
        exchange.access = known;
        handle(exchange, handler);
      },
      (error: unknown) => fail(exchange, error),
    );
  }

  return (req, res) => {
    app.telemetry.requestStarted();
    // A connection that is never idle would keep the server from stopping.
    if (!app.ready()) res.shouldKeepAlive = false;
    const target = parseTarget(req.url ?? '');
    const exchange = new Exchange(app, req, res, target);
    exchange.access = NOBODY;
    const resource = target.kind === 'unknown' ? undefined : RESOURCES[target.kind];
    if (resource === undefined || (resource.part !== 'all' && !surface[resource.part])) {
      fail(exchange, new OciError('UNSUPPORTED', { status: 404, message: 'no such resource' }));
      return;
    }
    if (hasTwoHosts(req)) {
      fail(exchange, new OciError('UNSUPPORTED', { status: 400, message: 'two Host headers' }));
      return;
    }
    exchange.route = resource.route;
    if (resource.part === 'registry') exchange.becomeDemand();
    const handler = resource.methods[exchange.method];
    if (handler === undefined) {
      const allowed = Object.keys(resource.methods).join(', ');
      fail(exchange, new OciError('UNSUPPORTED', { headers: { Allow: allowed } }));
    } else if (WITHOUT_ACCESS.has(target.kind)) {
      handle(exchange, handler);
    } else withAccess(exchange, handler);
  };
}

/**
 * A request may name its host once (RFC 9112, 3.2); what stands in front of the server might go by
 * the other name.
 */
function hasTwoHosts({ rawHeaders }: IncomingMessage): boolean {
  let hosts = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!;
    if (name.length === 4 && name.toLowerCase() === 'host') hosts++;
  }
  return hosts > 1;
}

/** Until a request has been authenticated it may do nothing. */
const NOBODY: Access = { subject: '', can: () => false, mayEver: () => false, has: () => false };
