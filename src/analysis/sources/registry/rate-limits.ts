/**
 * What a registry says about pulls that are left: `ratelimit-limit: 100;w=21600` and
 * `ratelimit-remaining: 76;w=21600` (Docker Hub's documentation, "Usage and limits"). Only the GET of a
 * manifest counts there; HEAD tells the figures for free.
 */
import type { IncomingHttpHeaders } from 'node:http';

/** Figures of a registry that limits pulls. */
export interface RateLimits {
  /** Pulls in a window; undefined when the registry does not say. */
  readonly limit: number | undefined;
  /** Pulls that are left. */
  readonly remaining: number;
  /** Milliseconds of the window; undefined when the registry does not say. */
  readonly window: number | undefined;
}

interface Quota {
  readonly count: number;
  readonly window: number | undefined;
}

function parseQuota(value: string | string[] | undefined): Quota | undefined {
  if (typeof value !== 'string') return undefined;
  const [count, ...parameters] = value.split(/[;,]/).map((part) => part.trim());
  if (count === undefined || !/^\d{1,9}$/.test(count)) return undefined;
  const window = parameters.find((parameter) => /^w=\d{1,9}$/.test(parameter));
  return {
    count: Number(count),
    window: window === undefined ? undefined : Number(window.slice(2)) * 1000,
  };
}

/** Reads the limits off an answer; undefined when it has none. */
export function readRateLimits(headers: IncomingHttpHeaders): RateLimits | undefined {
  const remaining = parseQuota(headers['ratelimit-remaining']);
  if (remaining === undefined) return undefined;
  const limit = parseQuota(headers['ratelimit-limit']);
  return {
    limit: limit?.count,
    remaining: remaining.count,
    window: remaining.window ?? limit?.window,
  };
}
