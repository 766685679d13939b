/**
 * How fast layers are taken apart and put together, beside gunzip in the same run: Go's, which is the
 * yardstick of the project's goals, and that of node:zlib.
 *
 *     node bench/dedup/main.ts [--rounds N] [--threads N] [--plain] [--corpus | PATH ...]
 *         [--report FILE|none] [--json FILE]
 *
 * Each path is a folder, of which a tar is made and compressed by zlib at level 6, or a gzip layer as it
 * is. Default: packages of node_modules; with --corpus the layers of the corpus from 5 MB on. With
 * --plain the layers are the tars. All on a real folder; every restore compares the digest.
 *
 * Threads are warm, as in a server that has run for a while. Groups are not: before a restore the
 * caches of decoded groups are filled with those of another layer. The page cache is as it comes.
 */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { gunzipSync, gzipSync } from 'node:zlib';
import { settleAllocator } from '../../src/cli/allocator.ts';
import type { Layers } from '../../src/dedup/layers.ts';
import { giveBackBlock } from '../../src/dedup/restore/shared-block.ts';
import { digestOf } from '../../src/oci/digest.ts';
import { change } from '../../src/storage/metadata/changes.ts';
import { buildGoGunzip, goVersion, runGoGunzip } from '../codec/go.ts';
import { blobPath, corpusFolder, distinctLayers, readCorpus } from '../corpus/layouts.ts';
import { describeMachine } from '../registry/measure/machine.ts';
import { median } from '../registry/measure/statistics.ts';
import { type Column, figure, formatTable } from '../registry/report/table.ts';
import { writeReport } from '../registry/report/write.ts';
import { withStore } from './stores.ts';

const MODULES = resolve(import.meta.dirname, '../../node_modules');
const DEFAULT_PATHS = ['typescript', 'zod', 'assemblyscript'].map((name) => join(MODULES, name));
/** Layers of the corpus that are measured have so many bytes. */
const LARGE = 5e6;
const CHUNK = 256 * 1024;
/** Runs of gunzip in a round, the fastest of which is the yardstick. */
const GUNZIPS = 3;
/** Plain bytes whose tokens push all others out of the cache of a thread. */
const FILLER = 8 * 1024 * 1024;

/** A layer to be measured. */
interface Layer {
  readonly name: string;
  readonly file: Buffer;
  /** The same by gzip, as the yardstick of time and of space, and where it lies. */
  readonly gzip: Buffer;
  readonly gzipPath: string;
  readonly plainSize: number;
}

/** Seconds on the clock, and of all threads on processors. */
interface Cost {
  readonly wall: number;
  readonly cpu: number;
}

async function measure(work: () => unknown): Promise<Cost> {
  const cpu = process.cpuUsage();
  const start = performance.now();
  await work();
  const wall = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  return { wall, cpu: (user + system) / 1e6 };
}

function tarOf(path: string): Buffer {
  return execFileSync('tar', ['-c', '--sort=name', '-C', dirname(path), basename(path)], {
    maxBuffer: 2 ** 31,
  });
}

async function readLayer(path: string, folder: string): Promise<Layer> {
  const isFolder = (await stat(path)).isDirectory();
  const gzip = isFolder ? gzipSync(tarOf(path), { level: 6 }) : await readFile(path);
  const gzipPath = join(folder, 'layer.gz');
  await writeFile(gzipPath, gzip);
  const plain = gunzipSync(gzip);
  return {
    name: basename(path).slice(0, 12),
    file: values.plain ? plain : gzip,
    gzip,
    gzipPath,
    plainSize: plain.length,
  };
}

async function* chunksOf(file: Buffer): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < file.length; at += CHUNK) yield file.subarray(at, at + CHUNK);
}

/** What the benchmark does with layers. */
interface Bench {
  readonly layers: Layers;
  ingest(file: Buffer): Promise<void>;
  restore(file: Buffer): Promise<void>;
  /** Takes layers away, and all that only they needed. */
  drop(files: readonly Buffer[]): Promise<void>;
  /** Pushes the groups of other layers out of the caches of the threads. */
  cool(): Promise<void>;
}

