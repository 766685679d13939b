import { describe, expect, it } from 'vitest';
import { createMetrics } from '../../../src/registry/observe/metrics.ts';
import { ROUTE, ROUTE_NAMES } from '../../../src/registry/observe/routes.ts';
import { RequestCounters } from '../../../src/registry/observe/telemetry.ts';
import { STATUS } from './figures.ts';

const MS = 1e6;

function sampleOf(text: string, series: string): number | undefined {
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}

describe('counters of requests', () => {
  it('adds up by route, method and class of status', () => {
    const counters = new RequestCounters();
    for (const status of [200, 206, 404, 500, 0]) {
      counters.requestStarted();
      counters.requestFinished(ROUTE.blob, 'GET', status, MS, 0, 10);
    }
    counters.requestStarted();
    counters.requestFinished(ROUTE.upload, 'PATCH', 202, MS, 7, 0);
    counters.requestStarted();
    counters.requestFinished(ROUTE.other, 'BREW', 405, MS, 0, 0);
    expect([...counters.requests()]).toEqual([
      { route: 'blob', method: 'GET', status: 'aborted', count: 1 },
      { route: 'blob', method: 'GET', status: '2xx', count: 2 },
      { route: 'blob', method: 'GET', status: '4xx', count: 1 },
      { route: 'blob', method: 'GET', status: '5xx', count: 1 },
      { route: 'upload', method: 'PATCH', status: '2xx', count: 1 },
      { route: 'other', method: 'other', status: '4xx', count: 1 },
    ]);
    expect([counters.bytesIn, counters.bytesOut, counters.active]).toEqual([7, 50, 0]);
  });

  it('knows what is being answered', () => {
    const counters = new RequestCounters();
    counters.requestStarted();
    counters.requestStarted();
    counters.requestFinished(ROUTE.ping, 'GET', 200, MS, 0, 0);
    expect(counters.active).toBe(1);
  });

  it('sorts durations into classes whose upper bound belongs to them', () => {
    const counters = new RequestCounters();
    for (const ms of [0.5, 0.5001, 300_000, 300_001]) {
      counters.requestStarted();
      counters.requestFinished(ROUTE.manifest, 'HEAD', 200, ms * MS, 0, 0);
    }
    const [series] = [...counters.durations()];
    expect(series).toMatchObject({ route: 'manifest', method: 'HEAD' });
    expect(series!.counts[0]).toBe(1);
    expect(series!.counts[1]).toBe(1);
    expect(series!.counts.at(-2)).toBe(1);
    expect(series!.counts.at(-1)).toBe(1);
    expect(series!.seconds).toBeCloseTo(600.002, 3);
  });

  it('has a name for every route', () => {
    expect(Object.values(ROUTE)).toEqual(ROUTE_NAMES.map((_, index) => index));
    expect(ROUTE_NAMES[ROUTE.referrers]).toBe('referrers');
  });
});

describe('the text of /metrics', () => {
  const metrics = createMetrics({ version: '1.2.3', store: () => STATUS });

  it('holds the requests, with durations as a histogram', async () => {
    const { telemetry } = metrics;
    for (const [status, ms] of [
      [200, 0.4],
      [200, 3],
      [404, 70_000],
    ] as const) {
      telemetry.requestStarted();
      telemetry.requestFinished(ROUTE.manifest, 'GET', status, ms * MS, 1, 100);
    }
    telemetry.requestStarted();
    const text = await metrics.render();
    const requests = 'stowage_http_requests_total{route="manifest",method="GET",status=';
    expect(sampleOf(text, `${requests}"2xx"}`)).toBe(2);
    expect(sampleOf(text, `${requests}"4xx"}`)).toBe(1);
    expect(sampleOf(text, 'stowage_http_requests_active')).toBe(1);
    expect(sampleOf(text, 'stowage_http_received_bytes_total')).toBe(3);
    expect(sampleOf(text, 'stowage_http_sent_bytes_total')).toBe(300);
    const name = 'stowage_http_request_duration_seconds';
    expect(text).toContain(`# TYPE ${name} histogram`);
    const labels = 'route="manifest",method="GET"';
    expect(sampleOf(text, `${name}_bucket{le="0.0005",${labels}}`)).toBe(1);
    expect(sampleOf(text, `${name}_bucket{le="0.005",${labels}}`)).toBe(2);
    expect(sampleOf(text, `${name}_bucket{le="60",${labels}}`)).toBe(2);
    expect(sampleOf(text, `${name}_bucket{le="300",${labels}}`)).toBe(3);
    expect(sampleOf(text, `${name}_bucket{le="+Inf",${labels}}`)).toBe(3);
    expect(sampleOf(text, `${name}_count{${labels}}`)).toBe(3);
    expect(sampleOf(text, `${name}_sum{${labels}}`)).toBeCloseTo(70.0034, 6);
  });

  it('holds what never became a request, by status', async () => {
    for (const status of [400, 431, 400]) metrics.telemetry.requestBroken(status);
    const text = await metrics.render();
    expect(sampleOf(text, 'stowage_http_broken_requests_total{status="400"}')).toBe(2);
    expect(sampleOf(text, 'stowage_http_broken_requests_total{status="431"}')).toBe(1);
  });

  it('counts nothing twice when it is read twice', async () => {
    const first = await metrics.render();
    const second = await metrics.render();
    for (const series of [
      'stowage_http_sent_bytes_total',
      'stowage_http_broken_requests_total{status="400"}',
      'stowage_collector_rounds_total',
    ]) {
      expect(sampleOf(second, series)).toBe(sampleOf(first, series));
    }
  });

  it.each([
    ['repositories', 11],
    ['tags', 12],
    ['manifests', 13],
    ['blobs', 14],
    ['blob_bytes', 15_000_000],
    ['blobs_quarantined', 1],
    ['uploads_open', 2],
    ['disk_free_bytes', 40_000_000_000],
    ['disk_reserve_bytes', 1_073_741_824],
    ['pushes_refused', 0],
    ['collector_rounds_total', 21],
    ['collector_removed_blobs_total', 22],
    ['collector_removed_bytes_total', 23_000],
    ['scrub_checked_blobs_total', 31],
    ['scrub_checked_bytes_total', 32_000],
    ['scrub_damaged_blobs_total', 1],
  ])('holds stowage_%s', async (name, value) => {
    expect(sampleOf(await metrics.render(), `stowage_${name}`)).toBe(value);
  });

  it('holds the process: version, memory, event-loop delay', async () => {
    const text = await metrics.render();
    expect(sampleOf(text, 'stowage_info{version="1.2.3"}')).toBe(1);
    expect(sampleOf(text, 'process_resident_memory_bytes')).toBeGreaterThan(1e6);
    expect(sampleOf(text, 'nodejs_eventloop_lag_p99_seconds')).toBeGreaterThanOrEqual(0);
  });

  it('decisions 4: has no label for repositories', async () => {
    expect(await metrics.render()).not.toMatch(/[{,](repo|repository|name)="/);
  });

  it('follows the exposition format: every line is a comment or a sample', async () => {
    const lines = (await metrics.render()).split('\n').filter((line) => line !== '');
    const odd = lines.filter(
      (line) => !/^(# (HELP|TYPE) \w+ .+|\w+(\{.*\})? (-?[\d.e+-]+|Nan|[+-]Inf))$/.test(line),
    );
    expect(odd).toEqual([]);
    expect(metrics.contentType).toContain('text/plain; version=0.0.4');
  });
});
