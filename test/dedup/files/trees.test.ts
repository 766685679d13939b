/** Trees of layers: what an ingest keeps of files, and reading one of them without the layer. */
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type LayerFiles, readFile } from '../../../src/dedup/files/layer-files.ts';
import type { TreeEntry } from '../../../src/dedup/files/model.ts';
import { endOf } from '../../../src/dedup/files/paths.ts';
import { MAX_PARTS } from '../../../src/dedup/section/limits.ts';
import { keys, ranges } from '../../../src/storage/metadata/keys.ts';
import { noise, text } from '../../codec/support/content.ts';
import { makeTar, type TarEntry } from '../../support/tar.ts';
import { GO_ON, openTestLayers, type TestLayers } from '../support/layers.ts';

const MIB = 1024 * 1024;

let store: TestLayers;

beforeEach(async () => {
  store = await openTestLayers();
});

afterEach(() => store.close());

const FORMS = [
  ['a gzip layer', (tar: Buffer): Buffer => gzipSync(tar)],
  ['a plain layer', (tar: Buffer): Buffer => tar],
] as const;

async function open(digest: string): Promise<LayerFiles> {
  const files = await store.layers.files.open(digest, GO_ON);
  if (files === undefined) throw new Error('no tree');
  return files;
}

async function bytesOf(
  files: LayerFiles,
  entry: TreeEntry,
  range = { start: 0, end: entry.size },
): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of readFile(files, entry, { range, signal: GO_ON })) {
    pieces.push(Buffer.from(piece));
  }
  return Buffer.concat(pieces);
}

async function entryAt(files: LayerFiles, path: string): Promise<TreeEntry> {
  const node = await files.tree.node(path);
  if (node?.entry === undefined) throw new Error(`no ${path}`);
  return node.entry;
}

async function pathsOf(files: LayerFiles): Promise<string[]> {
  const cursor = files.tree.cursor();
  const paths: string[] = [];
  for (await cursor.seek(''); cursor.node !== undefined; await cursor.next()) {
    paths.push(cursor.node.path);
  }
  return paths;
}

const sha256 = (bytes: Uint8Array): string =>
  createHash('sha256').update(bytes).digest('base64url');