/** Runs `work` with an empty store. */
async function withBench(threads: number, work: (bench: Bench) => Promise<void>): Promise<void> {
  await withStore(threads, async ({ folder, kv, layers }) => {
    const { signal } = new AbortController();
    const noise = join(folder, 'noise');
    await writeFile(noise, randomBytes(FILLER * threads));
    const filler = gzipSync(tarOf(noise), { level: 1 });
    const bench: Bench = {
      layers,
      async ingest(file) {
        await layers.ingest(digestOf(file), () => chunksOf(file), signal);
      },
      async restore(file) {
        let size = 0;
        for await (const block of layers.restore(digestOf(file), { signal })) {
          size += block.length;
          giveBackBlock(block);
        }
        if (size !== file.length) throw new Error('a layer of another size');
      },
      async drop(files) {
        await change(kv, (changes) => {
          for (const file of files) layers.removeRecipe(changes, digestOf(file));
        });
        await layers.collect(signal);
      },
      cool: () => bench.restore(filler),
    };
    await bench.ingest(filler);
    await work(bench);
  });
}

const STEPS = ['ingest', 'again', 'restore'] as const;
type Step = (typeof STEPS)[number];

/** What the steps of a round took, and what gunzip took at its best. */
type Sample = Record<Step | 'node', Cost> & {
  /** CPU seconds of Go's gunzip; undefined without Go. */
  readonly go: number | undefined;
  /** Bytes that the layer, and the second one with the same files, took in groups. */
  readonly stored: number;
  readonly added: number;
};

function storedBytes({ layers }: Bench): number {
  const { bases, structure, gaps, patches, index } = layers.figures();
  return bases + structure + gaps + patches + index;
}

async function round(bench: Bench, layer: Layer, gunzip: string | undefined): Promise<Sample> {
  const { file, gzip, gzipPath, plainSize } = layer;
  // The same files in another layer: the bytes after the end change its digest only.
  const copy = Buffer.concat([file, Buffer.from('another layer')]);
  const node: Cost[] = [];
  const go: number[] = [];
  for (let i = 0; i < GUNZIPS; i++) {
    node.push(await measure(() => gunzipSync(gzip)));
    if (gunzip !== undefined) go.push(runGoGunzip(gunzip, gzipPath, plainSize));
  }
  const before = storedBytes(bench);
  const ingest = await measure(() => bench.ingest(file));
  const stored = storedBytes(bench) - before;
  await bench.cool();
  const again = await measure(() => bench.ingest(copy));
  const added = storedBytes(bench) - before - stored;
  await bench.cool();
  const restore = await measure(() => bench.restore(file));
  await bench.drop([file, copy]);
  return {
    node: {
      wall: Math.min(...node.map(({ wall }) => wall)),
      cpu: Math.min(...node.map(({ cpu }) => cpu)),
    },
    go: go.length === 0 ? undefined : Math.min(...go),
    ingest,
    again,
    restore,
    stored,
    added,
  };
}

/** A step of a layer, as medians over the rounds. */
interface Row {
  readonly name: string;
  readonly step: string;
  /** Plain MB per second on the clock, and per second of CPU time. */
  readonly rate: number;
  readonly perCore: number;
  /** Times the speed of a gunzip, by CPU time. */
  readonly toGo: number;
  readonly toNode: number;
  /** Times the speed of node:zlib on the clock. */
  readonly onClock: number;
  /** Bytes that it stored, as a share of the gzip layer. */
  readonly share: number;
}

function rowsOf({ name, gzip, plainSize }: Layer, samples: readonly Sample[]): Row[] {
  const middle = (of: (sample: Sample) => number): number => median(samples.map(of));
  const megabytes = plainSize / 1e6;
  const rowOf = (step: string, cost: (sample: Sample) => Cost, share: number): Row => ({
    name,
    step,
    rate: middle((sample) => megabytes / cost(sample).wall),
    perCore: middle((sample) => megabytes / cost(sample).cpu),
    toGo: middle((sample) => (sample.go ?? Number.NaN) / cost(sample).cpu),
    toNode: middle((sample) => sample.node.cpu / cost(sample).cpu),
    onClock: middle((sample) => sample.node.wall / cost(sample).wall),
    share,
  });
  const shares = { ingest: samples[0]!.stored, again: samples[0]!.added, restore: Number.NaN };
  return [
    rowOf('gunzip (node:zlib)', ({ node }) => node, Number.NaN),
    ...STEPS.map((step) => rowOf(step, (sample) => sample[step], shares[step] / gzip.length)),
  ];
}

