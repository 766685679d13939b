/** The metrics in the Prometheus text format. Nothing is labelled by repository. */
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { DurationHistogram } from './duration-histogram.ts';
import { addStoreMetrics, type StoreFigures } from './store-metrics.ts';
import { RequestCounters, type Telemetry } from './telemetry.ts';

/** What the metrics are made of. */
export interface MetricsOptions {
  /** Version of the program. */
  readonly version: string;
  /** Asked once a scrape. */
  readonly store: () => StoreFigures | Promise<StoreFigures>;
}

/** The metrics of one server. */
export interface Metrics {
  /** Where the HTTP server counts its requests. */
  readonly telemetry: Telemetry;
  readonly contentType: string;
  /** The text of `/metrics`. */
  render(): Promise<string>;
}

function addRequestMetrics(registry: Registry, counters: RequestCounters): void {
  const registers = [registry];
  new Counter({
    name: 'stowage_http_requests_total',
    help: 'Requests by route, method and class of status; aborted: the answer was cut off.',
    labelNames: ['route', 'method', 'status'],
    registers,
    collect() {
      this.reset();
      for (const { count, ...labels } of counters.requests()) this.inc(labels, count);
    },
  });
  new Counter({
    name: 'stowage_http_broken_requests_total',
    help: 'What never became a whole request, by status: no HTTP, headers too large or too slow.',
    labelNames: ['status'],
    registers,
    collect() {
      this.reset();
      for (const [status, count] of counters.broken) this.inc({ status }, count);
    },
  });
  new DurationHistogram({
    name: 'stowage_http_request_duration_seconds',
    help: 'Time from the headers of a request to the end of its answer.',
    registry,
    read: () => counters.durations(),
  });
  new Gauge({
    name: 'stowage_http_requests_active',
    help: 'Requests that are being answered.',
    registers,
    collect() {
      this.set(counters.active);
    },
  });
  for (const [name, help, read] of [
    ['received', 'Bytes of the bodies of requests.', () => counters.bytesIn],
    ['sent', 'Bytes of the bodies of answers.', () => counters.bytesOut],
  ] as const) {
    new Counter({
      name: `stowage_http_${name}_bytes_total`,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  }
}

/**
 * Makes the metrics of a server. Metrics of the process (CPU, memory, event-loop delay, garbage
 * collection) come with it and cannot be taken back: one call a process is what this is for.
 */
export function createMetrics(options: MetricsOptions): Metrics {
  const registry = new Registry();
  const counters = new RequestCounters();
  collectDefaultMetrics({ register: registry });
  new Gauge({
    name: 'stowage_info',
    help: 'Version of Stowage; the value is always 1.',
    labelNames: ['version'],
    registers: [registry],
  }).set({ version: options.version }, 1);
  addRequestMetrics(registry, counters);
  const setStoreFigures = addStoreMetrics(registry);
  return {
    telemetry: counters,
    contentType: registry.contentType,
    async render() {
      setStoreFigures(await options.store());
      return await registry.metrics();
    },
  };
}
