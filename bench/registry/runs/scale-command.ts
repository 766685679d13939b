/** The sub-command `scale`. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { describeMachine } from '../measure/machine.ts';
import { requireSpace, sizeOf } from '../measure/storage.ts';
import { type Column, figure, formatTable } from '../report/table.ts';
import { writeReport } from '../report/write.ts';
import { COMMON_OPTIONS, countOf } from './options.ts';
import { measureScale, type PageTimes, type ScaleResult } from './scale.ts';
import { planStore, writeStore } from './scale-store.ts';

const START_GOAL_SECONDS = 3;
const PAGE_GOAL_MS = 20;
const MEMORY_GOAL_BYTES = 200e6;
/** Bytes of metadata for each blob, with its share of everything else, to be on the safe side. */
const BYTES_PER_BLOB = 4096;

export const SCALE_HELP = `node bench/registry/main.ts scale [options]
  Stowage with a large store of synthetic metadata.
  --blobs N           default 1000000; with --quick 40000
  --tags N            default 100000; with --quick 4000
  --folder, --json, --report as above (bench/results/registry-scale-<date>.md)
`;

interface Line {
  readonly what: string;
  readonly measured: string;
  readonly goal?: string;
  readonly reached?: boolean;
}

const COLUMNS: readonly Column<Line>[] = [
  { title: 'what', value: ({ what }) => what, left: true },
  { title: 'measured', value: ({ measured }) => measured },
  { title: 'goal', value: ({ goal }) => goal ?? '', left: true },
  {
    title: '',
    value: ({ reached }) => (reached === undefined ? '' : reached ? 'reached' : 'MISSED'),
    left: true,
  },
];

function timesLine({ title, p50, p99, max }: PageTimes): Line {
  return {
    what: `${title}: p50, p99, max`,
    measured: `${figure(p50)}, ${figure(p99)}, ${figure(max)} ms`,
  };
}

function pageLine(times: PageTimes): Line {
  const { p99 } = times;
  return {
    ...timesLine(times),
    goal: `p99 < ${PAGE_GOAL_MS} ms`,
    reached: p99 < PAGE_GOAL_MS,
  };
}

function memoryLine(what: string, own: number, file: number): Line {
  return {
    what,
    measured: `${figure(own / 1e6)} MB (files ${figure(file / 1e6)})`,
    goal: `<= ${MEMORY_GOAL_BYTES / 1e6} MB`,
    reached: own <= MEMORY_GOAL_BYTES,
  };
}

function linesOf({ startSeconds, started, paged, pages, collection }: ScaleResult): Line[] {
  const { report, seconds, progressSteps, stallMs, peak } = collection;
  return [
    {
      what: 'start until it listens',
      measured: `${figure(startSeconds)} s`,
      goal: `< ${START_GOAL_SECONDS} s`,
      reached: startSeconds < START_GOAL_SECONDS,
    },
    memoryLine('memory after the start', started.own, started.file),
    ...pages.map(pageLine),
    memoryLine('memory after all pages', paged.own, paged.file),
    { what: 'collection', measured: `${figure(seconds)} s` },
    { what: 'blobs it looked at, by its own report', measured: String(report.progress.done) },
    { what: 'blobs it removed', measured: String(report.removedBlobs) },
    { what: 'bytes it removed', measured: `${figure(report.removedBytes / 1e9)} GB` },
    {
      what: 'different states of its progress seen',
      measured: String(progressSteps),
      goal: '> 1',
      reached: progressSteps > 1,
    },
    { what: 'longest stall of the event loop meanwhile', measured: `${figure(stallMs)} ms` },
    timesLine(collection.pages),
    memoryLine('peak of memory meanwhile', peak.own, peak.file),
  ];
}

/** Runs the sub-command. @throws Error when a page or the collection is not what it must be */
export async function scaleCommand(args: readonly string[]): Promise<void> {
  const { peer: _, servers: __, ...common } = COMMON_OPTIONS;
  const { values } = parseArgs({
    args: [...args],
    options: { ...common, blobs: { type: 'string' }, tags: { type: 'string' } },
  });
  const machine = describeMachine();
  const plan = planStore(
    countOf(values.blobs ?? (values.quick ? '40000' : '1000000'), 'blobs'),
    countOf(values.tags ?? (values.quick ? '4000' : '100000'), 'tags'),
  );
  const progress = (text: string): void => void process.stderr.write(`${text}\n`);
  const folder = await mkdtemp(join(values.folder ?? tmpdir(), 'stowage-bench-'));
  try {
    await requireSpace(folder, plan.blobs * BYTES_PER_BLOB);
    const dataDir = join(folder, 'data');
    const begin = performance.now();
    await writeStore(dataDir, plan, progress);
    const written = (performance.now() - begin) / 1000;
    const bytes = await sizeOf(dataDir);
    const result = await measureScale(folder, dataDir, plan, {
      pages: values.quick ? 20 : 200,
      progress,
    });
    const what =
      `${plan.blobs} blobs, ${plan.tags} tags in ${plan.repositories} repositories, ` +
      `${plan.tagsInLarge} of them in one; ${plan.garbage} blobs without a reference. Written in ` +
      `${figure(written)} s, ${figure(bytes / 1e6)} MB on disk.`;
    await writeReport(
      {
        title: 'A large store',
        name: 'registry-scale',
        machine,
        targets: [],
        sections: [`## Figures\n\n${what}\n\n${formatTable(COLUMNS, linesOf(result))}`],
        data: { plan, bytes, ...result },
      },
      values,
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
