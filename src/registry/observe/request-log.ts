/** Writes a line for each request that is worth one. */
import type { LogConfig } from '../config/config.ts';
import type { Logger } from './logger.ts';
import { ROUTE, ROUTE_NAMES, type RouteId } from './routes.ts';

/** What is known of a request when it is over. */
export interface FinishedRequest {
  readonly id: string;
  readonly route: RouteId;
  readonly method: string;
  /** Path and query as the client sent them. */
  readonly url: string;
  /** 0 when no answer was sent or it broke off. */
  readonly status: number;
  readonly nanoseconds: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly client: string;
  /** '' for anonymous. */
  readonly subject: string;
  readonly userAgent: string | undefined;
}

/** The log of requests. */
export interface RequestLog {
  /** Whether a request is logged, so that what is known of it is only put together if so. */
  wants(route: RouteId, method: string, status: number): boolean;
  write(request: FinishedRequest): void;
}

function isWrite(method: string): boolean {
  return method !== 'GET' && method !== 'HEAD' && method !== 'OPTIONS';
}

/**
 * Whether a request has failed. 401 is how a client learns that it has to log in; and a push asks for
 * each thing by HEAD before it sends it, so what is new is not there.
 */
function isError(route: RouteId, method: string, status: number): boolean {
  if (status === 401) return false;
  if (status === 404 && method === 'HEAD') return route !== ROUTE.blob && route !== ROUTE.manifest;
  return status >= 400 || status === 0;
}

/** Query values may hold what nobody should read in a log, such as an account at the token service. */
function withoutQuery(url: string): string {
  const mark = url.indexOf('?');
  return mark < 0 ? url : url.slice(0, mark);
}

/** Makes the log of requests, which logs what `log.requests` says. */
export function createRequestLog(logger: Logger, mode: LogConfig['requests']): RequestLog {
  const silent = !logger.isLevelEnabled('error');
  return {
    wants(route, method, status) {
      if (silent) return false;
      if (mode === 'all' || (mode === 'writes' && isWrite(method))) return true;
      return isError(route, method, status);
    },
    write({ route, url, nanoseconds, ...rest }) {
      const { method, status } = rest;
      const level = status >= 500 ? 'error' : isError(route, method, status) ? 'warn' : 'info';
      const ms = Math.round(nanoseconds / 1e4) / 100;
      logger[level]({ ...rest, route: ROUTE_NAMES[route], path: withoutQuery(url), ms }, 'request');
    },
  };
}
