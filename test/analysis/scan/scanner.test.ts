/** Layers scanned on threads. */
import { once } from 'node:events';
import type { Worker } from 'node:worker_threads';
import { gzipSync } from 'node:zlib';
import { afterEach, expect, it } from 'vitest';
import { ScanError } from '../../../src/analysis/scan/errors.ts';
import { createScanner, type Scanner } from '../../../src/analysis/scan/scanner.ts';
import type { EntryBatch } from '../../../src/analysis/scan/types.ts';
import { startRandom } from '../../support/random.ts';
import { emptyFiles, nastyTar } from './support/nasty-tar.ts';
import { inPieces, type Row, rowsOf, scanBytes } from './support/scan-bytes.ts';

const HINTS = { mediaType: '', size: undefined };
const NEVER = new AbortController().signal;

let scanner: Scanner | undefined;

afterEach(async () => {
  await scanner?.close();
  scanner = undefined;
});

/** A tar of some files whose content is random. */
function randomTar(files: number, seed: number): Buffer {
  const random = startRandom(seed);
  return nastyTar(
    ...Array.from({ length: files }, (_, i) => ({
      name: `d/${i}`,
      body: Buffer.alloc(
        random.below(3) === 0 ? random.below(200_000) : random.below(5000),
        `${seed}-${i} `,
      ),
    })),
  );
}

/** The first thread that a scanner starts from now on. */
function nextThread(): Promise<Worker> {
  return once(process, 'worker').then(([worker]) => worker as Worker);
}

it('finds the same as without threads, whatever pieces the bytes come in', async () => {
  scanner = createScanner({ threads: 2, chunks: ['fixed-4096', 'cdc-8192'] });
  const layers = [
    randomTar(300, 1),
    gzipSync(randomTar(500, 2), { level: 1 }),
    Buffer.alloc(0),
    nastyTar({ name: 'l', type: '2', link: '' }, { name: 'm', type: '2', link: 'x' }),
  ];
  await Promise.all(
    layers.map(async (layer, i) => {
      const rows: Row[] = [];
      const scan = await scanner!.scan(
        inPieces(layer, [1000, 300_000, 1, 7][i]!),
        HINTS,
        (batch) => void rows.push(...rowsOf(batch)),
        NEVER,
      );
      const expected = await scanBytes(layer, { methods: ['fixed-4096', 'cdc-8192'] });
      expect(scan).toEqual(expected.scan);
      expect(rows).toEqual(expected.rows);
    }),
  );
});

it('holds up the thread while batches are not taken', async () => {
  scanner = createScanner({ threads: 1 });
  const layer = emptyFiles(40_000);
  let pulled = 0;
  async function* bytes(): AsyncGenerator<Uint8Array> {
    for await (const piece of inPieces(layer, 256 * 1024)) {
      pulled++;
      yield piece;
    }
  }
  const first = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  let underWay = 0;
  let entries = 0;
  const scan = scanner.scan(
    bytes(),
    HINTS,
    async (batch: EntryBatch) => {
      expect(++underWay).toBe(1);
      first.resolve();
      await go.promise;
      entries += batch.count;
      underWay--;
    },
    NEVER,
  );
  await first.promise;
  // Two batches of 4096 headers, pieces under way, and one that waits: less than half of the 79.
  expect(pulled).toBeLessThan(40);
  go.resolve();
  expect((await scan).entries).toBe(40_000);
  expect(entries).toBe(40_000);
});

it('fails the layer of a thread that ends, and starts another', async () => {
  scanner = createScanner({ threads: 1 });
  const started = nextThread();
  const layer = randomTar(50, 3);
  const never = Promise.withResolvers<void>();
  async function* stuck(): AsyncGenerator<Uint8Array> {
    yield layer.subarray(0, 100_000);
    await never.promise;
  }
  const scan = scanner.scan(stuck(), HINTS, () => undefined, NEVER);
  const failure = expect(scan).rejects.toThrow(ScanError);
  await (await started).terminate();
  await failure;
  never.resolve();
  const { entries } = await scanner.scan(inPieces(layer, 5000), HINTS, () => undefined, NEVER);
  expect(entries).toBe(50);
});

it('fails with what the source throws, and with what the receiver throws', async () => {
  scanner = createScanner({ threads: 1 });
  const layer = randomTar(50, 4);
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield layer.subarray(0, 1000);
    throw new Error('connection lost');
  }
  await expect(scanner.scan(broken(), HINTS, () => undefined, NEVER)).rejects.toThrow(
    'connection lost',
  );
  const full = (): never => {
    throw new Error('disk full');
  };
  await expect(scanner.scan(inPieces(layer, 1000), HINTS, full, NEVER)).rejects.toThrow(
    'disk full',
  );
  const { entries } = await scanner.scan(inPieces(layer, 1000), HINTS, () => undefined, NEVER);
  expect(entries).toBe(50);
});

it('stops when it is told to, with layers that wait too', async () => {
  const all = new AbortController();
  scanner = createScanner({ threads: 1, signal: all.signal });
  const one = new AbortController();
  const never = Promise.withResolvers<void>();
  const reads = Promise.withResolvers<void>();
  async function* stuck(): AsyncGenerator<Uint8Array> {
    reads.resolve();
    yield new Uint8Array(1000);
    await never.promise;
  }
  const first = scanner.scan(stuck(), HINTS, () => undefined, one.signal);
  await reads.promise;
  one.abort(new Error('not this one'));
  await expect(first).rejects.toThrow('not this one');
  const second = scanner.scan(stuck(), HINTS, () => undefined, NEVER);
  const third = scanner.scan(stuck(), HINTS, () => undefined, NEVER);
  all.abort(new Error('no more'));
  await expect(second).rejects.toThrow('no more');
  await expect(third).rejects.toThrow('no more');
  never.resolve();
});
