/**
 * One request and its answer. An object of a fixed shape that goes through all handlers; what is
 * costly to find out (address, id) is found out when somebody asks.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { requestBegan, requestEnded } from '../../lib/demand.ts';
import type { OciError } from '../../oci/errors.ts';
import type { Access } from '../auth/types.ts';
import type { AuditAction } from '../observe/audit.ts';
import { ROUTE, type RouteId } from '../observe/routes.ts';
import type { Application } from './application.ts';
import { queryValue, type Target } from './target.ts';

/** Legacy, but old clients look at it (GEN-10). */
const API_VERSION_NAME = 'Docker-Distribution-Api-Version';
const API_VERSION = 'registry/2.0';

/** Names and values in turn, as node's `writeHead` takes them. */
export type HeaderList = readonly string[];

/** What a write did, for the audit log. */
export interface Audited {
  readonly action: AuditAction;
  /** Default: the subject of the request's access. */
  readonly subject?: string | undefined;
  readonly repository?: string | undefined;
  readonly reference?: string | undefined;
  readonly digest?: string | undefined;
}

/** Headers that every answer of `/v2/` has. */
export const COMMON_HEADERS: HeaderList = [API_VERSION_NAME, API_VERSION];

const EMPTY = Buffer.alloc(0);

/** A request on its way through the server. */
export class Exchange {
  readonly app: Application;
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly method: string;
  readonly target: Target;
  readonly startedAt: number;
  route: RouteId = ROUTE.other;
  /** Set before any handler runs. */
  access!: Access;
  bytesIn = 0;
  bytesOut = 0;
  #audited: Audited | undefined;
  #client: string | undefined;
  #id: string | undefined;
  #over = false;
  #isDemand = false;

  constructor(app: Application, req: IncomingMessage, res: ServerResponse, target: Target) {
    this.app = app;
    this.req = req;
    this.res = res;
    this.method = req.method ?? '';
    this.target = target;
    this.startedAt = performance.now();
  }

  /** True for HEAD, whose answers have no body. */
  get isHead(): boolean {
    return this.method === 'HEAD';
  }

  /** Address of the client; behind trusted proxies the one that they name. */
  get client(): string {
    this.#client ??= this.app.clients.addressOf(this.req);
    return this.#client;
  }

  /** Id of the request in the logs. */
  get id(): string {
    this.#id ??= this.app.requestIds(this.req.headers['x-request-id']);
    return this.#id;
  }

  /** One value of a header, the first of a repeated one. */
  header(name: string): string | undefined {
    const value = this.req.headers[name];
    return typeof value === 'string' ? value : value?.[0];
  }

  /** A query parameter. */
  query(name: string): string | undefined {
    return queryValue(this.target, name);
  }

  /** Notes what this request writes; it goes to the audit log with the status of the answer. */
  audit(audited: Audited): void {
    this.#audited = audited;
  }

  /** Answers with a body that is at hand; HEAD gets the headers alone. */
  send(status: number, headers: HeaderList, body: Buffer = EMPTY): void {
    this.res.writeHead(status, headers as string[]);
    if (this.isHead || body.length === 0) {
      this.res.end();
    } else {
      this.bytesOut = body.length;
      this.res.end(body);
    }
    this.finish(status);
  }

  /** Answers with JSON. */
  sendJson(status: number, value: unknown, headers: HeaderList = []): void {
    this.sendText(status, { type: 'application/json', text: JSON.stringify(value) }, headers);
  }

  /** Answers with text of a type. */
  sendText(
    status: number,
    content: { readonly type: string; readonly text: string },
    headers: HeaderList = [],
  ): void {
    const body = Buffer.from(content.text);
    this.send(
      status,
      [
        'Content-Type',
        content.type,
        'Content-Length',
        String(body.length),
        ...COMMON_HEADERS,
        ...headers,
      ],
      body,
    );
  }

  /** Answers with an error of the protocol. */
  sendError(error: OciError): void {
    const headers: string[] = ['X-Request-Id', this.id, 'X-Content-Type-Options', 'nosniff'];
    for (const [name, value] of Object.entries(error.headers)) headers.push(name, value);
    this.sendText(error.status, { type: 'application/json', text: error.toJson() }, headers);
  }

  /** Cuts the connection, because no honest answer is possible any more. */
  cut(): void {
    this.res.destroy();
    this.finish(0);
  }

  /** Says that a client of the registry waits for it, so that long work stands back. */
  becomeDemand(): void {
    this.#isDemand = true;
    requestBegan();
  }

  /** Counts and logs the request; for handlers that write their answer themselves. */
  finish(status: number): void {
    if (this.#over) return;
    this.#over = true;
    if (this.#isDemand) requestEnded();
    const { app, method, route } = this;
    const nanoseconds = (performance.now() - this.startedAt) * 1e6;
    app.telemetry.requestFinished(route, method, status, nanoseconds, this.bytesIn, this.bytesOut);
    if (this.#audited !== undefined) {
      const { id: requestId, client } = this;
      const { subject = this.access.subject } = this.#audited;
      app.audit.record({ ...this.#audited, subject, status, client, requestId });
    }
    if (!app.requestLog.wants(route, method, status)) return;
    app.requestLog.write({
      id: this.id,
      route,
      method,
      url: this.req.url ?? '',
      status,
      nanoseconds,
      bytesIn: this.bytesIn,
      bytesOut: this.bytesOut,
      client: this.client,
      subject: this.access?.subject ?? '',
      userAgent: this.req.headers['user-agent'],
    });
  }
}
