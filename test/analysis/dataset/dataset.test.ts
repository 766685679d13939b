/** The dataset on the disk: what is in it, and what a run that was killed leaves. */
import {
  appendFileSync,
  copyFileSync,
  readdirSync,
  readFileSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Dataset, openDataset } from '../../../src/analysis/dataset/dataset.ts';
import { DatasetError } from '../../../src/analysis/dataset/errors.ts';
import type { SourceImage } from '../../../src/analysis/sources/types.ts';
import type { Digest } from '../../../src/oci/digest.ts';
import { makeTemporary, removeTemporary } from '../../support/temporary.ts';
import {
  batchOf,
  hashOfContent,
  imageOf,
  layerId,
  type PlainEntry,
  type PlainLayer,
  scanOf,
  TYPES,
  writeLayer,
  writeSet,
} from '../support/sets.ts';

let folder: string;
let dataset: Dataset;

const open = () => openDataset(folder, { types: TYPES, threads: 1 });

beforeEach(async () => {
  folder = await makeTemporary('dataset');
  dataset = await open();
});

afterEach(async () => {
  await dataset.close();
  await removeTemporary(folder);
});

function layerOf(entries: readonly PlainEntry[], name = 'a'): PlainLayer {
  return {
    entries,
    storedSize: 10,
    archiveSize: 20,
    tar: name,
    blob: name,
    compression: 'gzip',
  };
}

const SET = {
  layers: [
    layerOf([{ path: 'a', kind: 'file', content: 1 }], 'a'),
    layerOf([{ path: 'b', kind: 'file', content: 2 }], 'b'),
  ],
  images: [{ repository: 'app', tag: 'v1', layers: [0, 1] }],
};

const entriesOf = (layer: number) =>
  dataset.database.rows(`FROM '${dataset.entriesPath(layer)}' ORDER BY entry`);

test('what was appended is what the Parquet file holds, whatever the paths', async () => {
  const paths = [
    '',
    'it\'s; DROP TABLE raw; --"',
    'new\nline\t',
    'nul\0inside',
    'ü/字/🐳',
    '\\xff/\\\\',
    'x'.repeat(5000),
  ];
  const entries = paths.map((path, i): PlainEntry => ({ path, kind: 'file', content: i }));
  await writeSet(dataset, { layers: [layerOf(entries)], images: [] });
  const rows = await entriesOf(0);
  expect(rows.map(({ path }) => path)).toEqual(paths);
  expect(rows.map(({ directory }) => directory)).toEqual(['', '', '', '', 'ü/字', '\\xff', '']);
  const [{ hash } = { hash: '' }] = await dataset.database.rows(
    `SELECT printf('%016x%016x', hash0 & 9223372036854775807, hash3 & 9223372036854775807) AS hash
     FROM '${dataset.entriesPath(0)}' WHERE entry = 3`,
  );
  const digest = hashOfContent(3);
  const masked = [0, 24].map((at) =>
    (digest.readBigUInt64BE(at) & 0x7fffffffffffffffn).toString(16).padStart(16, '0'),
  );
  expect(hash).toBe(masked.join(''));
});

test('numbers at the edges of what archives can say', async () => {
  const batch = batchOf([{ path: 'a', kind: 'file', content: 1 }]);
  batch.sizes[0] = Number.MAX_SAFE_INTEGER;
  batch.uids[0] = 2 ** 62;
  batch.gids[0] = 0xffff_ffff;
  batch.modes[0] = 0o7777;
  batch.types[0] = 65_535;
  batch.mtimes[0] = -1.5;
  const source = dataset.addSource({ kind: 'tar', title: '', unknown: new Map() });
  const writer = await dataset.beginLayer(source, imageOf(SET.images[0]!).layers[0]!);
  await writer.append(batch);
  await writer.finish(scanOf(SET.layers[0]!));
  expect(await entriesOf(0)).toMatchObject([
    {
      size: Number.MAX_SAFE_INTEGER,
      uid: 2 ** 62,
      gid: 0xffff_ffff,
      mode: 0o7777,
      type: 65_535,
      mtime: -1.5,
    },
  ]);
});

test('links: what they lead to, names of one file, loops, and paths that come twice', async () => {
  const entries: PlainEntry[] = [
    { path: 'd/file', kind: 'file', content: 1 },
    { path: 'hard', kind: 'hardlink', link: 'd/file' },
    { path: 'd/soft', kind: 'symlink', link: './../hard' },
    { path: 'chain', kind: 'symlink', link: 'd//soft' },
    { path: 'absolute', kind: 'symlink', link: '/d/file' },
    { path: 'out', kind: 'symlink', link: '../d/file' },
    { path: 'loop', kind: 'symlink', link: 'pool' },
    { path: 'pool', kind: 'symlink', link: 'loop' },
    { path: 'twice', kind: 'file', content: 2 },
    { path: 'twice', kind: 'whiteout' },
    { path: 'twice', kind: 'file', content: 3 },
    { path: 'to twice', kind: 'symlink', link: 'twice' },
  ];
  await writeSet(dataset, { layers: [layerOf(entries)], images: [] });
  const rows = await entriesOf(0);
  expect(rows.map(({ target }) => target)).toEqual([
    null,
    0,
    0,
    0,
    null,
    null,
    null,
    null,
    null,
    null,
    null,
    10,
  ]);
  expect(rows.filter(({ linked }) => linked).map(({ entry }) => entry)).toEqual([0]);
  expect(rows.filter(({ superseded }) => superseded).map(({ entry }) => entry)).toEqual([8]);
});

