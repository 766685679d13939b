/** Reduces the samples of a comparison to one line per cell, and judges Stowage by its goals. */
import { median } from '../measure/statistics.ts';
import { ROWS, type Row, TENFOLD, TOKEN_GOAL } from '../rows.ts';
import type { Sample } from '../runs/compare.ts';
import type { Scheme } from '../servers/types.ts';

/** Medians over the rounds of one row on one server. */
export interface Cell {
  readonly scheme: Scheme;
  readonly row: string;
  readonly connections: number;
  readonly target: string;
  /** Server CPU milliseconds per request. */
  readonly cpu: number;
  /** Lowest and highest of the rounds. */
  readonly cpuRange: readonly [number, number];
  /** Server CPU milliseconds in one round: below some hundred the kernel's ticks are too coarse. */
  readonly cpuTotal: number;
  /** CPU time as a multiple of the floor's in the same round; undefined without a floor. */
  readonly toFloor: number | undefined;
  readonly rate: number;
  readonly throughput: number;
  readonly p50: number;
  readonly p99: number;
  readonly loadShare: number;
  /** Highest of all rounds, in bytes. */
  readonly memory: number;
  readonly fileMemory: number;
}

/** A goal of the project and what the run says of it. */
export interface Verdict {
  readonly row: string;
  readonly scheme: Scheme;
  readonly connections: number;
  readonly goal: string;
  readonly measured: number;
  readonly wanted: number;
  readonly reached: boolean;
}

type Key = Pick<Sample, 'scheme' | 'row' | 'connections'>;

function select(samples: readonly Sample[], key: Key, target: string): Sample[] {
  return samples.filter(
    (sample) =>
      sample.target === target &&
      sample.row === key.row &&
      sample.scheme === key.scheme &&
      sample.connections === key.connections,
  );
}

/** Median over the rounds of the ratio of two servers' CPU time in one round. */
function pairedRatio(of: readonly Sample[], to: readonly Sample[]): number | undefined {
  const ratios = of.flatMap(({ round, cpu }) => {
    const other = to.find((sample) => sample.round === round);
    return other === undefined || other.cpu === 0 ? [] : [cpu / other.cpu];
  });
  return ratios.length === 0 ? undefined : median(ratios);
}

/** All row, transport and connection combinations of a run, in the order of the tables. */
export function keysOf(samples: readonly Key[]): Key[] {
  const schemes = [...new Set(samples.map(({ scheme }) => scheme))].sort();
  const connections = [...new Set(samples.map((sample) => sample.connections))].sort(
    (a, b) => a - b,
  );
  return schemes
    .flatMap((scheme) =>
      ROWS.flatMap(({ name }) => connections.map((n) => ({ scheme, row: name, connections: n }))),
    )
    .filter((key) =>
      samples.some(
        ({ scheme, row, connections: n }) =>
          scheme === key.scheme && row === key.row && n === key.connections,
      ),
    );
}

/** One cell per server and key. Servers keep the order in which they were started. */
export function summarise(samples: readonly Sample[], targets: readonly string[]): Cell[] {
  const cells: Cell[] = [];
  for (const key of keysOf(samples)) {
    const floor = select(samples, key, 'floor');
    for (const target of targets) {
      const mine = select(samples, key, target);
      if (mine.length === 0) continue;
      const middle = (value: (sample: Sample) => number): number => median(mine.map(value));
      const cpus = mine.map(({ cpu }) => cpu);
      cells.push({
        ...key,
        target,
        cpu: median(cpus),
        cpuRange: [Math.min(...cpus), Math.max(...cpus)],
        cpuTotal: middle(({ cpu, count }) => cpu * count),
        toFloor: pairedRatio(mine, floor),
        rate: middle(({ rate }) => rate),
        throughput: middle(({ throughput }) => throughput),
        p50: middle(({ latency }) => latency.p50),
        p99: middle(({ latency }) => latency.p99),
        loadShare: middle(({ loadShare }) => loadShare),
        memory: Math.max(...mine.map(({ memory }) => memory.own)),
        fileMemory: Math.max(...mine.map(({ memory }) => memory.file)),
      });
    }
  }
  return cells;
}

/** Registries that Stowage is never to be behind: all but the floor and Debian's old one. */
const RIVALS_EXCEPT = new Set(['floor', 'stowage', 'stowage+token', 'docker-registry']);

function judgeRow(samples: readonly Sample[], key: Key, row: Row): Verdict[] {
  const stowage = select(samples, key, 'stowage');
  const floor = select(samples, key, 'floor');
  const verdicts: Verdict[] = [];
  const add = (goal: string, measured: number | undefined, wanted: number, least = false): void => {
    if (measured === undefined) return;
    const reached = least ? measured >= wanted : measured <= wanted;
    verdicts.push({ ...key, goal, measured, wanted, reached });
  };
  if (row.goal !== undefined)
    add('CPU to the floor, at most', pairedRatio(stowage, floor), row.goal);
  for (const rival of new Set(samples.map(({ target }) => target))) {
    if (RIVALS_EXCEPT.has(rival)) continue;
    add(`CPU to ${rival}, at most`, pairedRatio(stowage, select(samples, key, rival)), 1);
  }
  if (row.tenfold === true) {
    const debian = select(samples, key, 'docker-registry');
    add('CPU of docker-registry to ours, at least', pairedRatio(debian, stowage), TENFOLD, true);
  }
  const token = select(samples, key, 'stowage+token');
  const withToken = pairedRatio(token, floor);
  const without = pairedRatio(stowage, floor);
  if (withToken !== undefined && without !== undefined) {
    add('floors that a token adds, at most', withToken - without, TOKEN_GOAL);
  }
  return verdicts;
}

/** The goals that the run can say something about; empty when Stowage is not in it. */
export function judge(samples: readonly Sample[]): Verdict[] {
  return keysOf(samples).flatMap((key) =>
    judgeRow(samples, key, ROWS.find(({ name }) => name === key.row)!),
  );
}
