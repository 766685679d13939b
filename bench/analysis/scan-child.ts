/**
 * One run over some layers in a process of its own, for `scan.ts`:
 *
 *     node bench/analysis/scan-child.ts scan|chunks|zlib|report THREADS FOLDER LAYER ...
 *
 * `scan` and `chunks` write a dataset into the folder, as `stowage analyze` does, `report` computes the
 * report of one and writes its page. Prints as JSON what it found.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createGunzip } from 'node:zlib';
import { QUERY_MEMORY, WRITE_MEMORY } from '../../src/analysis/dataset/database.ts';
import { openDataset } from '../../src/analysis/dataset/dataset.ts';
import { buildReport } from '../../src/analysis/metrics/report.ts';
import { htmlReport } from '../../src/analysis/report/html.ts';
import { watch } from '../../src/analysis/run/verify.ts';
import { CHUNK_METHODS } from '../../src/analysis/scan/chunks/cutter.ts';
import { createScanner } from '../../src/analysis/scan/scanner.ts';
import { openLayerFiles } from '../../src/analysis/sources/local/layer-files.ts';
import type { SourceLayer } from '../../src/analysis/sources/types.ts';
import { TYPES } from '../../src/analysis/types/taxonomy.ts';
import { createSlots } from '../../src/lib/slots.ts';

/** What a run found. */
export interface ChildResult {
  /** Of each layer, in their order. */
  readonly diffIds: readonly string[];
  /** Regular files: by layer, of a report all together; empty when they were not looked at. */
  readonly files: readonly number[];
  /** Seconds on the clock, without the start of the process. */
  readonly wall: number;
  /** Peak of the resident set in bytes, mapped files included. */
  readonly peak: number;
}

type Found = Pick<ChildResult, 'diffIds' | 'files'>;

const READ = 256 * 1024;
/** With which node:zlib is fastest. */
const CHUNK = 1024 * 1024;
const { signal } = new AbortController();

async function gunzipAndHash(path: string): Promise<string> {
  const hash = createHash('sha256');
  const gunzip = createGunzip({ chunkSize: CHUNK });
  createReadStream(path, { highWaterMark: READ }).pipe(gunzip);
  gunzip.on('data', (plain: Buffer) => hash.update(plain));
  await new Promise((resolve, reject) => gunzip.on('end', resolve).on('error', reject));
  return `sha256:${hash.digest('hex')}`;
}

async function gunzipAll(paths: readonly string[], atOnce: number): Promise<Found> {
  const slots = createSlots(atOnce);
  const diffIds = await Promise.all(
    paths.map(async (path) => {
      const release = await slots.take(signal);
      return await gunzipAndHash(path).finally(release);
    }),
  );
  return { diffIds, files: [] };
}

function openFolder(folder: string, memory: number) {
  return openDataset(folder, { types: TYPES, scratch: join(folder, 'scratch'), memory });
}

async function scanAll(
  paths: readonly string[],
  { threads, folder, withChunks }: { threads: number; folder: string; withChunks: boolean },
): Promise<Found> {
  const dataset = await openFolder(folder, WRITE_MEMORY);
  const scanner = createScanner({ threads, chunks: withChunks ? CHUNK_METHODS : [] });
  const number = dataset.addSource({ kind: 'oci-layout', title: 'bench', unknown: new Map() });
  const files = paths.map(() => 0);

  async function scanOne(path: string, i: number): Promise<string> {
    // One for each: a source names a file that is given twice only once.
    const source = await openLayerFiles([path]);
    const { value: item } = await source.items(signal)[Symbol.asyncIterator]().next();
    if (item?.kind !== 'layer') throw new Error(`${path} is no layer`);
    const layer: SourceLayer = { ...item.layer, id: `layer ${i}` };
    const bytes = source.openLayer(item.layer, signal);
    const writer = await dataset.beginLayer(number, layer);
    const scan = await scanner.scan(
      watch(layer, bytes, () => undefined).bytes,
      layer,
      (batch) => {
        for (const kind of batch.kinds) if (kind === 0 || kind >= 8) files[i]!++;
        return writer.append(batch);
      },
      signal,
    );
    await writer.finish(scan);
    return scan.diffId;
  }

  try {
    // As many as collecting has at once (run/analyze.ts).
    const slots = createSlots(2 * threads);
    const diffIds = await Promise.all(
      paths.map(async (path, i) => {
        const release = await slots.take(signal);
        return await scanOne(path, i).finally(release);
      }),
    );
    return { diffIds, files };
  } finally {
    await scanner.close();
    await dataset.close();
  }
}

async function report(folder: string): Promise<Found> {
  const dataset = await openFolder(folder, QUERY_MEMORY);
  try {
    const found = await buildReport(dataset, {
      version: 'bench',
      createdAt: new Date(),
      problems: [],
      leftOut: [],
      timings: { scanSeconds: 0, scanCpuSeconds: 0, bytesRead: 0, bytesUnpacked: 0, files: 0 },
      signal,
    });
    await writeFile(join(folder, 'report.html'), htmlReport(found));
    return { diffIds: [], files: [found.correct.dedup.overall.files] };
  } finally {
    await dataset.close();
  }
}

const [what, threadsText, folder, ...paths] = process.argv.slice(2);
const threads = Number(threadsText);

async function run(): Promise<Found> {
  if (what === 'zlib') return await gunzipAll(paths, threads);
  if (what === 'report') return await report(folder!);
  return await scanAll(paths, { threads, folder: folder!, withChunks: what === 'chunks' });
}

const start = performance.now();
const result: ChildResult = {
  ...(await run()),
  wall: (performance.now() - start) / 1000,
  peak: process.resourceUsage().maxRSS * 1024,
};
process.stdout.write(`${JSON.stringify(result)}\n`);
