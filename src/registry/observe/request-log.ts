/** Writes a line for each request that is worth one. */
import type { LogConfig } from '../config/config.ts';
import type { Logger } from './logger.ts';
import { ROUTE_NAMES, type RouteId } from './routes.ts';

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
  wants(method: string, status: number): boolean;
  write(request: FinishedRequest): void;
}

function isWrite(method: string): boolean {
  return method !== 'GET' && method !== 'HEAD' && method !== 'OPTIONS';
}

/** 401 is how a client learns that it has to log in, and no error of its own. */
function isError(status: number): boolean {
  return (status >= 400 && status !== 401) || status === 0;
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
    wants(method, status) {
      if (silent) return false;
      return mode === 'all' || isError(status) || (mode === 'writes' && isWrite(method));
    },
    write({ route, url, nanoseconds, ...rest }) {
      const level = rest.status >= 500 ? 'error' : isError(rest.status) ? 'warn' : 'info';
      const ms = Math.round(nanoseconds / 1e4) / 100;
      logger[level]({ ...rest, route: ROUTE_NAMES[route], path: withoutQuery(url), ms }, 'request');
    },
  };
}
