/**
 * The codec against decompressors: `node bench/codec/main.ts [--folder DIR] [--size MB]
 * [--rounds N]`. What it measures and how is said in ../README.md.
 */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { createReaderKernel, createWriterKernel } from '../../src/codec/kernels/instances.ts';
import { describeMachine } from '../registry/measure/machine.ts';
import { median } from '../registry/measure/statistics.ts';
import { type Column, figure, formatTable } from '../registry/report/table.ts';
import { type Files, makeFiles } from './files.ts';
import { runGoGunzip } from './go.ts';
import {
  prepare,
  runGzipReader,
  runNodeGunzip,
  runReader,
  runWriter,
  type Subject,
} from './measure.ts';

const MB = 1e6;

const { values: options } = parseArgs({
  options: {
    folder: { type: 'string', default: resolve(import.meta.dirname, '../../node_modules') },
    size: { type: 'string', default: '100' },
    rounds: { type: 'string', default: '7' },
  },
});

/** CPU seconds by candidate in each round. */
type Seconds = Readonly<Record<string, readonly number[]>>;

const kernels = { reader: createReaderKernel(), writer: createWriterKernel() };

function measure(subject: Subject, files: Files, rounds: number): Seconds {
  const { goGunzip } = files;
  const candidates: Record<string, () => number> = {
    'node:zlib': () => runNodeGunzip(subject),
    ...(goGunzip === undefined
      ? {}
      : { 'Go gunzip': () => runGoGunzip(goGunzip, subject.path, subject.plainBytes) }),
    'gzip reader': () => runGzipReader(subject, kernels.reader),
    reader: () => runReader(subject, kernels.reader),
    writer: () => runWriter(subject, kernels.writer),
  };
  const names = Object.keys(candidates);
  const seconds = Object.fromEntries(names.map((name) => [name, [] as number[]]));
  for (let round = -1; round < rounds; round++) {
    for (const [name, run] of Object.entries(candidates)) {
      const time = run();
      // The round before the first one warms up.
      if (round >= 0) seconds[name]!.push(time);
    }
  }
  return seconds;
}

interface Row {
  readonly file: string;
  readonly candidate: string;
  readonly rate: number;
  readonly toNode: number;
  readonly toGo: number;
}

function rowsOf(file: string, bytes: number, seconds: Seconds): Row[] {
  const ratio = (yardstick: string, times: readonly number[]): number =>
    median(times.map((time, round) => (seconds[yardstick]?.[round] ?? Number.NaN) / time));
  return Object.entries(seconds).map(([candidate, times]) => ({
    file,
    candidate,
    rate: bytes / MB / median(times),
    toNode: ratio('node:zlib', times),
    toGo: ratio('Go gunzip', times),
  }));
}

/** Times the speed of node:zlib that a candidate has to reach. */
const GOALS: Readonly<Record<string, number>> = { 'gzip reader': 1.2, writer: 3 };

/** What a row says of its goal, if it has one. */
function judge({ candidate, toNode }: Row): string {
  const goal = GOALS[candidate];
  if (goal === undefined) return '';
  return `${goal} ${toNode >= goal ? 'reached' : 'MISSED'}`;
}

const COLUMNS: readonly Column<Row>[] = [
  { title: 'compressed by', value: ({ file }) => file, left: true },
  { title: 'candidate', value: ({ candidate }) => candidate, left: true },
  { title: 'MB per CPU second', value: ({ rate }) => figure(rate) },
  { title: 'times node:zlib', value: ({ toNode }) => figure(toNode) },
  { title: 'times Go gunzip', value: ({ toGo }) => figure(toGo) },
  { title: 'goal', value: judge, left: true },
];

const files = await makeFiles(options.folder, Number(options.size) * MB);
try {
  const rows: Row[] = [];
  for (const { name, path } of files.compressed) {
    const subject = prepare(readFileSync(path), path, files.tar);
    rows.push(...rowsOf(name, files.tar.length, measure(subject, files, Number(options.rounds))));
  }
  const { cores, model, node, load } = describeMachine();
  console.log(`${cores} cores of ${model}, Node ${node}, ${files.goVersion}, load ${load}`);
  console.log(`${files.tar.length} plain bytes, ${options.rounds} rounds, medians\n`);
  console.log(formatTable(COLUMNS, rows));
} finally {
  await files.remove();
}
