import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SourceError } from '../../../src/analysis/sources/errors.ts';
import { openLocalSources } from '../../../src/analysis/sources/local/open.ts';
import type { ImageSource } from '../../../src/analysis/sources/types.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { type TestImage, writeDockerArchive } from '../../support/images.ts';
import { makeTar, type TarEntry } from '../../support/tar.ts';
import { makeTemporary, removeTemporary } from '../../support/temporary.ts';
import { bytesOf, CREATED, collect, GO_ON, smallImage } from './support.ts';

let folder: string;
const opened: ImageSource[] = [];

beforeEach(async () => {
  folder = await makeTemporary('archive');
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((source) => source.close()));
  await removeTemporary(folder);
});

async function open(path: string, platform?: string): Promise<ImageSource> {
  const [source] = await openLocalSources([path], { platform, temporary: folder }, GO_ON);
  opened.push(source!);
  return source!;
}

/** Writes an archive of entries and opens it. */
async function openEntries(entries: readonly TarEntry[], platform?: string): Promise<ImageSource> {
  const path = join(folder, 'archive.tar');
  await writeFile(path, makeTar(entries));
  return await open(path, platform);
}

const json = (path: string, value: unknown): TarEntry => ({
  path,
  bytes: Buffer.from(JSON.stringify(value)),
});
const hexOf = (digest: string): string => digest.slice('sha256:'.length);

/** What `docker save` writes of an image, as file names lead to layers. */
function entriesOf(image: TestImage, nameOf: (i: number) => string, rest: object = {}): TarEntry[] {
  const config = `${hexOf(image.config.descriptor.digest)}.json`;
  return [
    { path: config, bytes: image.config.bytes },
    json('manifest.json', [
      {
        Config: config,
        RepoTags: ['app:v1'],
        Layers: image.layers.map((_, i) => nameOf(i)),
        ...rest,
      },
    ]),
  ];
}

/** That a source gives the layers of an image, whatever they are called. */
async function expectLayers(source: ImageSource, image: TestImage) {
  const { images, problems } = await collect(source);
  expect(problems).toEqual([]);
  expect(images).toHaveLength(1);
  const diffIds = image.layers.map(({ tar }) => digestOf(tar));
  expect(images[0]!.layers.map(({ id }) => id)).toEqual(diffIds);
  expect(images[0]!.layers.map(({ digest }) => digest)).toEqual(diffIds);
  for (const [i, layer] of images[0]!.layers.entries()) {
    expect(await bytesOf(source, layer)).toEqual(image.layers[i]!.tar);
  }
  return images[0]!;
}

