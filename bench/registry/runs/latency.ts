/**
 * The latency run: what clients feel while collection and scrub run over a large store, or layers are
 * taken apart, against the same store at rest. Requests come at a steady pace, so that a stall delays all that fall into it;
 * then as fast as they are answered, for the throughput.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { type Fixture, pushFixture } from '../fixture.ts';
import { openClient } from '../load/client.ts';
import { type Load, startLoad } from '../load/process.ts';
import type { Latency, RunResult, Until, Work } from '../load/protocol.ts';
import { PUSH_BLOB, PUSH_IMAGE } from '../rows.ts';
import { type Operator, openOperator } from '../servers/operator.ts';
import type { Target } from '../servers/types.ts';
import { prepareIngest } from './ingest-chore.ts';

const POLL_MS = 250;
const GARBAGE: Work = { kind: 'push', what: 'blob', bytes: 1024 };
const MANY_CONNECTIONS = 16;
/** Pushes are read back that are no older, for the collection takes them after some seconds. */
const READ_BACK_MS = 2000;
/** A lease may last a fourth longer than set. */
const LEASE_SLACK = 1.5;

/** What clients do in both phases, and the milliseconds between two of their requests. */
const PACES = { 'manifest GET': 5, 'blob HEAD': 5, '1 MiB push': 50 } as const;

/** One kind of request. */
export type Probe = keyof typeof PACES;

/** All kinds, in the order of the table. */
export const PROBES = Object.keys(PACES) as readonly Probe[];

/** What may run in the background. */
export const CHORES = ['collection', 'scrub', 'ingest'] as const;

/** A kind of background work. */
export type Chore = (typeof CHORES)[number];

/** How large the store is and how long it is watched. */
export interface LatencyOptions {
  /** Unreferenced blobs of 1 KiB, for the collections to remove; pushed in equal parts each round. */
  readonly garbage: number;
  /** Referenced images with a layer of 1 MiB, for the scrub to read. */
  readonly images: number;
  /** Rounds of an idle and a busy phase. */
  readonly rounds: number;
  /** Of each phase. */
  readonly milliseconds: number;
  /** The server's `gc.lease`: what was pushed is garbage once it has passed. */
  readonly leaseMs: number;
  /** What keeps the server busy. */
  readonly chores: readonly Chore[];
  /** Layers of about 150 MB that are to be taken apart in each busy phase, when that is a chore. */
  readonly layers: number;
  readonly progress: (text: string) => void;
}

/** What was seen in one phase. */
export interface Phase {
  readonly latencies: Readonly<Record<Probe, Latency>>;
  /** Manifest GETs per second over 16 connections. */
  readonly rate: number;
  /** Longest stall of the server's event loop, in milliseconds. */
  readonly stallMs: number;
}

/** What was done in the background meanwhile. */
export interface Background {
  collections: number;
  scrubs: number;
  removedBlobs: number;
  checkedBytes: number;
  /** Of layers, taken apart to their end. */
  ingestedBytes: number;
}

/** All that a latency run found. */
export interface LatencyResult {
  readonly rounds: readonly { readonly idle: Phase; readonly busy: Phase }[];
  readonly background: Readonly<Background>;
}

interface Watched {
  readonly target: Target;
  readonly fixture: Fixture;
  readonly operator: Operator;
  /** One for each probe. */
  readonly loads: readonly Load[];
}

async function runOn(
  load: Load,
  target: Target,
  run: {
    readonly work: Work;
    readonly until: Until;
    readonly connections: number;
    readonly everyMs?: number;
  },
): Promise<RunResult> {
  const { work, until, connections, everyMs } = run;
  await load.open({ endpoint: target.endpoint, connections });
  const result = await load.run({ work, until, everyMs });
  await load.verify({ withinMs: READ_BACK_MS });
  await load.close();
  return result;
}