test('hard links are names of what stood at the path before them, and of nothing behind a symbolic link', async () => {
  const entries: PlainEntry[] = [
    { path: 'early', kind: 'hardlink', link: 'a' },
    { path: 'a', kind: 'file', content: 1 },
    { path: 'b', kind: 'hardlink', link: 'a' },
    { path: 'a', kind: 'file', content: 2 },
    { path: 'c', kind: 'hardlink', link: 'b' },
    { path: 'behind', kind: 'file', content: 3 },
    { path: 'soft', kind: 'symlink', link: 'behind' },
    { path: 'hard to soft', kind: 'hardlink', link: 'soft' },
    { path: 'soft to hard', kind: 'symlink', link: 'c' },
    { path: 'soft to a', kind: 'symlink', link: 'a' },
    { path: 'self', kind: 'file', content: 4 },
    { path: 'self', kind: 'hardlink', link: 'self' },
  ];
  await writeSet(dataset, { layers: [layerOf(entries)], images: [] });
  const rows = await entriesOf(0);
  expect(
    rows.map(({ path, target }) => [path, target]).filter(([, target]) => target !== null),
  ).toEqual([
    ['b', 1],
    ['c', 1],
    ['soft', 5],
    ['soft to hard', 1],
    ['soft to a', 3],
    ['self', 10],
  ]);
  expect(rows.filter(({ linked }) => linked).map(({ entry }) => entry)).toEqual([1, 10]);
});

test('whiteouts are kept by what they hide', async () => {
  const paths = ['.wh.a', 'd/.wh.b', 'd/e/.wh..wh..opq', '.wh..wh..opq'];
  const entries = paths.map(
    (path): PlainEntry => ({ path, kind: path.endsWith('opq') ? 'opaque-whiteout' : 'whiteout' }),
  );
  await writeSet(dataset, { layers: [layerOf(entries)], images: [] });
  const rows = await entriesOf(0);
  expect(rows.map(({ path, directory }) => [path, directory])).toEqual([
    ['a', ''],
    ['d/b', 'd'],
    ['d/e', 'd/e'],
    ['', ''],
  ]);
});

test('a layer without entries, and one in many batches', async () => {
  const many = Array.from(
    { length: 5000 },
    (_, i): PlainEntry => ({ path: `f${i}`, kind: 'file', content: i }),
  );
  const source = dataset.addSource({ kind: 'tar', title: '', unknown: new Map() });
  const none = layerOf([]);
  await writeLayer(dataset, source, { layers: [none], images: [] }, 0);
  const writer = await dataset.beginLayer(source, { ...imageOf(SET.images[0]!).layers[1]! });
  await writer.append(batchOf(many.slice(0, 2049)));
  await writer.append(batchOf(many.slice(2049), 2049));
  await writer.finish(scanOf(layerOf(many)));
  expect(await entriesOf(0)).toEqual([]);
  expect((await entriesOf(1)).map(({ path }) => path)).toEqual(many.map(({ path }) => path));
});

test('layers that are written at the same time do not mix', async () => {
  const source = dataset.addSource({ kind: 'tar', title: '', unknown: new Map() });
  await Promise.all(SET.layers.map((_, i) => writeLayer(dataset, source, SET, i)));
  const rows = [...(await entriesOf(0)), ...(await entriesOf(1))];
  expect(rows.map(({ path }) => path).sort()).toEqual(['a', 'b']);
});

test('a layer that was broken off leaves nothing, and may come again', async () => {
  const source = dataset.addSource({ kind: 'tar', title: '', unknown: new Map() });
  const writer = await dataset.beginLayer(source, imageOf(SET.images[0]!).layers[0]!);
  await writer.append(batchOf(SET.layers[0]!.entries));
  await writer.abort();
  expect(readdirSync(join(folder, 'entries'))).toEqual([]);
  expect(dataset.has(layerId(0))).toBe(false);
  await writeLayer(dataset, source, SET, 0);
  expect(dataset.has(layerId(0))).toBe(true);
});

