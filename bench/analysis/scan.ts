/**
 * How fast layers are scanned, beside what the same bytes cost other programs in the same run:
 *
 *     node bench/analysis/scan.ts [--rounds N] [--threads N] [--megabytes N]
 *         [--report FILE|none] [--json FILE]
 *
 * The layers are the gzip layers of the corpus from 1 MB on, as they are and as plain tars, as often as it takes to
 * have so many megabytes of plain bytes (2000). Everything runs in processes of its own, one after the
 * other, and what counts is their CPU time, start and all threads included. The scan writes its records
 * as Parquet, as `stowage analyze` does; queries and report are timed apart, on those records. dive is
 * measured when it is on the PATH (`go install github.com/wagoodman/dive/cmd/dive@latest`), on a
 * docker-archive with all the layers. Digests and numbers of files are compared with those of sha256sum
 * and tar. Two large layers are made, to see what memory the scan takes.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { describeMachine } from '../registry/measure/machine.ts';
import { median } from '../registry/measure/statistics.ts';
import { type Column, figure, formatTable } from '../registry/report/table.ts';
import { writeReport } from '../registry/report/write.ts';
import type { ChildResult } from './scan-child.ts';
import {
  type BenchLayer,
  type MadeLayer,
  prepareLayers,
  writeDockerArchive,
  writeMadeLayer,
} from './scan-input.ts';

const CHILD = join(import.meta.dirname, 'scan-child.ts');

/** One run: CPU and clock seconds, and the peak of memory where it is known. */
interface Sample {
  readonly cpu: number;
  readonly wall: number;
  readonly peak: number;
}

/** Runs a shell command; its CPU time is that of all its processes. */
function runShell(command: string): { readonly output: string; readonly sample: Sample } {
  const start = performance.now();
  // `times` prints the shell's own times, then those of its children.
  const script = `set -o pipefail; { ${command}; } || exit 1; times >&2`;
  const { status, stdout, stderr } = spawnSync('bash', ['-c', script], {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    env: { ...process.env, CI: 'true', LC_ALL: 'C' },
  });
  if (status !== 0) throw new Error(`${command.slice(0, 200)}: ${stderr.slice(-2000)}`);
  const wall = (performance.now() - start) / 1000;
  const seconds = [...stderr.matchAll(/(\d+)m([\d.]+)s/g)].slice(-4);
  const cpu = seconds.reduce(
    (sum, [, minutes, rest]) => sum + 60 * Number(minutes) + Number(rest),
    0,
  );
  return { output: stdout, sample: { cpu, wall, peak: Number.NaN } };
}

function quote(path: string): string {
  return `'${path.replaceAll("'", "'\\''")}'`;
}

function check(isRight: boolean, what: string): void {
  if (!isRight) throw new Error(`${what} found something else than sha256sum and tar`);
}

/** A way to read the layers. */
interface Candidate {
  readonly name: string;
  /** Of which bytes: as stored, plain, or records of the scan of gzip. */
  readonly input: 'gzip' | 'tar' | 'records';
  run(): Sample;
}

type Mode = 'scan' | 'chunks' | 'zlib' | 'report';

/** One run of `scan-child.ts`. */
function runChild(mode: Mode, threads: string, paths: readonly string[]) {
  const records = join(folder, mode === 'report' ? 'scan' : mode);
  if (mode !== 'report') rmSync(records, { recursive: true, force: true });
  const words = [process.execPath, CHILD, mode, threads, records, ...paths];
  const { output, sample } = runShell(words.map(quote).join(' '));
  const found = JSON.parse(output) as ChildResult;
  return { found, sample: { ...sample, wall: found.wall, peak: found.peak } };
}

function nodeCandidate(
  name: string,
  mode: Exclude<Mode, 'report'>,
  input: 'gzip' | 'tar',
  layers: readonly BenchLayer[],
  threads = values.threads,
): Candidate {
  return {
    name,
    input,
    run() {
      const paths = layers.map((layer) => layer[input]);
      const { found, sample } = runChild(mode, threads, paths);
      const { diffIds, files } = found;
      check(
        layers.every(({ diffId }, i) => diffId === diffIds[i]),
        name,
      );
      if (mode !== 'zlib') {
        check(
          layers.every((layer, i) => layer.files === files[i]),
          name,
        );
      }
      return sample;
    },
  };
}