async function observe(watched: Watched, milliseconds: number): Promise<Phase> {
  const { target, fixture, operator, loads } = watched;
  const works: Readonly<Record<Probe, Work>> = {
    'manifest GET': { kind: 'pull', method: 'GET', content: fixture.tag },
    'blob HEAD': { kind: 'pull', method: 'HEAD', content: fixture.small },
    '1 MiB push': PUSH_BLOB,
  };
  await operator.longestStallMs();
  const results = await Promise.all(
    PROBES.map(async (probe, i) => {
      const { latency } = await runOn(loads[i]!, target, {
        work: works[probe],
        until: { milliseconds },
        connections: 1,
        everyMs: PACES[probe],
      });
      return [probe, latency] as const;
    }),
  );
  const stallMs = await operator.longestStallMs();
  const fast = await runOn(loads[0]!, target, {
    work: works['manifest GET'],
    until: { milliseconds: milliseconds / 2 },
    connections: MANY_CONNECTIONS,
  });
  return {
    latencies: Object.fromEntries(results) as Record<Probe, Latency>,
    rate: (fast.count / fast.milliseconds) * 1000,
    stallMs,
  };
}

/**
 * Keeps collection and scrub running, one after the other of its kind, and counts into `done`.
 * `stop` waits for those that still run.
 */
function keepBusy(
  { operations }: Operator,
  chores: readonly Chore[],
  done: Background,
): { stop(): Promise<void> } {
  let busy = true;
  const collect = async (): Promise<void> => {
    while (busy) {
      let report = await operations.collection.start({ dryRun: false });
      do {
        await delay(POLL_MS);
        report = (await operations.collection.report()) ?? report;
      } while (report.state === 'running');
      if (report.state === 'failed') throw new Error(`the collection failed: ${report.error}`);
      done.collections += 1;
      done.removedBlobs += report.removedBlobs;
    }
  };
  const scrub = async (): Promise<void> => {
    while (busy) {
      let report = await operations.scrub.start();
      do {
        await delay(POLL_MS);
        report = (await operations.scrub.report()) ?? report;
      } while (report.state === 'running');
      if (report.state === 'failed') throw new Error(`the scrub failed: ${report.error}`);
      if (report.damagedBlobs > 0) throw new Error('the scrub found damage in a sound store');
      done.scrubs += 1;
      done.checkedBytes += report.checkedBytes;
    }
  };
  const running = Promise.all([
    chores.includes('collection') ? collect() : undefined,
    chores.includes('scrub') ? scrub() : undefined,
  ]);
  // The caller hears of it from stop().
  running.catch(() => undefined);
  return {
    async stop() {
      busy = false;
      await running;
    },
  };
}

/** Pushes one kind of content, as fast as it goes. */
async function push(watched: Watched, work: Work, count: number): Promise<void> {
  const { target, loads } = watched;
  await runOn(loads[0]!, target, { work, until: { count }, connections: MANY_CONNECTIONS });
}

/** Fills a server that listens on loopback without authentication, and measures all rounds. */
export async function measureLatency(
  target: Target,
  options: LatencyOptions,
): Promise<LatencyResult> {
  const { progress, milliseconds, garbage, images, leaseMs } = options;
  const client = await openClient(target.endpoint);
  const fixture = await pushFixture(client);
  client.connection.close();
  const loads = PROBES.map(() => startLoad());
  const watched = { target, fixture, operator: openOperator(target.endpoint.url), loads };
  const background = {
    collections: 0,
    scrubs: 0,
    removedBlobs: 0,
    checkedBytes: 0,
    ingestedBytes: 0,
  };
  const rounds: LatencyResult['rounds'][number][] = [];
  const { operator } = watched;
  const ingest = options.chores.includes('ingest')
    ? await prepareIngest(target, operator, options.layers)
    : undefined;
  try {
    progress('filling the store');
    await push(watched, PUSH_IMAGE, images);
    progress('warming up');
    await observe(watched, milliseconds / 4);
    for (let round = 1; round <= options.rounds; round++) {
      progress(`round ${round}: garbage`);
      await push(watched, GARBAGE, Math.ceil(garbage / options.rounds));
      await delay(leaseMs * LEASE_SLACK);
      progress(`round ${round}: idle`);
      const idle = await observe(watched, milliseconds);
      progress(`round ${round}: while ${options.chores.join(' and ')} run`);
      await ingest?.begin();
      const work = keepBusy(operator, options.chores, background);
      const busy = await observe(watched, milliseconds);
      await work.stop();
      await ingest?.end();
      rounds.push({ idle, busy });
    }
    background.ingestedBytes = (await operator.operations.dedup.report()).ingested.bytes;
    return { rounds, background };
  } finally {
    for (const load of loads) load.end();
    await ingest?.close();
  }
}
