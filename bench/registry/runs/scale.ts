/** What a large store costs: to start, to page through, to keep in memory, to collect. */
import { setTimeout as delay } from 'node:timers/promises';
import type { CollectionReport } from '../../../src/registry/admin/operations.ts';
import { type Client, expectStatus, openClient } from '../load/client.ts';
import { type Memory, memoryOf, processesOf, sampleMemory } from '../measure/process.ts';
import { median, quantile } from '../measure/statistics.ts';
import { openOperator } from '../servers/operator.ts';
import { startStowage } from '../servers/stowage.ts';
import type { Target } from '../servers/types.ts';
import { LARGE_REPOSITORY, type ScalePlan, tagOf } from './scale-store.ts';

const STARTS = 3;
const SAMPLE_MS = 50;
const POLL_MS = 200;
/** Between two pages that are asked for while a collection runs. */
const PAGE_EVERY_MS = 20;
const LEASE_SECONDS = 1;

/** A kind of page. */
interface PageKind {
  readonly title: string;
  /** Path and query for a page after `last`. */
  path(last: string): string;
  readonly entries: number;
  readonly list: 'tags' | 'repositories';
}

/** Times of one kind of page, in milliseconds. */
export interface PageTimes {
  readonly title: string;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** The collection over the whole store, with the figures that it reports itself. */
export interface Collection {
  readonly seconds: number;
  readonly report: CollectionReport;
  /** Different states of its progress that were seen while it ran. */
  readonly progressSteps: number;
  readonly peak: Memory;
  readonly stallMs: number;
  readonly pages: PageTimes;
}

/** All that a scale run found. */
export interface ScaleResult {
  /** Seconds from the start of the process until it listens, median of three. */
  readonly startSeconds: number;
  readonly started: Memory;
  readonly paged: Memory;
  readonly pages: readonly PageTimes[];
  readonly collection: Collection;
}

function pageKinds(plan: ScalePlan): PageKind[] {
  const tags = (n: number): PageKind => ({
    title: `tags, ${n} a page`,
    path: (last) => `/v2/${LARGE_REPOSITORY}/tags/list?n=${n}&last=${last}`,
    entries: n,
    list: 'tags',
  });
  const catalogue = (n: number): PageKind => ({
    title: `catalogue, ${n} a page`,
    path: (last) => `/v2/_catalog?n=${n}&last=${last}`,
    entries: n,
    list: 'repositories',
  });
  return [
    ...[100, 1000, 10_000].filter((n) => n < plan.tagsInLarge).map(tags),
    ...[100, 1000].filter((n) => n < plan.repositories).map(catalogue),
  ];
}

/** Asks for a page, checks it, and gives the milliseconds that it took. */
async function timePage(client: Client, kind: PageKind, last: string): Promise<number> {
  const path = kind.path(last);
  const parts: Buffer[] = [];
  const begin = performance.now();
  const answer = await client.connection.exchange({
    head: `GET ${path} HTTP/1.1\r\n${client.lines}\r\n`,
    onBody: (part) => parts.push(Buffer.from(part)),
  });
  const milliseconds = performance.now() - begin;
  expectStatus(answer, 200, `GET ${path}`);
  const names = JSON.parse(Buffer.concat(parts).toString())[kind.list] as string[];
  const inOrder = names.every((name, i) => name > (i === 0 ? last : names[i - 1]!));
  if (names.length !== kind.entries || !inOrder) {
    throw new Error(`GET ${path}: ${names.length} entries, in order: ${inOrder}`);
  }
  return milliseconds;
}

/** Names after which pages begin, spread over the first half of the list. */
function startsOf(kind: PageKind, plan: ScalePlan, count: number): string[] {
  const length = kind.list === 'tags' ? plan.tagsInLarge : plan.repositories;
  const room = length - kind.entries - 1;
  return Array.from({ length: count }, (_, i) => {
    const position = Math.floor((room * i) / count);
    return kind.list === 'tags' ? tagOf(position) : `scale/r${String(position).padStart(6, '0')}`;
  });
}

function summarise(title: string, times: readonly number[]): PageTimes {
  return { title, p50: quantile(times, 0.5), p99: quantile(times, 0.99), max: quantile(times, 1) };
}

async function timePages(client: Client, plan: ScalePlan, count: number): Promise<PageTimes[]> {
  const results: PageTimes[] = [];
  for (const kind of pageKinds(plan)) {
    const times: number[] = [];
    for (const last of startsOf(kind, plan, count)) times.push(await timePage(client, kind, last));
    results.push(summarise(kind.title, times));
  }
  return results;
}

/** Runs a collection to its end while a client pages through tags. */
async function collect(target: Target, plan: ScalePlan): Promise<Collection> {
  const { operations, longestStallMs } = openOperator(target.endpoint.url);
  const client = await openClient(target.endpoint);
  const kind = pageKinds(plan)[0]!;
  const starts = startsOf(kind, plan, 1000);
  const times: number[] = [];
  await longestStallMs();
  const sampler = sampleMemory(target.pid, SAMPLE_MS);
  const begin = performance.now();
  const seen = new Set<number>();
  let report = await operations.collection.start({ dryRun: false });
  let pollAt = begin;
  while (report.state === 'running') {
    times.push(await timePage(client, kind, starts[times.length % starts.length]!));
    await delay(PAGE_EVERY_MS);
    if (performance.now() < pollAt) continue;
    report = (await operations.collection.report()) ?? report;
    seen.add(report.progress.done);
    pollAt = performance.now() + POLL_MS;
  }
  const seconds = (performance.now() - begin) / 1000;
  const peak = sampler.stop();
  client.connection.close();
  if (report.state === 'failed' || report.removedBlobs !== plan.garbage) {
    throw new Error(
      `the collection ${report.state}: it removed ${report.removedBlobs} blobs, not ` +
        `${plan.garbage} (${report.error})`,
    );
  }
  return {
    seconds,
    report,
    progressSteps: seen.size,
    peak,
    stallMs: await longestStallMs(),
    pages: summarise(`${kind.title}, during the collection`, times),
  };
}

/** Serves a store that `writeStore` has made, and takes all figures. */
export async function measureScale(
  folder: string,
  dataDir: string,
  plan: ScalePlan,
  options: { readonly pages: number; readonly progress: (text: string) => void },
): Promise<ScaleResult> {
  // The run starts background work itself, and garbage is what it wants to see removed.
  const env = {
    STOWAGE_GC__INTERVAL: 'off',
    STOWAGE_GC__LEASE: `${LEASE_SECONDS}s`,
    STOWAGE_SCRUB__PERIOD: 'off',
  };
  const startTimes: number[] = [];
  let target: Target | undefined;
  try {
    for (let i = 0; i < STARTS; i++) {
      await target?.stop();
      target = undefined;
      const begin = performance.now();
      target = await startStowage({ folder, dataDir, env });
      startTimes.push((performance.now() - begin) / 1000);
    }
    const server = target!;
    const started = memoryOf(processesOf(server.pid));
    options.progress('pages');
    const client = await openClient(server.endpoint);
    const pages = await timePages(client, plan, options.pages);
    client.connection.close();
    for (const { title, p50, p99 } of pages) {
      options.progress(`${title}: p50 ${p50.toFixed(1)}, p99 ${p99.toFixed(1)} ms`);
    }
    const paged = memoryOf(processesOf(server.pid));
    await delay(LEASE_SECONDS * 2000);
    options.progress('collection');
    const collection = await collect(server, plan);
    return { startSeconds: median(startTimes), started, paged, pages, collection };
  } finally {
    await target?.stop();
  }
}
