/** Layers come back bit for bit from their sections, whatever made them. */
import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { constants, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mixture, noise, text } from '../../codec/support/content.ts';
import { run } from '../../support/run.ts';
import { makeTar } from '../../support/tar.ts';
import { makeTemporary, removeTemporary } from '../../support/temporary.ts';
import { MemoryLayers } from '../support/memory-layers.ts';

const MODULES = resolve(import.meta.dirname, '../../../node_modules');
let folder: string;
let tar: Buffer;

beforeAll(async () => {
  folder = await makeTemporary('sections');
  const path = join(folder, 'layer.tar');
  // Large enough for a few sections.
  await run('tar', ['-cf', path, '--sort=name', '-C', MODULES, 'commander', 'zod', 'typescript']);
  tar = (await readFile(path)).subarray(0, 14_000_000);
});

afterAll(() => removeTemporary(folder));

function pipe(program: string, args: readonly string[], input: Buffer): Buffer {
  return execFileSync(program, args, { input, maxBuffer: 64 * 1024 * 1024 });
}

/** Takes it apart and puts it together, twice: the second time all parts are known. */
function expectExact(file: Buffer): { readonly first: number; readonly again: number } {
  const layers = new MemoryLayers();
  const sections = layers.add(file);
  expect(layers.rebuild(sections).equals(file)).toBe(true);
  const own = sections.reduce((sum, { bytes }) => sum + bytes.length, 0);
  const first = own + layers.baseBytes;
  const again = layers.add(file, 10_007);
  expect(layers.rebuild(again).equals(file)).toBe(true);
  expect(layers.baseBytes).toBe(first - own);
  return { first, again: again.reduce((sum, { bytes }) => sum + bytes.length, 0) };
}

describe('a tar of npm packages', () => {
  it.each([0, 1, 6, 9])('by zlib at level %i', (level) => {
    const file = gzipSync(tar, { level });
    const { first, again } = expectExact(file);
    expect(first).toBeLessThan(1.1 * file.length);
    expect(again).toBeLessThan(0.1 * file.length);
  });

  it.each([
    ['Huffman only', constants.Z_HUFFMAN_ONLY],
    ['fixed', constants.Z_FIXED],
    ['run length', constants.Z_RLE],
  ])('by zlib with the strategy %s', (_, strategy) => {
    expectExact(gzipSync(tar, { strategy }));
  });

  it.each(['gzip', 'pigz'])('by %s', (program) => {
    expectExact(pipe(program, ['-c'], tar));
  });

  it('by zopfli, whose blocks are long', () => {
    expectExact(pipe('pigz', ['-11', '-I', '1', '-c'], tar.subarray(0, 300_000)));
  });
});

describe('odd layers', () => {
  const small = makeTar([
    { path: 'a', bytes: text(5000) },
    { path: 'b', bytes: noise(300) },
  ]);

  it.each<[string, () => Buffer]>([
    ['an empty file', () => gzipSync(Buffer.alloc(0))],
    ['one byte', () => gzipSync(Buffer.from('x'))],
    ['an empty tar', () => gzipSync(Buffer.alloc(1024))],
    ['a small tar', () => gzipSync(small)],
    [
      'a member for each stretch',
      () =>
        Buffer.concat(
          Array.from({ length: 700 }, (_, i) =>
            gzipSync(tar.subarray(i * 9_000, (i + 1) * 9_000), { level: i % 10 }),
          ),
        ),
    ],
    ['one byte after the end', () => Buffer.concat([gzipSync(small), Buffer.from([0x1f])])],
    ['a lot after the end', () => Buffer.concat([gzipSync(small), noise(3_000_000)])],
    ['no tar, many sections', () => gzipSync(mixture(9_000_000))],
    ['noise in stored blocks', () => gzipSync(noise(9_000_000), { level: 0 })],
    ['a tar that ends too early', () => gzipSync(tar.subarray(0, 1_234_567))],
    ['a file of many parts', () => gzipSync(makeTar([{ path: 'x', bytes: mixture(9_500_000) }]))],
  ])('%s', (_, make) => {
    expectExact(make());
  });
});
