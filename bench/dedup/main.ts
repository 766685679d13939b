/**
 * How fast layers are taken apart and put together, beside gunzip in the same run.
 *
 *     node bench/dedup/main.ts [--rounds N] [--threads N] [PATH ...]
 *
 * Each path is a folder, of which a tar is made and compressed by zlib at level 6, or a layer as it
 * is. Default: packages of node_modules. All on a real folder; every restore compares the digest.
 */
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { gunzipSync, gzipSync } from 'node:zlib';
import { createTakerThreads } from '../../src/dedup/ingest/taker-threads.ts';
import { type Layers, openLayers } from '../../src/dedup/layers.ts';
import { createRebuildPool } from '../../src/dedup/restore/rebuild-pool.ts';
import { digestOf } from '../../src/oci/digest.ts';
import { openLmdbEngine } from '../../src/storage/kv/lmdb.ts';
import { openKeyValueStore } from '../../src/storage/kv/store.ts';
import { openSegmentStore } from '../../src/storage/segments/store.ts';
import { openFileSystemTarget } from '../../src/storage/target/file-system.ts';

const MODULES = resolve(import.meta.dirname, '../../node_modules');
const DEFAULT_PATHS = ['typescript', 'zod', '@types', 'prom-client'].map((name) =>
  join(MODULES, name),
);
const CHUNK = 256 * 1024;

/** A layer to be measured. */
interface Layer {
  readonly name: string;
  readonly file: Buffer;
  readonly plainSize: number;
}

/** Seconds on the clock, and of all threads on processors. */
interface Cost {
  readonly wall: number;
  readonly cpu: number;
}

async function measure<T>(work: () => T | Promise<T>): Promise<Cost & { readonly result: T }> {
  const cpu = process.cpuUsage();
  const start = performance.now();
  const result = await work();
  const wall = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  return { wall, cpu: (user + system) / 1e6, result };
}

async function readLayer(path: string): Promise<Layer> {
  const name = basename(path);
  if (!(await stat(path)).isDirectory()) {
    const file = await readFile(path);
    return { name, file, plainSize: gunzipSync(file).length };
  }
  const tar = execFileSync('tar', ['-c', '--sort=name', '-C', dirname(path), name], {
    maxBuffer: 2 ** 31,
  });
  return { name, file: gzipSync(tar, { level: 6 }), plainSize: tar.length };
}

async function* chunksOf(file: Buffer): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < file.length; at += CHUNK) yield file.subarray(at, at + CHUNK);
}

/** Runs `work` with an empty store in a new folder. */
async function withLayers(threads: number, work: (layers: Layers) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'stowage-bench-dedup-'));
  const kv = openKeyValueStore(openLmdbEngine(join(folder, 'stowage.mdb')));
  const segments = await openSegmentStore({
    kv,
    openTarget: (allocate) => openFileSystemTarget({ root: join(folder, 'segments'), allocate }),
  });
  const layers = openLayers(
    {
      kv,
      segments,
      rebuilders: createRebuildPool(threads),
      takers: createTakerThreads(threads),
    },
    { source: () => undefined },
  );
  try {
    await work(layers);
  } finally {
    await layers.close();
    await segments.close();
    await kv.close();
    await rm(folder, { recursive: true });
  }
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

/** What one round takes of the time of gunzip, by step. */
type Row = Record<'ingest' | 'again' | 'restore', Cost> & { readonly gunzip: Cost };

async function round(layer: Layer, threads: number): Promise<Row & { readonly stored: number }> {
  const { file } = layer;
  const digest = digestOf(file);
  const { signal } = new AbortController();
  // The same files in another layer: the bytes after the end change its digest only.
  const copy = Buffer.concat([file, Buffer.from('another layer')]);
  let row: (Row & { stored: number }) | undefined;
  await withLayers(threads, async (layers) => {
    const gunzip = await measure(() => gunzipSync(file).length);
    const ingest = await measure(() => layers.ingest(digest, () => chunksOf(file), signal));
    const { bases, structure, gaps, patches, index } = layers.figures();
    const stored = bases + structure + gaps + patches + index;
    const again = await measure(() => layers.ingest(digestOf(copy), () => chunksOf(copy), signal));
    const restore = await measure(async () => {
      let size = 0;
      for await (const { length } of layers.restore(digest, { signal })) size += length;
      if (size !== file.length) throw new Error('a layer of another size');
    });
    row = { gunzip, ingest, again, restore, stored };
  });
  return row!;
}

const { values, positionals } = parseArgs({
  options: { rounds: { type: 'string', default: '5' }, threads: { type: 'string' } },
  allowPositionals: true,
});
const threads = Number(values.threads ?? availableParallelism());
console.log(`${threads} threads; "x" is the speed of node:zlib gunzip in the same round`);
console.log('layer, plain MB, stored/gzip, then for each step: MB/s, x on the clock, x per core');
for (const path of positionals.length > 0 ? positionals : DEFAULT_PATHS) {
  const layer = await readLayer(path);
  const rows: Awaited<ReturnType<typeof round>>[] = [];
  // The first round warms up.
  for (let i = 0; i <= Number(values.rounds); i++) {
    const row = await round(layer, threads);
    if (i > 0) rows.push(row);
  }
  const megabytes = layer.plainSize / 1e6;
  const cells = (['ingest', 'again', 'restore'] as const).map((step) => {
    const wall = median(rows.map((row) => row.gunzip.wall / row[step].wall));
    const cpu = median(rows.map((row) => row.gunzip.cpu / row[step].cpu));
    const rate = median(rows.map((row) => megabytes / row[step].wall));
    return `${step} ${rate.toFixed(0)} ${wall.toFixed(2)}x ${cpu.toFixed(2)}x`;
  });
  const gunzip = median(rows.map((row) => megabytes / row.gunzip.wall));
  const share = rows[0]!.stored / layer.file.length;
  console.log(
    `${layer.name} ${megabytes.toFixed(1)} ${share.toFixed(3)}; gunzip ${gunzip.toFixed(0)}; ${cells.join('; ')}`,
  );
}
