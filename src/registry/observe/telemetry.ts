/**
 * Counts requests. This runs for every request, so it is nothing but additions to arrays of fixed
 * size; names and labels come in when somebody asks for the metrics.
 */
import { ROUTE_NAMES, type RouteId } from './routes.ts';

/** What the HTTP server tells about its requests. */
export interface Telemetry {
  /** To be called when the headers of a request are there. */
  requestStarted(): void;
  /**
   * To be called once for every started request, when its answer has been sent or cut off.
   * @param status - that of the answer; 0 when none was sent or it broke off
   * @param nanoseconds - since `requestStarted`
   * @param bytesIn - bytes of the request's body
   * @param bytesOut - bytes of the answer's body
   */
  requestFinished(
    route: RouteId,
    method: string,
    status: number,
    nanoseconds: number,
    bytesIn: number,
    bytesOut: number,
  ): void;
  /**
   * To be called for what never became a whole request.
   * @param status - that of the answer, or of the one that could not be given any more
   */
  requestBroken(status: number): void;
}

/** Methods that are told apart; every other one is counted as the last. */
const METHODS = ['GET', 'HEAD', 'PUT', 'POST', 'PATCH', 'DELETE', 'other'] as const;

/** Classes of status, by the first digit; 0 is an answer that was cut off. */
const STATUS_CLASSES = ['aborted', '1xx', '2xx', '3xx', '4xx', '5xx'] as const;

/** Upper bounds of the duration classes in seconds; one more class holds what is longer. */
export const DURATION_BOUNDS: readonly number[] = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300,
];

const BOUNDS = Float64Array.from(DURATION_BOUNDS, (seconds) => seconds * 1e9);
const CLASSES = BOUNDS.length + 1;
const SERIES = ROUTE_NAMES.length * METHODS.length;

function methodIndex(method: string): number {
  switch (method) {
    case 'GET':
      return 0;
    case 'HEAD':
      return 1;
    case 'PUT':
      return 2;
    case 'POST':
      return 3;
    case 'PATCH':
      return 4;
    case 'DELETE':
      return 5;
    default:
      return 6;
  }
}

/** The number of requests of one route, method and class of status. */
export interface RequestCount {
  readonly route: string;
  readonly method: string;
  readonly status: string;
  readonly count: number;
}

/** How long the requests of one route and method took. */
export interface DurationCounts {
  readonly route: string;
  readonly method: string;
  /** Requests by duration class, not added up; one more than {@link DURATION_BOUNDS}. */
  readonly counts: readonly number[];
  readonly seconds: number;
}

/** Counters of requests; both interfaces are views of the same numbers. */
export class RequestCounters implements Telemetry {
  // Doubles count exactly up to 2^53; 32-bit integers would wrap within a day of load.
  readonly #requests = new Float64Array(SERIES * STATUS_CLASSES.length);
  readonly #durations = new Float64Array(SERIES * CLASSES);
  readonly #nanoseconds = new Float64Array(SERIES);
  /** Broken requests by status; there are three. */
  readonly #broken = new Map<number, number>();
  #active = 0;
  #bytesIn = 0;
  #bytesOut = 0;

  /** Requests that have started and not finished. */
  get active(): number {
    return this.#active;
  }

  /** Bytes of all request bodies. */
  get bytesIn(): number {
    return this.#bytesIn;
  }

  /** Bytes of all bodies of answers. */
  get bytesOut(): number {
    return this.#bytesOut;
  }

  requestStarted(): void {
    this.#active++;
  }

  requestFinished(
    route: RouteId,
    method: string,
    status: number,
    nanoseconds: number,
    bytesIn: number,
    bytesOut: number,
  ): void {
    this.#active--;
    this.#bytesIn += bytesIn;
    this.#bytesOut += bytesOut;
    const series = route * METHODS.length + methodIndex(method);
    const statusClass = status >= 100 && status < 600 ? (status / 100) | 0 : 0;
    this.#requests[series * STATUS_CLASSES.length + statusClass]!++;
    let i = 0;
    // Most requests end in the first classes, where a walk beats a search.
    while (i < BOUNDS.length && nanoseconds > BOUNDS[i]!) i++;
    this.#durations[series * CLASSES + i]!++;
    this.#nanoseconds[series]! += nanoseconds;
  }

  requestBroken(status: number): void {
    this.#broken.set(status, (this.#broken.get(status) ?? 0) + 1);
  }

  /** Broken requests by status. */
  get broken(): ReadonlyMap<number, number> {
    return this.#broken;
  }

  /** Counts that are not zero. */
  *requests(): Generator<RequestCount> {
    for (let series = 0; series < SERIES; series++) {
      for (let i = 0; i < STATUS_CLASSES.length; i++) {
        const count = this.#requests[series * STATUS_CLASSES.length + i]!;
        if (count > 0) yield { ...this.#names(series), status: STATUS_CLASSES[i]!, count };
      }
    }
  }

  /** Durations of the routes and methods that have been used. */
  *durations(): Generator<DurationCounts> {
    for (let series = 0; series < SERIES; series++) {
      const counts = [...this.#durations.subarray(series * CLASSES, (series + 1) * CLASSES)];
      if (counts.every((count) => count === 0)) continue;
      yield { ...this.#names(series), counts, seconds: this.#nanoseconds[series]! / 1e9 };
    }
  }

  #names(series: number): { route: string; method: string } {
    const route = ROUTE_NAMES[Math.floor(series / METHODS.length)]!;
    return { route, method: METHODS[series % METHODS.length]! };
  }
}
