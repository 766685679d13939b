/**
 * The comparison: every row against every server, in rounds, interleaved in random order. Servers of
 * one row follow each other at once, so that slow drifts of the machine hit all of them.
 */
import { type Fixture, pushFixture } from '../fixture.ts';
import { openClient } from '../load/client.ts';
import { type Load, startLoad } from '../load/process.ts';
import type { Latency, RunResult, Until, Work } from '../load/protocol.ts';
import { cpuMillisecondsOf, type Memory, sampleMemory } from '../measure/process.ts';
import { seededRandom, shuffled } from '../measure/statistics.ts';
import { flush, requireSpace } from '../measure/storage.ts';
import type { Row } from '../rows.ts';
import type { Roster } from '../servers/roster.ts';
import { blame, type Scheme, type Target } from '../servers/types.ts';

const MEMORY_SAMPLE_MS = 50;
/** What one push leaves on disk at most: an image of both layers and some metadata. */
const LARGEST_PUSH_BYTES = 1.2 * 2 ** 20;

/** How long the cells of the table run. */
export interface Effort {
  /** Reading rows, without the warm-up before each. */
  readonly pullMs: number;
  readonly warmUpMs: number;
  /** Blobs pushed, by number of connections; images are half as many. */
  readonly pushes: Readonly<Record<number, number>>;
}

/** Durations for a run whose figures count. */
export const FULL_EFFORT: Effort = { pullMs: 2000, warmUpMs: 300, pushes: { 1: 128, 16: 384 } };

/** Durations for a look at the harness itself. */
export const QUICK_EFFORT: Effort = { pullMs: 400, warmUpMs: 100, pushes: { 1: 24, 16: 64 } };

/** What to compare. */
export interface CompareOptions {
  readonly rows: readonly Row[];
  readonly connections: readonly number[];
  readonly rounds: number;
  readonly effort: Effort;
  /** Fixes the order of everything. */
  readonly seed: number;
  /** Told what is being done. */
  readonly progress: (text: string) => void;
}

/** One measured cell. */
export interface Sample {
  readonly target: string;
  readonly scheme: Scheme;
  readonly row: string;
  readonly connections: number;
  readonly round: number;
  readonly count: number;
  /** Server CPU milliseconds per request, blob or image. */
  readonly cpu: number;
  /** Requests, blobs or images per second. */
  readonly rate: number;
  /** Bytes of bodies per second. */
  readonly throughput: number;
  readonly latency: Latency;
  /** Peak while the cell ran. */
  readonly memory: Memory;
  /** Share of one core that the load process used; near 1 it, not the server, sets the rate. */
  readonly loadShare: number;
}

/** A target with what is known of its content. */
export interface Prepared {
  readonly target: Target;
  readonly fixture: Fixture;
}

/** Pushes the fixture to every target. */
export async function prepareTargets(targets: readonly Target[]): Promise<Prepared[]> {
  const prepared: Prepared[] = [];
  for (const target of targets) {
    try {
      const client = await openClient(target.endpoint, await target.authorization());
      prepared.push({ target, fixture: await pushFixture(client) });
      client.connection.close();
    } catch (error) {
      throw blame(target, 'it does not take the fixture', error);
    }
  }
  return prepared;
}

function untilOf(row: Row, connections: number, effort: Effort): Until {
  if (row.work.kind === 'pull') return { milliseconds: effort.pullMs };
  const blobs = effort.pushes[connections] ?? effort.pushes[16]!;
  return { count: row.work.what === 'image' ? Math.ceil(blobs / 2) : blobs };
}

function workOf({ work }: Row, fixture: Fixture): Work {
  return work.kind === 'pull' ? { ...work, content: fixture[work.content] } : work;
}

/** Runs one row on one target with everything that belongs to it, and checks what was pushed. */
async function measure(
  load: Load,
  { target, fixture }: Prepared,
  row: Row,
  connections: number,
  effort: Effort,
): Promise<Omit<Sample, 'round'>> {
  await load.open({
    endpoint: target.endpoint,
    authorization: await target.authorization(),
    connections,
  });
  const work = workOf(row, fixture);
  if (work.kind === 'pull') {
    await load.run({ work, until: { milliseconds: effort.warmUpMs } });
  }
  const sampler = sampleMemory(target.pid, MEMORY_SAMPLE_MS);
  let result: RunResult;
  let cpu: number;
  let memory: Memory;
  try {
    const before = cpuMillisecondsOf(target.pid);
    result = await load.run({ work, until: untilOf(row, connections, effort) });
    cpu = cpuMillisecondsOf(target.pid) - before;
  } finally {
    memory = sampler.stop();
  }
  await load.verify();
  await load.close();
  const { count, bytes, milliseconds, loadCpu, latency } = result;
  return {
    target: target.name,
    scheme: target.scheme,
    row: row.name,
    connections,
    count,
    cpu: cpu / count,
    rate: (count / milliseconds) * 1000,
    throughput: (bytes / milliseconds) * 1000,
    latency,
    memory,
    loadShare: loadCpu / milliseconds,
  };
}

/** Bytes that the pushes of a run leave on disk. */
function bytesWritten(options: CompareOptions, targets: number): number {
  let perRound = 0;
  for (const row of options.rows) {
    for (const connections of options.connections) {
      const until = untilOf(row, connections, options.effort);
      if (row.work.kind === 'push' && 'count' in until)
        perRound += until.count * LARGEST_PUSH_BYTES;
    }
  }
  return perRound * (options.rounds + 1) * targets;
}

/**
 * Runs the comparison on targets that {@link prepareTargets} has filled.
 * @throws Error on the first answer of any server that is not what it must be
 */
export async function compare(
  roster: Roster,
  prepared: readonly Prepared[],
  options: CompareOptions,
): Promise<Sample[]> {
  await requireSpace(roster.folder, bytesWritten(options, prepared.length));
  const random = seededRandom(options.seed);
  const schemes = [...new Set(prepared.map(({ target }) => target.scheme))];
  const groups = options.rows.flatMap((row) =>
    options.connections.flatMap((connections) =>
      schemes.map((scheme) => ({ row, connections, scheme })),
    ),
  );
  const samples: Sample[] = [];
  const load = startLoad();
  try {
    // Round 0 is short, warms servers and load process up, and is thrown away.
    for (let round = 0; round <= options.rounds; round++) {
      for (const { row, connections, scheme } of shuffled(groups, random)) {
        options.progress(`round ${round}: ${scheme} ${row.name}, ${connections} connections`);
        const members = prepared.filter(({ target }) => target.scheme === scheme);
        for (const member of shuffled(members, random)) {
          const effort = round === 0 ? QUICK_EFFORT : options.effort;
          const sample = await measure(load, member, row, connections, effort).catch((cause) => {
            throw blame(member.target, row.name, cause);
          });
          if (round > 0) samples.push({ ...sample, round });
          if (row.work.kind === 'push') await flush(roster.folder);
        }
      }
    }
  } finally {
    load.end();
  }
  return samples;
}