test('killed between the files and the journal: the layer is read again, the others stay', async () => {
  await writeSet(dataset, SET);
  await dataset.close();
  const journal = join(folder, 'layers.jsonl');
  const text = readFileSync(journal, 'utf8');
  const whole = text.indexOf('\n') + 1;
  for (const end of [whole, whole + 1, text.length - 1]) {
    // As if the line of the second layer had been written up to there.
    writeFileSync(journal, text);
    truncateSync(journal, end);
    copyFileSync(
      join(folder, 'entries/00000000.parquet'),
      join(folder, 'entries/00000001.parquet'),
    );
    writeFileSync(join(folder, 'entries/00000002.parquet.unfinished'), 'half');
    dataset = await open();
    expect([0, 1].map((i) => dataset.has(layerId(i)))).toEqual([true, false]);
    expect(readdirSync(join(folder, 'entries'))).toEqual(['00000000.parquet']);
    await writeLayer(dataset, 0, SET, 1);
    expect((await entriesOf(1)).map(({ path }) => path)).toEqual(['b']);
    await dataset.close();
    expect(readFileSync(journal, 'utf8').split('\n')).toHaveLength(3);
  }
  dataset = await open();
});

test('images and sources are known again, and not taken twice', async () => {
  await writeSet(dataset, SET);
  await dataset.close();
  dataset = await open();
  expect(dataset.counts).toEqual({ layers: 2, images: 1 });
  expect(dataset.addImage(0, { ...imageOf(SET.images[0]!), tag: 'another' })).toBe(false);
  const source = { kind: 'registry', title: 'a registry', unknown: new Map() } as const;
  expect(dataset.addSource(source)).toBe(0);
  expect(dataset.addSource({ ...source, title: 'another' })).toBe(1);
  expect(dataset.addSource({ ...source, note: 'became known' })).toBe(0);
  await dataset.close();
  dataset = await open();
  expect(dataset.addSource(source)).toBe(0);
  expect(dataset.sources.map(({ note }) => note)).toEqual(['became known', undefined]);
  await dataset.publish();
  const noted = `SELECT source, kind, note FROM '${join(folder, 'sources.parquet')}'`;
  expect(await dataset.database.rows(noted)).toEqual([
    { source: 0, kind: 'registry', note: 'became known' },
    { source: 1, kind: 'registry', note: null },
  ]);
  const rows = await dataset.database.rows(`FROM '${join(folder, 'image_layers.parquet')}'`);
  expect(rows).toEqual([
    { image: 0, position: 1, id: 'layer 0', layer: 0 },
    { image: 0, position: 2, id: 'layer 1', layer: 1 },
  ]);
});

test('a journal that something else has written into is not guessed at', async () => {
  await dataset.close();
  appendFileSync(join(folder, 'layers.jsonl'), 'no JSON\n');
  await expect(open()).rejects.toThrow(DatasetError);
  writeFileSync(join(folder, 'layers.jsonl'), '');
  dataset = await open();
});

test('images of one name are told apart by platform, source and digest; others keep short names', async () => {
  const source = (title: string) =>
    dataset.addSource({ kind: 'docker-archive', title, unknown: new Map() });
  const [first, second] = [source('docker-archive a.tar'), source('docker-archive b.tar')];
  const arm = { os: 'linux', architecture: 'arm64', variant: 'v8' };
  const add = (from: number, tag: string, seed: string, rest: Partial<SourceImage> = {}): void => {
    const image = imageOf({ repository: 'app', tag, layers: [] });
    const digest: Digest = `sha256:${seed.repeat(64)}`;
    expect(dataset.addImage(from, { ...image, digest, ...rest })).toBe(true);
  };
  add(first, 'one', '1');
  add(first, 'platforms', '2');
  add(first, 'platforms', '3', { platform: arm });
  add(first, 'platforms', '4', { platform: undefined });
  add(first, 'sources', '5');
  add(second, 'sources', '6', { platform: arm });
  add(first, 'digests', '7');
  add(first, 'digests', '8');
  add(second, 'all', '9');
  add(second, 'all', 'a', { platform: arm });
  add(first, 'all', 'b');
  add(first, 'all', 'c');
  await dataset.publish();
  const rows = await dataset.database.rows('SELECT name FROM images ORDER BY image');
  expect(rows.map(({ name }) => name)).toEqual([
    'app:one',
    'app:platforms (linux/amd64)',
    'app:platforms (linux/arm64/v8)',
    'app:platforms (no platform)',
    'app:sources (docker-archive a.tar)',
    'app:sources (docker-archive b.tar)',
    'app:digests@sha256:777777777777',
    'app:digests@sha256:888888888888',
    'app:all (linux/amd64, docker-archive b.tar)',
    'app:all (linux/arm64/v8, docker-archive b.tar)',
    'app:all@sha256:bbbbbbbbbbbb (docker-archive a.tar)',
    'app:all@sha256:cccccccccccc (docker-archive a.tar)',
  ]);
});
