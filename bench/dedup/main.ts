/**
 * How fast layers are taken apart and put together, beside gunzip in the same run.
 *
 *     node bench/dedup/main.ts [--rounds N] [--threads N] [--plain] [PATH ...]
 *
 * Each path is a folder, of which a tar is made and compressed by zlib at level 6, or a gzip layer as it
 * is. Default: packages of node_modules. With --plain the layers are the tars. All on a real folder;
 * every restore compares the digest.
 *
 * Threads are warm, as in a server that has run for a while. Groups are not: before a restore the
 * caches of decoded groups are filled with those of another layer. The page cache is as it comes.
 */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { Layers } from '../../src/dedup/layers.ts';
import { giveBackBlock } from '../../src/dedup/restore/shared-block.ts';
import { digestOf } from '../../src/oci/digest.ts';
import { change } from '../../src/storage/metadata/changes.ts';
import { withStore } from './stores.ts';

const MODULES = resolve(import.meta.dirname, '../../node_modules');
const DEFAULT_PATHS = ['typescript', 'zod', 'assemblyscript'].map((name) => join(MODULES, name));
const CHUNK = 256 * 1024;
/** Runs of gunzip in a round, the fastest of which is the yardstick. */
const GUNZIPS = 3;
/** Plain bytes whose tokens push all others out of the cache of a thread. */
const FILLER = 8 * 1024 * 1024;

/** A layer to be measured. */
interface Layer {
  readonly name: string;
  readonly file: Buffer;
  /** The same by gzip, as the yardstick of time and of space. */
  readonly gzip: Buffer;
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

async function readLayer(path: string): Promise<Layer> {
  const name = basename(path);
  if (!(await stat(path)).isDirectory()) {
    const gzip = await readFile(path);
    const plain = gunzipSync(gzip);
    return { name, file: values.plain ? plain : gzip, gzip, plainSize: plain.length };
  }
  const tar = tarOf(path);
  const gzip = gzipSync(tar, { level: 6 });
  return { name, file: values.plain ? tar : gzip, gzip, plainSize: tar.length };
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

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

const STEPS = ['ingest', 'again', 'restore'] as const;

/** What the steps of a round took, and what gunzip took at its best. */
type Row = Record<(typeof STEPS)[number] | 'gunzip', Cost> & {
  /** Bytes that the layer, and the second one with the same files, took in groups. */
  readonly stored: number;
  readonly added: number;
};

function storedBytes({ layers }: Bench): number {
  const { bases, structure, gaps, patches, index } = layers.figures();
  return bases + structure + gaps + patches + index;
}

async function round(bench: Bench, { file, gzip }: Layer): Promise<Row> {
  // The same files in another layer: the bytes after the end change its digest only.
  const copy = Buffer.concat([file, Buffer.from('another layer')]);
  const gunzips: Cost[] = [];
  for (let i = 0; i < GUNZIPS; i++) gunzips.push(await measure(() => gunzipSync(gzip)));
  const before = storedBytes(bench);
  const ingest = await measure(() => bench.ingest(file));
  const stored = storedBytes(bench) - before;
  await bench.cool();
  const again = await measure(() => bench.ingest(copy));
  const added = storedBytes(bench) - before - stored;
  await bench.cool();
  const restore = await measure(() => bench.restore(file));
  await bench.drop([file, copy]);
  const gunzip = {
    wall: Math.min(...gunzips.map(({ wall }) => wall)),
    cpu: Math.min(...gunzips.map(({ cpu }) => cpu)),
  };
  return { gunzip, ingest, again, restore, stored, added };
}

function report({ name, gzip, plainSize }: Layer, rows: readonly Row[]): void {
  const megabytes = plainSize / 1e6;
  const rate = (step: keyof Row & (typeof STEPS)[number]): string => {
    const wall = median(rows.map((row) => row.gunzip.wall / row[step].wall));
    const cpu = median(rows.map((row) => row.gunzip.cpu / row[step].cpu));
    const perSecond = median(rows.map((row) => megabytes / row[step].wall));
    return `${step} ${perSecond.toFixed(0)} ${wall.toFixed(2)}x ${cpu.toFixed(2)}x`;
  };
  const gunzip = median(rows.map((row) => megabytes / row.gunzip.wall)).toFixed(0);
  const share = (rows[0]!.stored / gzip.length).toFixed(3);
  const added = (rows[0]!.added / gzip.length).toFixed(4);
  const steps = STEPS.map(rate).join('; ');
  console.log(`${name} ${megabytes.toFixed(1)} ${share} ${added}; gunzip ${gunzip}; ${steps}`);
}

const { values, positionals } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    threads: { type: 'string', default: String(availableParallelism()) },
    plain: { type: 'boolean', default: false },
  },
  allowPositionals: true,
});
const threads = Number(values.threads);
console.log(
  `${threads} threads; x is the speed of node:zlib gunzip, best of ${GUNZIPS} in the round`,
);
console.log(
  'layer, plain MB, stored/gzip, second/gzip; each step: MB/s, x on the clock, x per core',
);
await withBench(threads, async (bench) => {
  for (const path of positionals.length > 0 ? positionals : DEFAULT_PATHS) {
    const layer = await readLayer(path);
    const rows: Row[] = [];
    for (let i = 0; i <= Number(values.rounds); i++) {
      const row = await round(bench, layer);
      // The first round warms up.
      if (i > 0) rows.push(row);
    }
    report(layer, rows);
  }
});