/** Times Go's gunzip per core, and what more is hoped for. */
const GOALS: Readonly<Record<string, { readonly least: number; readonly goal: number }>> = {
  ingest: { least: 0.25, goal: 0.4 },
  again: { least: 0.25, goal: 0.4 },
  restore: { least: 1, goal: 1.5 },
};

function judge({ step, toGo, toNode }: Row): string {
  const limits = GOALS[step];
  if (limits === undefined) return '';
  const reached = Number.isNaN(toGo) ? toNode : toGo;
  if (reached < limits.least) return `${limits.least} MISSED`;
  return reached < limits.goal ? `${limits.least} reached` : `${limits.goal} reached`;
}

const COLUMNS: readonly Column<Row>[] = [
  { title: 'layer', value: ({ name }) => name, left: true },
  { title: 'step', value: ({ step }) => step, left: true },
  { title: 'MB/s', value: ({ rate }) => figure(rate) },
  { title: 'MB per CPU second', value: ({ perCore }) => figure(perCore) },
  { title: 'times Go gunzip', value: ({ toGo }) => figure(toGo) },
  { title: 'times node:zlib', value: ({ toNode }) => figure(toNode) },
  { title: 'on the clock', value: ({ onClock }) => figure(onClock) },
  { title: 'stored', value: ({ share }) => figure(share) },
  { title: 'goal', value: judge, left: true },
];

async function largeLayersOfCorpus(): Promise<string[]> {
  const folder = corpusFolder('short');
  const layers = distinctLayers(await readCorpus(folder)).filter(({ size }) => size >= LARGE);
  if (layers.length === 0)
    throw new Error(`no corpus in ${folder}: run bench/corpus/main.ts first`);
  return layers.map(({ repository, digest }) => blobPath(folder, repository, digest));
}

async function chosenPaths(): Promise<readonly string[]> {
  if (values.corpus) return largeLayersOfCorpus();
  return positionals.length > 0 ? positionals : DEFAULT_PATHS;
}

// As the server does.
settleAllocator();

const { values, positionals } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    threads: { type: 'string', default: String(availableParallelism()) },
    plain: { type: 'boolean', default: false },
    corpus: { type: 'boolean', default: false },
    report: { type: 'string', default: 'none' },
    json: { type: 'string' },
  },
  allowPositionals: true,
});
const threads = Number(values.threads);
const rounds = Number(values.rounds);
const machine = describeMachine();
const rows: Row[] = [];
const work = await mkdtemp(join(tmpdir(), 'stowage-bench-dedup-'));
try {
  const gunzip = buildGoGunzip(work);
  await withBench(threads, async (bench) => {
    for (const path of await chosenPaths()) {
      const layer = await readLayer(path, work);
      const samples: Sample[] = [];
      for (let i = 0; i <= rounds; i++) {
        const sample = await round(bench, layer, gunzip);
        // The first round warms up.
        if (i > 0) samples.push(sample);
      }
      rows.push(...rowsOf(layer, samples));
      console.error(`${layer.name}: ${(layer.plainSize / 1e6).toFixed(1)} plain MB`);
    }
  });
} finally {
  await rm(work, { recursive: true, force: true });
}
const how = [
  `${threads} threads for each kind of work, ${rounds} rounds after one that does not count, medians;`,
  `${goVersion()}. Goals are times the speed of Go's gunzip per CPU second of all threads (of`,
  `node:zlib's where there is no Go). A gunzip is the best of ${GUNZIPS} in its round. "again" is a`,
  'second layer with the same files; "stored" is what a step added, as a share of the gzip layer.',
];
await writeReport(
  {
    title: 'Layers taken apart and put together',
    name: values.plain ? 'dedup-plain' : 'dedup',
    machine,
    targets: [],
    sections: [`## Figures\n\n${how.join('\n')}\n\n${formatTable(COLUMNS, rows)}`],
    data: { rows },
  },
  values,
);
