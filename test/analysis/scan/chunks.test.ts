/** Files cut into chunks. */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ChunkTable } from '../../../src/analysis/scan/chunks/chunk-table.ts';
import { CHUNK_METHODS, ChunkCutter } from '../../../src/analysis/scan/chunks/cutter.ts';
import { GEAR, GEAR_SEED, makeGear } from '../../../src/analysis/scan/chunks/gear.ts';
import { startRandom } from '../../support/random.ts';
import { noise } from './support/noise.ts';

/** Chunks by their hash: size and count. */
function chunksOf(cutter: ChunkCutter): Map<string, readonly [number, number]> {
  const { hashes, sizes, counts } = cutter.result();
  return new Map(
    Array.from(sizes, (size, i) => [
      Buffer.from(hashes.subarray(16 * i, 16 * i + 16)).toString('hex'),
      [size, counts[i]!] as const,
    ]),
  );
}

const shortHash = (bytes: Uint8Array): string =>
  createHash('sha256').update(bytes).digest('hex').slice(0, 32);

describe.each(CHUNK_METHODS)('%s', (method) => {
  it('cuts in the same places however the bytes come', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 150_000 }),
        fc.integer(),
        fc.array(fc.integer({ min: 1, max: 50_000 }), { minLength: 1, maxLength: 20 }),
        (size, seed, pieces) => {
          const file = noise(size, seed);
          const whole = new ChunkCutter(method);
          whole.push(file);
          whole.endFile();
          const parts = new ChunkCutter(method);
          for (let at = 0, i = 0; at < size; i++) {
            const length = pieces[i % pieces.length]!;
            parts.push(file.subarray(at, at + length));
            at += length;
          }
          parts.endFile();
          expect(chunksOf(parts)).toEqual(chunksOf(whole));
          const total = [...chunksOf(whole).values()].reduce(
            (sum, [bytes, n]) => sum + bytes * n,
            0,
          );
          expect(total).toBe(size);
        },
      ),
      { numRuns: 20 },
    );
  });

  it('begins anew with each file', () => {
    const file = noise(50_000, 3);
    const cutter = new ChunkCutter(method);
    for (let i = 0; i < 3; i++) {
      cutter.push(file);
      cutter.endFile();
    }
    for (const [, count] of chunksOf(cutter).values()) expect(count).toBe(3);
  });
});

describe('fixed chunks', () => {
  it('are those of a plain loop', () => {
    const file = noise(10_000, 1);
    const cutter = new ChunkCutter('fixed-4096');
    cutter.push(file);
    cutter.endFile();
    const expected = [file.subarray(0, 4096), file.subarray(4096, 8192), file.subarray(8192)];
    expect([...chunksOf(cutter)]).toEqual(
      expected.map((chunk) => [shortHash(chunk), [chunk.length, 1]]),
    );
  });
});

describe('content-defined chunks', () => {
  it('are between 2 KiB and 64 KiB, and about 8 KiB', () => {
    const cutter = new ChunkCutter('cdc-8192');
    cutter.push(noise(4_000_000, 5));
    cutter.endFile();
    const sizes = [...chunksOf(cutter).values()].map(([size]) => size);
    // All but the last one of the file.
    expect(Math.min(...sizes.slice(0, -1))).toBeGreaterThanOrEqual(2048);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(65_536);
    const mean = 4_000_000 / sizes.length;
    expect(mean).toBeGreaterThan(7000);
    expect(mean).toBeLessThan(11_000);
  });

  it('are 64 KiB where the content never asks for a cut', () => {
    const cutter = new ChunkCutter('cdc-8192');
    cutter.push(Buffer.alloc(200_000));
    cutter.endFile();
    expect([...chunksOf(cutter).values()]).toEqual([
      [65_536, 3],
      [200_000 - 3 * 65_536, 1],
    ]);
  });

  it('are found again behind bytes that were put in', () => {
    const file = noise(500_000, 7);
    const moved = Buffer.concat([Buffer.from('put in'), file]);
    const cutter = new ChunkCutter('cdc-8192');
    for (const each of [file, moved]) {
      cutter.push(each);
      cutter.endFile();
    }
    const shared = [...chunksOf(cutter).values()].filter(([, count]) => count === 2);
    expect(shared.reduce((sum, [size]) => sum + size, 0)).toBeGreaterThan(450_000);
  });

  it('have a table that is made from a stated seed', () => {
    expect(makeGear(GEAR_SEED)).toEqual(GEAR);
    expect(new Set(GEAR).size).toBe(256);
  });
});

describe('the table', () => {
  it('counts like a map', () => {
    const table = new ChunkTable();
    const expected = new Map<string, number>();
    const random = startRandom(11);
    for (let i = 0; i < 5000; i++) {
      const hash = createHash('sha256')
        .update(String(random.below(1500)))
        .digest('binary');
      expect(table.add(hash, 100)).toBe(true);
      expected.set(hash.slice(0, 16), (expected.get(hash.slice(0, 16)) ?? 0) + 1);
    }
    const { hashes, counts } = table.columns();
    const found = new Map(
      Array.from(counts, (count, i) => [
        Buffer.from(hashes.subarray(16 * i, 16 * i + 16)).toString('latin1'),
        count,
      ]),
    );
    expect(found).toEqual(expected);
  });

  it('takes no more than its limit, and still counts those that it has', () => {
    const table = new ChunkTable(3);
    const hash = (i: number): string => createHash('sha256').update(String(i)).digest('binary');
    expect([0, 1, 2, 3, 1].map((i) => table.add(hash(i), 1))).toEqual([
      true,
      true,
      true,
      false,
      true,
    ]);
    expect([...table.columns().counts]).toEqual([1, 2, 1]);
  });
});
