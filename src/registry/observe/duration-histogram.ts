/** A Prometheus histogram whose numbers are kept elsewhere and only read when it is scraped. */
import { Histogram, type MetricType, type Registry } from 'prom-client';
import { DURATION_BOUNDS, type DurationCounts } from './telemetry.ts';

interface Sample {
  readonly metricName: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

/** The samples of one series as the exposition format wants them: classes added up. */
function samplesOf(name: string, { route, method, counts, seconds }: DurationCounts): Sample[] {
  const samples: Sample[] = [];
  let total = 0;
  for (const [i, count] of counts.entries()) {
    total += count;
    const labels = { le: DURATION_BOUNDS[i] ?? '+Inf', route, method };
    samples.push({ metricName: `${name}_bucket`, labels, value: total });
  }
  samples.push({ metricName: `${name}_sum`, labels: { route, method }, value: seconds });
  samples.push({ metricName: `${name}_count`, labels: { route, method }, value: total });
  return samples;
}

/** What the histogram is called and where its numbers are. */
export interface DurationHistogramOptions {
  readonly name: string;
  readonly help: string;
  readonly registry: Registry;
  readonly read: () => Iterable<DurationCounts>;
}

/** The declarations promise an enumeration that the package does not have: words are what it uses. */
const TYPE = 'histogram' as unknown as MetricType;

/** What a scrape gets; prom-client does not export the type. */
type Scraped = ReturnType<Histogram<string>['get']>;

/** Durations by route and method. */
export class DurationHistogram extends Histogram<string> {
  readonly #options: DurationHistogramOptions;

  constructor(options: DurationHistogramOptions) {
    const { name, help, registry } = options;
    super({ name, help, registers: [registry], labelNames: ['route', 'method'] });
    this.#options = options;
  }

  override async get(): Scraped {
    const { name, help, read } = this.#options;
    const values = [...read()].flatMap((counts) => samplesOf(name, counts));
    return { name, help, type: TYPE, aggregator: 'sum', collect() {}, values };
  }

  /** What the registry calls instead of `get` where it is there. */
  getForPromString(): Scraped {
    return this.get();
  }
}
