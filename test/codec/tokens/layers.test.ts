/** Whole layers, made by tar and compressors: apart, stored as groups, and together again. */
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { constants, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WINDOW } from '../../../src/codec/kernels/layout.ts';
import { BaseGroupWriter, readBaseGroup } from '../../../src/codec/tokens/base-group.ts';
import { GapGroupWriter, readGapGroup } from '../../../src/codec/tokens/gap-group.ts';
import { TokenMerger } from '../../../src/codec/tokens/merge.ts';
import type { TokenPart } from '../../../src/codec/tokens/part.ts';
import { PatchGroupReader, PatchGroupWriter } from '../../../src/codec/tokens/patch-group.ts';
import { run } from '../../support/run.ts';
import { makeTemporary, removeTemporary } from '../../support/temporary.ts';
import { Groups } from '../support/groups.ts';
import { concat, type Layer, takeApart } from '../support/layer.ts';

const MODULES = resolve(import.meta.dirname, '../../../node_modules');
const FIRST = ['commander', 'pino'];
const SECOND = ['bcryptjs', 'commander', 'pino'];

let folder: string;
/** A layer, and a later one with other packages and times, in the same order and another one. */
const tars: Record<'first' | 'later' | 'reordered', Buffer> = {
  first: Buffer.alloc(0),
  later: Buffer.alloc(0),
  reordered: Buffer.alloc(0),
};

beforeAll(async () => {
  folder = await makeTemporary('layers');
  const pack = async (name: string, packages: readonly string[], ...options: readonly string[]) => {
    const path = join(folder, name);
    await run('tar', ['-cf', path, '--sort=name', ...options, '-C', MODULES, ...packages]);
    return await readFile(path);
  };
  tars.first = await pack('first', FIRST, '--mtime=@1500000000');
  tars.later = await pack('later', SECOND, '--mtime=@1600000000', '--owner=app:1000');
  tars.reordered = await pack('reordered', [...SECOND].reverse());
});

afterAll(() => removeTemporary(folder));

const COMPRESSORS = {
  'level 1': (tar: Buffer) => gzipSync(tar, { level: 1 }),
  'level 6': (tar: Buffer) => gzipSync(tar, { level: 6 }),
  'level 9': (tar: Buffer) => gzipSync(tar, { level: 9 }),
  stored: (tar: Buffer) => gzipSync(tar, { level: 0 }),
  'Huffman only': (tar: Buffer) => gzipSync(tar, { strategy: constants.Z_HUFFMAN_ONLY }),
  fixed: (tar: Buffer) => gzipSync(tar, { strategy: constants.Z_FIXED }),
} as const;

type Compressor = keyof typeof COMPRESSORS;

/** Base parts by digest of the file, read back from groups; their bytes have been compared. */
function storeBases({ files, plain }: Layer): Map<string, readonly TokenPart[]> {
  const bases = new Map<string, readonly TokenPart[]>();
  let writer = new BaseGroupWriter();
  const pending: { readonly bytes: Uint8Array; readonly parts: TokenPart[] }[] = [];
  const finish = (): void => {
    const group = readBaseGroup(writer.finish());
    for (const [i, part] of group.plain().entries()) {
      const { bytes, parts } = pending[i]!;
      expect(Buffer.compare(part.bytes, bytes)).toBe(0);
      parts.push(group.parts[i]!);
    }
    writer = new BaseGroupWriter();
    pending.length = 0;
  };
  for (const { digest, parts } of files) {
    if (bases.has(digest)) continue;
    const own: TokenPart[] = [];
    bases.set(digest, own);
    for (const part of parts) {
      const { start, size } = part;
      const end = start + size;
      const around = plain.subarray(Math.max(0, start - WINDOW), end);
      writer.add({ ...part, layer: files, plain: around });
      pending.push({ bytes: plain.subarray(start, end), parts: own });
      if (writer.isFull) finish();
    }
  }
  finish();
  return bases;
}

/** Stores a layer as patches, gaps and new files, restores it, and says what was shared. */
function storeAndRestore(layer: Layer, bases: Map<string, readonly TokenPart[]>) {
  const patches = new Groups(() => new PatchGroupWriter());
  const gaps = new Groups(() => new GapGroupWriter());
  /** Number of the patch group for each part. */
  const places: number[] = [];
  let sharedBits = 0;
  for (const [i, { digest, parts }] of layer.files.entries()) {
    gaps.open.add(layer.gaps[i]!);
    const base = bases.get(digest);
    for (const [k, part] of (base === undefined ? [] : parts).entries()) {
      patches.open.add(base![k]!, part);
      places.push(patches.packed.length);
      sharedBits += part.bits;
    }
  }
  gaps.open.add(layer.gaps.at(-1)!);
  patches.finish();
  gaps.finish();

  const readers = patches.packed.map((group) => new PatchGroupReader(group));
  let gapTokens = concat(gaps.packed.map((group) => readGapGroup(group)));
  const restored = new Uint32Array(layer.tokens.length);
  let count = 0;
  const merger = new TokenMerger((tokens) => {
    restored.set(tokens, count);
    count += tokens.length;
  });
  for (const { digest, parts } of layer.files) {
    const base = bases.get(digest);
    gapTokens = gapTokens.subarray(merger.gap(gapTokens, parts[0]!.start));
    for (const [k, { tokens, start, size }] of parts.entries()) {
      const lead = merger.leadOf(start, size);
      const own = base === undefined ? tokens : readers[places.shift()!]!.apply(base[k]!, lead);
      merger.part(own, start, size);
    }
  }
  merger.gap(gapTokens, Number.POSITIVE_INFINITY);
  for (const reader of readers) reader.end();
  expect(count).toBe(layer.tokens.length);
  expect(Buffer.compare(bytesOf(restored), bytesOf(layer.tokens))).toBe(0);
  const patch = patches.packed.reduce((total, { length }) => total + length, 0);
  return { shared: sharedBits / 8, patch };
}

function bytesOf(tokens: Uint32Array): Uint8Array {
  return new Uint8Array(tokens.buffer, tokens.byteOffset, tokens.byteLength);
}

describe('layers of npm packages', () => {
  it.each(Object.keys(COMPRESSORS) as Compressor[])('%s', (compressor) => {
    const compress = COMPRESSORS[compressor];
    const bases = storeBases(takeApart(compress(tars.first)));
    const same = storeAndRestore(takeApart(compress(tars.later)), bases);
    expect(same.shared).toBeGreaterThan(100_000);
    expect(same.patch).toBeLessThan(0.05 * same.shared);
    const reordered = storeAndRestore(takeApart(compress(tars.reordered)), bases);
    expect(reordered.patch).toBeLessThan(0.5 * reordered.shared);
  });

  it.each([
    ['level 1', 'level 9'],
    ['level 9', 'stored'],
    ['stored', 'level 6'],
  ] as const)('bases of %s serve a layer of %s', (first, later) => {
    const bases = storeBases(takeApart(COMPRESSORS[first](tars.first)));
    const { shared, patch } = storeAndRestore(takeApart(COMPRESSORS[later](tars.later)), bases);
    expect(shared).toBeGreaterThan(100_000);
    expect(patch).toBeLessThan(shared);
  });
});