/** Over the records of the scan that ran before. */
function reportCandidate(): Candidate {
  return {
    name: 'queries and report',
    input: 'records',
    run() {
      const { found, sample } = runChild('report', values.threads, []);
      check(found.files[0]! > 0, 'the report');
      return sample;
    },
  };
}

function shellCandidate(
  name: string,
  input: 'gzip' | 'tar',
  layers: readonly BenchLayer[],
  command: (path: string) => string,
  isVerified: boolean,
): Candidate {
  const script = layers.map((layer) => command(quote(layer[input]))).join('; ');
  return {
    name,
    input,
    run() {
      const { output, sample } = runShell(script);
      const hashes = [...output.matchAll(/^([0-9a-f]{64}) /gm)].map(([, hex]) => `sha256:${hex}`);
      check(hashes.length === layers.length, name);
      if (isVerified) {
        check(
          layers.every(({ diffId }, i) => diffId === hashes[i]),
          name,
        );
      }
      return sample;
    },
  };
}

function hasDive(): boolean {
  try {
    execFileSync('dive', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

function diveCandidate(archive: string, repeats: number): Candidate {
  // What it thinks of the image is not asked here, so its exit code says nothing.
  const one = `{ dive docker-archive://${quote(archive)} || true; }`;
  return {
    name: 'dive',
    input: 'tar',
    run() {
      const { output, sample } = runShell(Array.from({ length: repeats }, () => one).join('; '));
      check(output.split('efficiency:').length > repeats, 'dive');
      return sample;
    },
  };
}

/** A candidate's medians. */
interface Row {
  readonly name: string;
  readonly input: string;
  readonly cpu: number;
  readonly wall: number;
  readonly peak: number;
  readonly perCore: number;
  readonly filesPerCore: number;
  /** Times the CPU time of the yardstick of its input, as the median of the rounds' ratios. */
  readonly ratio: number;
  readonly goal: string;
}

const YARDSTICKS = { gzip: 'node:zlib + SHA-256', tar: 'dive', records: undefined } as const;
const GOALS: Readonly<Record<string, number>> = { 'scan gzip': 1.3, 'scan tar': 3 };

const COLUMNS: readonly Column<Row>[] = [
  { title: 'input', value: ({ input }) => input, left: true },
  { title: 'what', value: ({ name }) => name, left: true },
  { title: 'CPU s', value: ({ cpu }) => figure(cpu) },
  { title: 'clock s', value: ({ wall }) => figure(wall) },
  { title: 'plain MB per CPU s', value: ({ perCore }) => figure(perCore) },
  { title: 'files per CPU s', value: ({ filesPerCore }) => figure(filesPerCore) },
  { title: 'peak MB', value: ({ peak }) => figure(peak / 1e6) },
  { title: 'times yardstick', value: ({ ratio }) => figure(ratio) },
  { title: 'goal', value: ({ goal }) => goal, left: true },
];

/** Layers that are large by their bytes, and by their files. */
const MADE: readonly MadeLayer[] = [
  { name: 'one file of 4 GiB', files: 1, bytes: 4 * 1024 ** 3 },
  { name: '1,000,000 files of 100 bytes', files: 1_000_000, bytes: 100 },
];

/** Scans a layer that is made for it. */
async function scanMade(made: MadeLayer) {
  const path = join(folder, 'made.tar.gz');
  const { diffId, tarSize } = await writeMadeLayer(made, path);
  console.error(`${made.name}: made`);
  const { found, sample } = runChild('scan', values.threads, [path]);
  check(found.diffIds[0] === diffId && found.files[0] === made.files, made.name);
  rmSync(path);
  return { name: made.name, ...sample, rate: tarSize / 1e6 / sample.cpu };
}

type MadeRow = Awaited<ReturnType<typeof scanMade>>;

const MADE_COLUMNS: readonly Column<MadeRow>[] = [
  { title: 'layer', value: ({ name }) => name, left: true },
  { title: 'CPU s', value: ({ cpu }) => figure(cpu) },
  { title: 'clock s', value: ({ wall }) => figure(wall) },
  { title: 'plain MB per CPU s', value: ({ rate }) => figure(rate) },
  { title: 'peak MB', value: ({ peak }) => figure(peak / 1e6) },
];

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    threads: { type: 'string', default: String(availableParallelism()) },
    megabytes: { type: 'string', default: '2000' },
    report: { type: 'string' },
    json: { type: 'string' },
  },
});
const rounds = Number(values.rounds);
const machine = describeMachine();
const folder = await mkdtemp(join(tmpdir(), 'stowage-bench-scan-'));
try {
  const corpus = await prepareLayers(folder);
  const plain = corpus.reduce((sum, { tarSize }) => sum + tarSize, 0);
  const repeats = Math.max(1, Math.ceil((Number(values.megabytes) * 1e6) / plain));
  const layers = Array.from({ length: repeats }, () => corpus).flat();
  const candidates: Candidate[] = [
    nodeCandidate('scan', 'scan', 'gzip', layers),
    reportCandidate(),
    nodeCandidate(YARDSTICKS.gzip, 'zlib', 'gzip', layers),
    nodeCandidate(`${YARDSTICKS.gzip}, one layer at a time`, 'zlib', 'gzip', layers, '1'),
    shellCandidate(
      'gzip -dc | sha256sum',
      'gzip',
      layers,
      (path) => `gzip -dc < ${path} | sha256sum`,
      true,
    ),
    nodeCandidate('scan with both kinds of chunks', 'chunks', 'gzip', layers),
    nodeCandidate('scan', 'scan', 'tar', layers),
    shellCandidate(
      'tar -xO | sha256sum',
      'tar',
      layers,
      (path) => `{ tar -xOf ${path} 2> /dev/null || true; } | sha256sum`,
      false,
    ),
  ];
  if (hasDive()) {
    const archive = join(folder, 'image.tar');
    await writeDockerArchive(corpus, archive);
    candidates.push(diveCandidate(archive, repeats));
  } else {
    console.error('dive is missing: go install github.com/wagoodman/dive/cmd/dive@latest');
  }
  const samples = new Map(candidates.map((candidate) => [candidate, [] as Sample[]]));
  for (let round = 0; round < rounds; round++) {
    for (const candidate of candidates) {
      const sample = candidate.run();
      samples.get(candidate)!.push(sample);
      console.error(
        `${round + 1} ${candidate.input} ${candidate.name}: ${figure(sample.cpu)} CPU s`,
      );
    }
  }
  const total = plain * repeats;
  const files = repeats * corpus.reduce((sum, layer) => sum + layer.files, 0);
  const rows = candidates.map((candidate): Row => {
    const { name, input } = candidate;
    const own = samples.get(candidate)!;
    const middle = (of: (sample: Sample) => number): number => median(own.map(of));
    const yardstick = candidates.find(
      (other) => other.input === input && other.name === YARDSTICKS[input],
    );
    const ratio =
      yardstick === undefined
        ? Number.NaN
        : median(own.map(({ cpu }, i) => cpu / samples.get(yardstick)![i]!.cpu));
    const goal = GOALS[`${name} ${input}`];
    const cpu = middle((sample) => sample.cpu);
    return {
      name,
      input,
      cpu,
      wall: middle((sample) => sample.wall),
      peak: middle((sample) => sample.peak),
      perCore: input === 'records' ? Number.NaN : total / 1e6 / cpu,
      filesPerCore: files / cpu,
      ratio,
      goal:
        goal === undefined || Number.isNaN(ratio)
          ? ''
          : `${goal} ${ratio <= goal ? 'reached' : 'MISSED'}`,
    };
  });
  const how = [
    `${corpus.length} gzip layers of the corpus from 1 MB on, ${repeats} times over: ${figure(total / 1e6)} MB plain,`,
    `${files} files. ${rounds} interleaved rounds, medians; CPU seconds of all threads and processes with`,
    `their start. The scan runs on ${values.threads} threads, gives each file with SHA-256, type and`,
    'compressed bytes, and the digests of layer and tar, and writes all of it as Parquet. Yardsticks are',
    `${YARDSTICKS.gzip} for gzip, as many layers at a time, and ${YARDSTICKS.tar} for tars. Peak is the resident set.`,
  ];
  const made: MadeRow[] = [];
  for (const layer of MADE) made.push(await scanMade(layer));
  await writeReport(
    {
      title: 'Layers scanned',
      name: 'analysis-scan',
      machine,
      targets: [],
      sections: [
        `## Figures\n\n${how.join('\n')}\n\n${formatTable(COLUMNS, rows)}`,
        `## Large layers\n\nOne scan each; the goal of memory is 500 MB.\n\n${formatTable(MADE_COLUMNS, made)}`,
      ],
      data: { rows, made },
    },
    values,
  );
} finally {
  await rm(folder, { recursive: true, force: true });
}