describe('a docker-archive', () => {
  const image = smallImage('one');

  test.each([
    ['plain', (bytes: Buffer) => bytes],
    ['gzip', (bytes: Buffer) => gzipSync(bytes)],
    ['zstd', (bytes: Buffer) => zstdCompressSync(bytes)],
  ])('%s, gives images by their configuration, and layers by DiffID', async (_, pack) => {
    const path = join(folder, 'archive');
    await writeDockerArchive(path, image, 'docker.io/library/app:v1');
    await writeFile(path, pack(await readFile(path)));
    const source = await open(path);
    expect(source.kind).toBe('docker-archive');
    expect([...source.unknown.keys()]).toEqual(['compressed-size', 'pull-counts']);
    const found = await expectLayers(source, image);
    expect(found).toMatchObject({
      repository: 'docker.io/library/app',
      tag: 'v1',
      digest: image.config.descriptor.digest,
      platform: { os: 'linux', architecture: 'amd64', variant: '' },
      created: CREATED,
    });
    expect(found.layers.map(({ size }) => size)).toEqual(image.layers.map(({ tar }) => tar.length));
  });

  test('of Docker before 25: a folder for each layer, links to those of other images', async () => {
    const source = await openEntries([
      { path: 'aa/' },
      { path: 'aa/VERSION', bytes: Buffer.from('1.0') },
      json('aa/json', {}),
      { path: 'aa/layer.tar', bytes: image.layers[0]!.tar },
      { path: './bb/layer.tar', bytes: image.layers[1]!.tar },
      { path: 'cc/layer.tar', hardLink: 'dd/layer.tar' },
      { path: 'dd/layer.tar', link: '../ee/layer.tar' },
      { path: 'ee/layer.tar', bytes: image.layers[2]!.tar },
      { path: 'ff/layer.tar', link: '../aa/layer.tar' },
      json('repositories', {}),
      ...entriesOf(image, (i) => ['ff/layer.tar', './bb//layer.tar', 'cc/layer.tar'][i]!),
    ]);
    await expectLayers(source, image);
  });

  test('of Docker from 25 on: blobs of a layout that is there as well, types from LayerSources', async () => {
    const diffIds = image.layers.map(({ tar }) => digestOf(tar));
    const mediaType = 'application/vnd.oci.image.layer.v1.tar';
    const config = `blobs/sha256/${hexOf(image.config.descriptor.digest)}`;
    const source = await openEntries([
      { path: 'blobs/' },
      { path: 'blobs/sha256/' },
      { path: config, bytes: image.config.bytes },
      ...image.layers.map(({ tar }) => ({
        path: `blobs/sha256/${hexOf(digestOf(tar))}`,
        bytes: tar,
      })),
      json('index.json', { schemaVersion: 2, manifests: [] }),
      json('oci-layout', { imageLayoutVersion: '1.0.0' }),
      json('manifest.json', [
        {
          Config: config,
          RepoTags: ['app:v1', 'app:v2', 'other/app:v1', 'nameless'],
          Layers: diffIds.map((diffId) => `blobs/sha256/${hexOf(diffId)}`),
          LayerSources: Object.fromEntries(
            diffIds.map((digest) => [digest, { mediaType, digest, size: 1 }]),
          ),
        },
      ]),
    ]);
    expect(source.kind).toBe('docker-archive');
    const { images } = await collect(source);
    // An image counts once for each repository.
    expect(images.map(({ repository, tag }) => [repository, tag])).toEqual([
      ['app', 'v1'],
      ['other/app', 'v1'],
      ['nameless', undefined],
    ]);
    expect(images[0]!.layers.map((layer) => layer.mediaType)).toEqual(diffIds.map(() => mediaType));
  });

  test('with layers that were left compressed: their sizes are known, their digests are not', async () => {
    const source = await openEntries([
      ...image.layers.map(({ bytes }, i) => ({ path: `${i}.tar.gz`, bytes })),
      ...entriesOf(image, (i) => `${i}.tar.gz`),
    ]);
    expect([...source.unknown.keys()]).toEqual(['pull-counts']);
    const { images } = await collect(source);
    for (const [i, layer] of images[0]!.layers.entries()) {
      const { tar, bytes } = image.layers[i]!;
      expect(layer).toMatchObject({ id: digestOf(tar), digest: undefined, size: bytes.length });
      expect(await bytesOf(source, layer)).toEqual(bytes);
    }
  });

  test('with bodies that are passed over while it is indexed', async () => {
    const big = Buffer.alloc(5_000_000, 'x');
    const source = await openEntries([
      { path: 'other.tar', bytes: big },
      ...image.layers.map(({ tar }, i) => ({ path: `${i}.tar`, bytes: tar })),
      { path: 'another.tar', bytes: big.subarray(0, 1_048_576 + 511) },
      ...entriesOf(image, (i) => `${i}.tar`),
    ]);
    await expectLayers(source, image);
  });

  test('of another platform is a problem', async () => {
    const source = await openEntries(
      [
        ...image.layers.map(({ tar }, i) => ({ path: `${i}.tar`, bytes: tar })),
        ...entriesOf(image, (i) => `${i}.tar`),
      ],
      'linux/arm64',
    );
    expect(await collect(source)).toMatchObject({
      images: [],
      problems: ['app:v1: it is not for linux/arm64'],
    });
  });
});