describe.each(FORMS)('the tree of %s', (_, layerOf) => {
  it('has all files with what the archive says, in the order of their paths', async () => {
    const layer: TarEntry[] = [
      { path: 'b/' },
      { path: 'b-x', bytes: text(10, 1), mode: 0o4755 },
      { path: './b/c', bytes: text(5_000, 2) },
      { path: '/a', link: '../b/c' },
      { path: 'b/.wh.gone' },
      { path: 'b/.wh..wh..opq' },
      { path: 'b/.wh..wh.aufs' },
      { path: '../outside', bytes: text(9, 4) },
      { path: 'empty', bytes: Buffer.alloc(0) },
      { path: 'b/c', bytes: text(6_000, 3), mode: 0o600 },
    ];
    const digest = await store.add(layerOf(makeTar(layer)));
    const files = await open(digest);
    expect(await pathsOf(files)).toEqual(['a', 'b', 'b/c', 'b/gone', 'b-x', 'empty']);
    expect(await files.tree.node('b')).toMatchObject({
      isOpaque: true,
      isWhiteout: false,
      entry: { type: 'directory' },
    });
    expect(await files.tree.node('b/gone')).toMatchObject({ isWhiteout: true, entry: undefined });
    expect(await entryAt(files, 'a')).toMatchObject({ type: 'symlink', link: '../b/c' });
    expect(await entryAt(files, 'b-x')).toMatchObject({ mode: 0o4755, mtime: 1_700_000_000 });
    const last = await entryAt(files, 'b/c');
    expect(last).toMatchObject({ size: 6_000, mode: 0o600 });
    expect(last.content?.digest).toBe(sha256(text(6_000, 3)));
    expect((await bytesOf(files, last)).equals(text(6_000, 3))).toBe(true);
    expect(await bytesOf(files, await entryAt(files, 'empty'))).toHaveLength(0);
    expect(await files.tree.node('c')).toBeUndefined();
    files.release();
  });

  it('gives any stretch of a file of many parts and sections', async () => {
    const large = Buffer.concat([text(3 * MIB, 7), noise(6 * MIB + 77, 8), text(2 * MIB, 9)]);
    const layer: TarEntry[] = [
      ...Array.from({ length: 50 }, (_, i) => ({ path: `s/${i}`, bytes: text(9_000, 100 + i) })),
      { path: 'large', bytes: large },
      { path: 'next', bytes: text(70_000, 3) },
    ];
    const files = await open(await store.add(layerOf(makeTar(layer))));
    const entry = await entryAt(files, 'large');
    expect(entry.content?.digest).toBe(sha256(large));
    expect((await bytesOf(files, entry)).equals(large)).toBe(true);
    for (let i = 0; i < 40; i++) {
      const start = (i * 7_919_993) % large.length;
      const end = Math.min(large.length, start + 1 + ((i * 104_729) % (2 * MIB)));
      const stretch = await bytesOf(files, entry, { start, end });
      expect(stretch.equals(large.subarray(start, end))).toBe(true);
    }
    const next = await bytesOf(files, await entryAt(files, 'next'));
    expect(next.equals(text(70_000, 3))).toBe(true);
    files.release();
  });

  it('gives files, and ends of files, that are the last of a section however short', async () => {
    // No match begins in one of these and reaches into the zeros behind it: none ends as one before.
    const unique = (i: number): Buffer =>
      Buffer.concat([createHash('sha256').update(`${i}`).digest(), Buffer.of(0x80 | (i & 0x7f))]);
    const layer: TarEntry[] = [
      // So many parts fill a section: the last of them is its end.
      ...Array.from({ length: MAX_PARTS }, (_, i) => ({ path: `s${i}`, bytes: unique(i) })),
      // The end of what follows begins some bytes before the next section is full.
      { path: 'filler', bytes: noise(1_047_040, 1) },
      { path: 'large', bytes: Buffer.concat([noise(3 * MIB, 2), unique(-1)]) },
      { path: 'next', bytes: text(30, 4) },
    ];
    const files = await open(await store.add(gzipSync(makeTar(layer))));
    for (const { path, bytes } of layer.slice(MAX_PARTS - 3)) {
      expect((await bytesOf(files, await entryAt(files, path))).equals(bytes!)).toBe(true);
    }
    const large = await entryAt(files, 'large');
    const end = await bytesOf(files, large, { start: 3 * MIB, end: large.size });
    expect(end.equals(unique(-1))).toBe(true);
    files.release();
  });

  it('gives files that other layers brought, compressed differently', async () => {
    const tree = Array.from({ length: 300 }, (_, i) => ({
      path: `d${i % 7}/f${i}`,
      bytes: text(1_000 + 31 * i, i),
    }));
    await store.add(gzipSync(makeTar(tree), { level: 9 }));
    const files = await open(await store.add(layerOf(makeTar(tree.toReversed()))));
    for (const { path, bytes } of tree) {
      expect((await bytesOf(files, await entryAt(files, path))).equals(bytes)).toBe(true);
    }
    files.release();
  });
});

describe('the tree of a layer', () => {
  it('finds single paths among thousands, and goes on from any of them', async () => {
    const layer = Array.from({ length: 3_000 }, (_, i) => ({
      path: `d${i % 50}/f${i}`,
      bytes: text(20, i),
    }));
    const files = await open(await store.add(gzipSync(makeTar(layer))));
    const paths = await pathsOf(files);
    expect(paths).toHaveLength(3_000);
    for (let i = 0; i < paths.length; i += 97) {
      expect((await files.tree.node(paths[i]!))?.path).toBe(paths[i]);
      const cursor = files.tree.cursor();
      await cursor.seek(paths[i]!);
      await cursor.next();
      expect(cursor.node?.path).toBe(paths[i + 1]);
    }
    const cursor = files.tree.cursor();
    await cursor.seek(endOf('d1'));
    expect(cursor.node?.path).toBe('d10/f10');
    files.release();
  });

  it('goes with its layer, and its keys with it', async () => {
    const { kv } = store.segments;
    const layer = gzipSync(makeTar([{ path: 'a/b', bytes: text(100, 1) }]));
    const digest = await store.add(layer);
    const { trees, files, fileKeys, fileKeyBytes } = store.layers.figures();
    expect({ files, fileKeys }).toEqual({ files: 1, fileKeys: 2 });
    const found = [...kv.entries(ranges.allFileKeys())];
    expect(fileKeyBytes).toBe(found.reduce((sum, [k, v]) => sum + k.length + v.length, 0));
    expect(trees).toBeGreaterThan(0);
    await store.drop(digest);
    expect(await store.layers.files.open(digest, GO_ON)).toBeUndefined();
    await store.layers.collect(GO_ON);
    expect([...kv.keys(ranges.allFileKeys())]).toEqual([]);
    expect([...kv.keys(ranges.allTreePieces())]).toEqual([]);
    expect([...kv.keys(ranges.trees())]).toEqual([]);
    expect(store.layers.figures()).toMatchObject({
      trees: 0,
      files: 0,
      fileKeys: 0,
      fileKeyBytes: 0,
    });
    expect(kv.has(keys.recipe(digest))).toBe(false);
  });
});
