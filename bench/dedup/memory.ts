/**
 * Peak memory of an ingest and of a restore of one large layer:
 *
 *     node bench/dedup/memory.ts [--size MB] [--threads N] [LAYER]
 *
 * Without a layer one is made, of text and noise in files of all sizes. It is read from the disk in
 * chunks, so the figures are those of the store: RssAnon and RssShmem of the whole process.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { createGzip } from 'node:zlib';
import { giveBackBlock } from '../../src/dedup/restore/shared-block.ts';
import type { Digest } from '../../src/oci/digest.ts';
import { noise, text } from '../../test/codec/support/content.ts';
import { sampleMemory } from '../registry/measure/process.ts';
import { withStore } from './stores.ts';

const CHUNK = 256 * 1024;
const BLOCK = 512;
const SAMPLE_MS = 10;

/** The header of a file in a tar (ustar). */
function headerOf(name: string, size: number): Buffer {
  const header = Buffer.alloc(BLOCK);
  header.write(name, 0, 100, 'latin1');
  header.write(`0000644\0${'0000000\0'.repeat(2)}`, 100, 'latin1');
  header.write(`${size.toString(8).padStart(11, '0')}\0`, 124, 'latin1');
  header.write('00000000000\0        0', 136, 'latin1');
  header.write('ustar\x0000', 257, 'latin1');
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return header;
}

/** A tar of about so many bytes, in which no two files are the same. */
function* tarOf(size: number): Generator<Buffer> {
  let made = 0;
  for (let i = 1; made < size; i++) {
    // From 1 KiB to 4 MiB, small ones more often; each tenth cannot be compressed.
    const length = Math.floor(1024 * 2 ** ((i * 7919) % 13) * (1 + (i % 17) / 17));
    const body = i % 10 === 0 ? noise(length, i) : text(length, i);
    yield headerOf(`file-${i}`, length);
    yield body;
    yield Buffer.alloc(-length & (BLOCK - 1));
    made += length;
  }
  yield Buffer.alloc(2 * BLOCK);
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

/** Runs something; prints what it took on the clock, and the peak of memory. */
async function measure(name: string, work: () => Promise<void>): Promise<void> {
  const sampler = sampleMemory(process.pid, SAMPLE_MS);
  const start = performance.now();
  await work();
  const seconds = (performance.now() - start) / 1000;
  const { own, file } = sampler.stop();
  const [peak, mapped] = [own, file].map((bytes) => (bytes / 1e6).toFixed(0));
  console.log(`${name}: peak ${peak} MB (mapped files ${mapped} MB), ${seconds.toFixed(1)} s`);
}

const { values, positionals } = parseArgs({
  options: {
    size: { type: 'string', default: '1500' },
    threads: { type: 'string', default: String(availableParallelism()) },
    /** Only makes the layer: what that leaves in memory is not to be measured. */
    make: { type: 'string' },
  },
  allowPositionals: true,
});

async function makeLayer(path: string): Promise<void> {
  const tar = Readable.from(tarOf(Number(values.size) * 1e6));
  await pipeline(tar, createGzip({ level: 6 }), createWriteStream(path));
}

async function measureAll(): Promise<void> {
  await withStore(Number(values.threads), async ({ folder, layers }) => {
    let [path] = positionals;
    if (path === undefined) {
      path = join(folder, 'layer.tar.gz');
      const own = [import.meta.filename, '--make', path, '--size', values.size];
      execFileSync(process.execPath, own, { stdio: 'inherit' });
    }
    const file = path;
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
  });
}

if (values.make === undefined) await measureAll();
else await makeLayer(values.make);
