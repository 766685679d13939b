/**
 * The kinds of request that metrics and logs tell apart. Small integers, because they index the
 * counters that every request touches.
 */

/** What a request was about. */
export const ROUTE = {
  /** `/v2/` itself. */
  ping: 0,
  manifest: 1,
  blob: 2,
  /** Everything below `/blobs/uploads/`. */
  upload: 3,
  tags: 4,
  referrers: 5,
  catalog: 6,
  token: 7,
  /** `/api/v1/`. */
  admin: 8,
  /** `/metrics`, the health checks, and what is not served. */
  other: 9,
} as const;

/** One value of {@link ROUTE}. */
export type RouteId = (typeof ROUTE)[keyof typeof ROUTE];

/** Names for labels and log lines, by id. */
export const ROUTE_NAMES: readonly string[] = Object.keys(ROUTE);
