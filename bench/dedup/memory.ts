/**
 * Peak memory of an ingest and of a restore of one large layer, and what its metadata take:
 *
 *     node bench/dedup/memory.ts [--plain-size MB] [--noise] [--files N] [--threads N] [LAYER]
 *
 * Without a layer one is made, of text and noise in files of all sizes, of noise alone, or of so many
 * small files. It is read from the disk in chunks, so the figures are those of the store: RssAnon and
 * RssShmem of the whole process, with the allocator as the server sets it.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdtemp, open, rm, stat } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { createGzip } from 'node:zlib';
import { settleAllocator } from '../../src/cli/allocator.ts';
import { giveBackBlock } from '../../src/dedup/restore/shared-block.ts';
import type { Digest } from '../../src/oci/digest.ts';
import { noise, text } from '../../test/codec/support/content.ts';
import { memoryOf, sampleMemory } from '../registry/measure/process.ts';
import { DATABASE, openBenchStore } from './stores.ts';
import { smallFiles, type TarFile, tarOf } from './tar.ts';

const CHUNK = 256 * 1024;
const SAMPLE_MS = 10;

/** Files of about so many bytes together, no two of which are the same. */
function* filesOf(size: number, isNoise: boolean): Generator<TarFile> {
  let made = 0;
  for (let i = 1; made < size; i++) {
    // From 1 KiB to 8 MiB, small ones more often; each tenth cannot be compressed.
    const length = Math.floor(1024 * 2 ** ((i * 7919) % 13) * (1 + (i % 17) / 17));
    const body = isNoise || i % 10 === 0 ? noise(length, i) : text(length, i);
    yield { name: `file-${i}`, body };
    made += length;
  }
}

async function digestOfFile(path: string): Promise<Digest> {
  const hash = createHash('sha256');
  for await (const chunk of chunksOf(path)) hash.update(chunk);
  return `sha256:${hash.digest('hex')}` as Digest;
}

/** The bytes of a file, each piece in the same memory. */
async function* chunksOf(path: string): AsyncGenerator<Uint8Array> {
  const file = await open(path);
  const buffer = Buffer.alloc(CHUNK);
  try {
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, CHUNK);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

/** Runs something; prints what it took on the clock and of processors, and the peak of memory. */
async function measure(name: string, work: () => Promise<void>): Promise<void> {
  const cpu = process.cpuUsage();
  const sampler = sampleMemory(process.pid, SAMPLE_MS);
  const start = performance.now();
  await work();
  const seconds = (performance.now() - start) / 1000;
  const { own, file } = sampler.stop();
  const [peak, mapped] = [own, file].map((bytes) => (bytes / 1e6).toFixed(0));
  const { user, system } = process.cpuUsage(cpu);
  const busy = ((user + system) / 1e6).toFixed(1);
  console.log(
    `${name}: peak ${peak} MB (mapped files ${mapped} MB), ${seconds.toFixed(1)} s, CPU ${busy} s`,
  );
}

const { values, positionals } = parseArgs({
  options: {
    'plain-size': { type: 'string', default: '1500' },
    noise: { type: 'boolean', default: false },
    files: { type: 'string' },
    threads: { type: 'string', default: String(availableParallelism()) },
    /** Only makes the layer: what that leaves in memory is not to be measured. */
    make: { type: 'string' },
    /** Only opens the store in a folder that somebody else has filled. */
    open: { type: 'string' },
  },
  allowPositionals: true,
});

function filesToMake(): Iterable<TarFile> {
  if (values.files !== undefined) return smallFiles(Number(values.files));
  return filesOf(Number(values['plain-size']) * 1e6, values.noise);
}

async function makeLayer(path: string): Promise<void> {
  const tar = Readable.from(tarOf(filesToMake()));
  await pipeline(tar, createGzip({ level: 6 }), createWriteStream(path));
}

/** Runs this program for one of its parts. */
function runSelf(...args: readonly string[]): void {
  const own = [import.meta.filename, ...args, ...process.argv.slice(2)];
  execFileSync(process.execPath, own, { stdio: 'inherit' });
}

/** What the process holds now, in MB. */
const heldNow = (): number => memoryOf([process.pid]).own / 1e6;

/** Prints by how much memory grows when a store is opened. */
async function measureOpen(folder: string): Promise<void> {
  const before = heldNow();
  await using _store = await openBenchStore(folder, Number(values.threads));
  console.log(`opened again: ${(heldNow() - before).toFixed(1)} MB more`);
}

async function ingestAndRestore(folder: string, file: string): Promise<void> {
  await using store = await openBenchStore(folder, Number(values.threads));
  const { layers } = store;
  const digest = await digestOfFile(file);
  const { size } = await stat(file);
  console.log(`a layer of ${(size / 1e6).toFixed(0)} MB, ${values.threads} threads`);
  const { signal } = new AbortController();
  const source = (): AsyncIterable<Uint8Array> => chunksOf(file);
  await measure('nothing', async () => undefined);
  await measure('ingest', async () => void (await layers.ingest(digest, source, signal)));
  await measure('restore', async () => {
    for await (const block of layers.restore(digest, { signal })) giveBackBlock(block);
  });
}

async function measureAll(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'stowage-bench-dedup-'));
  try {
    let [file] = positionals;
    if (file === undefined) {
      file = join(folder, 'layer.tar.gz');
      runSelf('--make', file);
    }
    await ingestAndRestore(folder, file);
    const { blocks } = await stat(join(folder, DATABASE));
    const metadata = blocks * 512;
    console.log(`metadata: ${(metadata / 1e6).toFixed(1)} MB`);
    if (values.files !== undefined) {
      const each = metadata / Number(values.files);
      console.log(`for a million files: ${each.toFixed(0)} MB`);
    }
    runSelf('--open', folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

settleAllocator();
// As the server does.
setFlagsFromString('--heap-growing-percent=50');
if (values.make !== undefined) await makeLayer(values.make);
else if (values.open !== undefined) await measureOpen(values.open);
else await measureAll();