describe('a docker-archive that lies', () => {
  const image = smallImage('one');
  const layers = image.layers.map(({ tar }, i) => ({ path: `${i}.tar`, bytes: tar }));

  test('about its layers: what is missing, a link that leads out, or in a circle', async () => {
    const source = await openEntries([
      { path: '1.tar', link: '../../../../../../../../etc/passwd' },
      { path: '2.tar', hardLink: 'x.tar' },
      { path: 'x.tar', link: '2.tar' },
      ...entriesOf(image, (i) => `${i}.tar`),
    ]);
    const { images } = await collect(source);
    for (const layer of images[0]!.layers) {
      await expect(bytesOf(source, layer)).rejects.toThrow(SourceError);
    }
    const unknown = { ...images[0]!.layers[0]!, id: 'sha256:0' };
    await expect(bytesOf(source, unknown)).rejects.toThrow('has no layer');
  });

  test('about how many layers there are: they get names of their own', async () => {
    const source = await openEntries([
      ...layers,
      ...entriesOf(image, (i) => `${i}.tar`, { Layers: ['0.tar', '1.tar'] }),
    ]);
    const { images, problems } = await collect(source);
    expect(problems).toEqual([
      'app:v1: the configuration speaks of 3 layers, manifest.json 2: they cannot be matched',
    ]);
    const [first] = images[0]!.layers;
    expect(first).toMatchObject({ digest: undefined, diffId: undefined });
    expect(first!.id).toMatch(/^docker-archive:.*#0\.tar#\d+-\d+$/);
    expect(await bytesOf(source, first!)).toEqual(image.layers[0]!.tar);
  });

  test.each<[string, object, RegExp]>([
    ['a configuration that is missing', { Config: 'nowhere.json' }, /nowhere\.json is missing/],
    ['one that is a path out', { Config: '../../etc/passwd' }, /is no path in the archive/],
    ['one that is a layer', { Config: '0.tar' }, /is no JSON/],
    ['one under another digest', { Config: `${'0'.repeat(64)}.json` }, /has other bytes/],
    [
      'a layer that is a path out',
      { Layers: ['0.tar', '/../x', '2.tar'] },
      /is no path in the archive/,
    ],
    ['layers that are no list', { Layers: 'all' }, /not built as it should be/],
    ['names that are numbers', { RepoTags: [7] }, /not built as it should be/],
  ])('with %s is a problem of that image only', async (_, lie, reason) => {
    const good = entriesOf(image, (i) => `${i}.tar`);
    const [entry] = JSON.parse(good[1]!.bytes!.toString()) as object[];
    const source = await openEntries([
      ...layers,
      { path: `${'0'.repeat(64)}.json`, bytes: image.config.bytes },
      good[0]!,
      json('manifest.json', [{ ...entry, ...lie }, null, entry]),
    ]);
    const { images, problems } = await collect(source);
    expect(images).toHaveLength(1);
    expect(problems).toEqual([
      expect.stringMatching(reason),
      expect.stringContaining('not built as it should be'),
    ]);
  });

  test('that was cut in a layer fails for that layer; in gzip it says where', async () => {
    const whole = makeTar([
      ...entriesOf(image, (i) => `${i}.tar`),
      layers[0]!,
      { path: '1.tar', bytes: Buffer.alloc(100_000, 'x') },
    ]);
    const cut = whole.subarray(0, whole.length - 50_000);
    await writeFile(join(folder, 'cut'), cut);
    const packed = gzipSync(whole, { level: 0 });
    await writeFile(join(folder, 'cut.gz'), packed.subarray(0, packed.length - 50_000));
    for (const [name, reasons] of [
      ['cut', []],
      ['cut.gz', [expect.stringContaining('it could be unpacked up to byte')]],
    ] as const) {
      const source = await open(join(folder, name));
      const { images, problems } = await collect(source);
      expect(problems).toEqual(reasons);
      expect(await bytesOf(source, images[0]!.layers[0]!)).toEqual(image.layers[0]!.tar);
      await expect(bytesOf(source, images[0]!.layers[1]!)).rejects.toThrow('in the middle of it');
    }
  });

  test.each([
    ['an object', '{}', /holds neither|is no list|none of|no list/],
    ['cut', '[{', /is no JSON/],
    ['empty', '', /./],
  ])('with a list that is %s is no docker-archive', async (_, list, message) => {
    const path = join(folder, 'archive.tar');
    await writeFile(path, makeTar([{ path: 'manifest.json', bytes: Buffer.from(list) }]));
    const sources = await openLocalSources([path], {}, GO_ON).catch((error: Error) => error);
    if (sources instanceof Error) expect(sources.message).toMatch(message);
    // Any tar without a list of images is a layer.
    else expect(sources.map(({ kind }) => kind)).toEqual(['tar']);
  });
});
