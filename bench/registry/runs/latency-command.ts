/** The sub-command `latency`. */
import { parseArgs } from 'node:util';
import { describeMachine } from '../measure/machine.ts';
import { median } from '../measure/statistics.ts';
import { requireSpace } from '../measure/storage.ts';
import { type Column, figure, formatTable } from '../report/table.ts';
import { writeReport } from '../report/write.ts';
import { startRoster } from '../servers/roster.ts';
import { blame } from '../servers/types.ts';
import { CHORES, type LatencyResult, measureLatency, type Phase, PROBES } from './latency.ts';
import { COMMON_OPTIONS, countOf } from './options.ts';

/** Highest p99 while background work runs, as a multiple of the idle one. */
const P99_GOAL = 1.5;
/** Lowest throughput while background work runs, as a share of the idle one. */
const RATE_GOAL = 0.9;
const STALL_GOAL_MS = 50;
const LEASE_SECONDS = 5;
const IMAGE_BYTES = 1.2 * 2 ** 20;

export const LATENCY_HELP = `node bench/registry/main.ts latency [options]
  Stowage's latencies while collection and scrub run, against those at rest.
  --garbage N         blobs for the collection to remove (default 20000; with --quick 500)
  --images N          images of 1 MiB for the scrub to read (default 1000; with --quick 50)
  --rounds N          of an idle and a busy phase (default 3; with --quick 1)
  --seconds N         of each phase (default 20; with --quick 4)
  --chores LIST       what runs meanwhile: collection,scrub (default both), ingest, or none
  --layers N          layers of 150 MB that are taken apart in each busy phase (default 2)
  --folder, --json, --report as above (bench/results/registry-latency-<date>.md)
`;

interface Line {
  readonly what: string;
  readonly idle: number;
  readonly busy: number;
  /** Busy to idle, where that is what counts. */
  readonly ratio?: number;
  readonly goal?: string;
  readonly reached?: boolean;
}

type Round = LatencyResult['rounds'][number];

/** Medians over the rounds of a figure in both phases, and of its ratio within a round. */
function compare(rounds: readonly Round[], figureOf: (phase: Phase) => number) {
  return {
    idle: median(rounds.map(({ idle }) => figureOf(idle))),
    busy: median(rounds.map(({ busy }) => figureOf(busy))),
    ratio: median(rounds.map(({ idle, busy }) => figureOf(busy) / figureOf(idle))),
  };
}

function linesOf({ rounds }: LatencyResult): Line[] {
  const lines = PROBES.flatMap((probe): Line[] => {
    const p99 = compare(rounds, ({ latencies }) => latencies[probe].p99);
    return [
      {
        what: `${probe}, p50 ms`,
        ...compare(rounds, ({ latencies }) => latencies[probe].p50),
      },
      {
        what: `${probe}, p99 ms`,
        ...p99,
        goal: `<= ${P99_GOAL} times`,
        reached: p99.ratio <= P99_GOAL,
      },
      {
        what: `${probe}, max ms`,
        ...compare(rounds, ({ latencies }) => latencies[probe].max),
      },
    ];
  });
  const rate = compare(rounds, (phase) => phase.rate);
  const stall = Math.max(...rounds.map(({ busy }) => busy.stallMs));
  lines.push(
    {
      what: 'manifest GETs a second, 16 connections',
      ...rate,
      goal: `>= ${RATE_GOAL} times`,
      reached: rate.ratio >= RATE_GOAL,
    },
    {
      what: 'longest stall of the event loop, ms',
      idle: Math.max(...rounds.map(({ idle }) => idle.stallMs)),
      busy: stall,
      goal: `< ${STALL_GOAL_MS} ms`,
      reached: stall < STALL_GOAL_MS,
    },
  );
  return lines;
}

const COLUMNS: readonly Column<Line>[] = [
  { title: 'what', value: ({ what }) => what, left: true },
  { title: 'idle', value: ({ idle }) => figure(idle) },
  { title: 'busy', value: ({ busy }) => figure(busy) },
  { title: 'ratio', value: ({ ratio }) => figure(ratio) },
  { title: 'goal', value: ({ goal }) => goal ?? '', left: true },
  {
    title: '',
    value: ({ reached }) => (reached === undefined ? '' : reached ? 'reached' : 'MISSED'),
    left: true,
  },
];

/** Runs the sub-command. @throws Error on a wrong answer, or when background work fails */
export async function latencyCommand(args: readonly string[]): Promise<void> {
  const { peer: _, servers: __, ...common } = COMMON_OPTIONS;
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...common,
      garbage: { type: 'string' },
      images: { type: 'string' },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      chores: { type: 'string', default: 'collection,scrub' },
      layers: { type: 'string', default: '2' },
    },
  });
  const machine = describeMachine();
  const garbage = countOf(values.garbage ?? (values.quick ? '500' : '20000'), 'garbage');
  const images = countOf(values.images ?? (values.quick ? '50' : '1000'), 'images');
  const seconds = countOf(values.seconds ?? (values.quick ? '4' : '20'), 'seconds');
  const rounds = countOf(values.rounds ?? (values.quick ? '1' : '3'), 'rounds');
  const names = values.chores === 'none' ? [] : values.chores.split(',');
  const chores = CHORES.filter((chore) => names.includes(chore));
  if (chores.length !== names.length) throw new Error(`--chores takes ${CHORES.join(', ')}`);
  const roster = await startRoster({
    servers: ['stowage'],
    peers: [],
    schemes: ['http'],
    folder: values.folder,
    env: { STOWAGE_GC__LEASE: `${LEASE_SECONDS}s` },
  });
  try {
    const target = roster.targets[0]!;
    await requireSpace(roster.folder, (images + rounds * 50 * seconds) * IMAGE_BYTES);
    const result = await measureLatency(target, {
      garbage,
      images,
      rounds,
      milliseconds: seconds * 1000,
      chores,
      layers: countOf(values.layers, 'layers'),
      leaseMs: LEASE_SECONDS * 1000,
      progress: (text) => process.stderr.write(`${text}\n`),
    }).catch((cause) => {
      throw blame(target, 'latency run', cause);
    });
    const { collections, scrubs, removedBlobs, checkedBytes, ingestedBytes } = result.background;
    const what =
      `Store: ${images} images and ${garbage} unreferenced blobs. Requests at a steady pace (200 ` +
      'manifest GETs, 200 blob HEADs and 20 pushes a second), latencies from the moment at which ' +
      `each was due. ${rounds} rounds of ${seconds} s idle and ${seconds} s busy: medians, and the longest ` +
      `stall of all. Meanwhile ${collections} collections removed ` +
      `${removedBlobs} blobs, ${scrubs} scrubs read ${figure(checkedBytes / 1e6)} MB, and layers of ` +
      `${figure(ingestedBytes / 1e6)} MB were taken apart to their end, others in part.`;
    await writeReport(
      {
        title: `Latency during ${chores.length === 0 ? 'nothing' : chores.join(' and ')}`,
        name: chores.includes('ingest') ? 'registry-latency-ingest' : 'registry-latency',
        machine,
        targets: roster.targets,
        sections: [`## Idle and busy\n\n${what}\n\n${formatTable(COLUMNS, linesOf(result))}`],
        data: { garbage, images, seconds, chores, ...result },
      },
      values,
    );
  } finally {
    await roster.close();
  }
}
