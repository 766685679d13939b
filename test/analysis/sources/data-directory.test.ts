import { createHash } from 'node:crypto';
import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { SourceError } from '../../../src/analysis/sources/errors.ts';
import type { openDataDirectory } from '../../../src/analysis/sources/local/data-directory.ts';
import { openLocalSources } from '../../../src/analysis/sources/local/open.ts';
import { openSources } from '../../../src/analysis/sources/open.ts';
import type { ImageSource } from '../../../src/analysis/sources/types.ts';
import { assembleLayerStore } from '../../../src/dedup/layer-store.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { findContent } from '../../../src/storage/content.ts';
import { NoDataDirectoryError, openReadOnlyStore } from '../../../src/storage/read-only-store.ts';
import { openStore, type Store } from '../../../src/storage/store.ts';
import { openFileSystemTarget } from '../../../src/storage/target/file-system.ts';
import { AT_ONCE } from '../../dedup/support/layer-store.ts';
import { localRebuilders, localTakers } from '../../dedup/support/layers.ts';
import { pushBlob, pushManifest } from '../../storage/support/content.ts';
import { OCI, randomLike, type TestImage } from '../../support/images.ts';
import { makeTemporary, removeTemporary } from '../../support/temporary.ts';
import {
  brief,
  bytesOf,
  collect,
  GO_ON,
  imageOfLayers,
  jsonContent,
  makeLayer,
  smallImage,
} from './support.ts';

const QUIET = { collectEvery: 0, scrubPeriod: 0 };

let root: string;
/** A directory that was served from; tests that change something work on copies. */
let original: string;
const opened: ImageSource[] = [];

const restored = smallImage('restored');
const intact = imageOfLayers([
  makeLayer([{ path: 'etc/os', bytes: Buffer.from('intact') }]),
  makeLayer([{ path: 'big', bytes: randomLike('big', 300_000) }]),
]);
const arm = smallImage('restored', 'arm64');
const index = jsonContent(OCI.index, {
  schemaVersion: 2,
  mediaType: OCI.index,
  manifests: [restored, arm].map(({ manifest, architecture }) => ({
    ...manifest.descriptor,
    platform: { os: 'linux', architecture },
  })),
});

async function push(store: Store, repository: string, image: TestImage, tags: readonly string[]) {
  for (const { bytes } of [...image.layers, image.config]) await pushBlob(store, repository, bytes);
  await pushManifest(store, repository, { bytes: image.manifest.bytes }, { tags });
}

beforeAll(async () => {
  root = await makeTemporary('directory');
  original = join(root, 'original');
  let store = await openStore(original, QUIET);
  const layers = await assembleLayerStore(
    store,
    {
      async openTarget(allocate) {
        return await openFileSystemTarget({ root: join(original, 'segments'), allocate });
      },
      rebuilders: localRebuilders(),
      takers: localTakers(),
    },
    { policy: AT_ONCE },
  );
  await push(store, 'team/app', restored, ['v1', 'v2']);
  await push(store, 'team/app', arm, []);
  await pushManifest(store, 'team/app', { bytes: index.bytes }, { tags: ['all'] });
  await push(store, 'untagged', restored, []);
  await layers.settled();
  await layers.close();
  await store.close();
  store = await openStore(original, QUIET);
  // Without the floor above these stay as they are.
  await push(store, 'plain', intact, ['latest']);
  const isRecipe = ({ layers: [first] }: TestImage): boolean | undefined =>
    findContent(store.context, first!.descriptor.digest)?.record.recipe;
  expect([isRecipe(restored), isRecipe(intact)]).toEqual([true, undefined]);
  await store.close();
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((source) => source.close()));
});
afterAll(() => removeTemporary(root));

async function open(folder: string, options: Parameters<typeof openDataDirectory>[1] = {}) {
  const [source] = await openLocalSources([folder], options, GO_ON);
  opened.push(source!);
  return source!;
}

async function copyOf(name: string): Promise<string> {
  await cp(original, join(root, name), { recursive: true });
  return join(root, name);
}

/** Digests of all files of a folder; the readers' table of the database changes with each reader. */
async function filesOf(folder: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (!entry.isFile() || path.endsWith('-lock')) continue;
    found.set(
      path,
      createHash('sha256')
        .update(await readFile(path))
        .digest('hex'),
    );
  }
  return found;
}

describe('a data directory', () => {
  test('gives images by tag, each once, and all that indexes lead to', async () => {
    const source = await open(original);
    expect(source.kind).toBe('stowage');
    const { images, problems } = await collect(source);
    expect(problems).toEqual([]);
    expect(
      images.map(({ repository, tag, platform }) => [repository, tag, platform?.architecture]),
    ).toEqual([
      ['plain', 'latest', 'amd64'],
      ['team/app', 'all', 'amd64'],
      ['team/app', 'all', 'arm64'],
    ]);
    expect(images[1]!.layers[0]).toEqual({
      id: restored.layers[0]!.descriptor.digest,
      digest: restored.layers[0]!.descriptor.digest,
      diffId: digestOf(restored.layers[0]!.tar),
      size: restored.layers[0]!.descriptor.size,
      mediaType: OCI.layer,
    });
  });

  test('gives images without a tag when asked, and one platform', async () => {
    const { images } = await collect(await open(original, { untagged: true }));
    expect(images.map(brief)).toHaveLength(4);
    expect(images.at(-1)).toMatchObject({ repository: 'untagged', tag: undefined });
    await opened.pop()!.close();
    const { images: arms } = await collect(await open(original, { platform: 'linux/arm64' }));
    expect(arms.map(({ digest }) => digest)).toEqual([arm.manifest.descriptor.digest]);
  });

  test('gives what globs choose, and no tag that was passed over as untagged', async () => {
    const choose = async (options: Parameters<typeof open>[1]) => {
      const { images, problems } = await collect(await open(original, options));
      await opened.pop()!.close();
      return [images.map(({ repository, tag }) => `${repository}:${tag}`), problems];
    };
    expect(await choose({ repositories: ['pl*'] })).toEqual([['plain:latest'], []]);
    expect(await choose({ tags: ['v*'] })).toEqual([['team/app:v1'], []]);
    expect(await choose({ tags: ['v*', 'latest'], maxTags: 1, untagged: true })).toEqual([
      ['plain:latest', 'team/app:v1'],
      [],
    ]);
    expect(await choose({ repositories: ['team/*'], maxTags: 0, untagged: true })).toEqual([
      [],
      [],
    ]);
    expect(await choose({ tags: ['none'] })).toEqual([
      [],
      [
        `${original}: no image fits --repo and --tag: there are plain:latest, team/app:all, team/app:v1, team/app:v2`,
      ],
    ]);
  });

  test('is shared by sources of one process, and free when the last one is closed', async () => {
    const folder = await copyOf('shared');
    const names = [`stowage:${folder}:team/app:v2`, `stowage:${folder}:plain`];
    const sources = await openSources(names, { folder: root }, GO_ON);
    const found = await Promise.all(sources.map((source) => collect(source)));
    expect(found.flatMap(({ problems }) => problems)).toEqual([]);
    expect(found.map(({ images }) => images.map(({ repository }) => repository))).toEqual([
      ['team/app'],
      ['plain'],
    ]);
    await sources[0]!.close();
    const [plain] = found[1]!.images;
    expect(await bytesOf(sources[1]!, plain!.layers[0]!)).toEqual(intact.layers[0]!.bytes);
    await expect(openStore(folder, QUIET)).rejects.toThrow('in use');
    await sources[1]!.close();
    await (await openStore(folder, QUIET)).close();
  });

  test('gives layers bit for bit, those that lie in files and those that are restored', async () => {
    const source = await open(original);
    const { images } = await collect(source);
    const expected = new Map(
      [restored, intact, arm].flatMap(({ layers }) =>
        layers.map(({ descriptor, bytes }) => [descriptor.digest, bytes] as const),
      ),
    );
    for (const layer of images.flatMap(({ layers }) => layers)) {
      // Twice: what is in memory by then is given as well.
      expect(await bytesOf(source, layer)).toEqual(expected.get(layer.id));
      expect(await bytesOf(source, layer)).toEqual(expected.get(layer.id));
    }
  });

  test('is the same afterwards, byte for byte, whatever was read or found damaged', async () => {
    const folder = await copyOf('unchanged');
    for (const path of (await filesOf(folder)).keys()) {
      if (!path.includes('/segments/')) continue;
      const bytes = await readFile(path);
      for (let at = 64; at < bytes.length; at += 100) bytes[at]! ^= 1;
      await writeFile(path, bytes);
    }
    const before = await filesOf(folder);
    const source = await open(folder);
    const { images } = await collect(source);
    const [plain, all] = images;
    for (const layer of plain!.layers) await bytesOf(source, layer);
    for (const layer of all!.layers.slice(0, 2)) {
      await expect(bytesOf(source, layer)).rejects.toThrow(SourceError);
    }
    await opened.pop()!.close();
    expect(await filesOf(folder)).toEqual(before);
  });

  test('of an older format stays one', async () => {
    const folder = await copyOf('older');
    await writeFile(join(folder, 'format.json'), '{"format":2}\n');
    const { images } = await collect(await open(folder));
    expect(images).toHaveLength(3);
    await opened.pop()!.close();
    expect(await readFile(join(folder, 'format.json'), 'utf8')).toBe('{"format":2}\n');
  });

  test('that lost files tells of the layers, and of nothing else', async () => {
    const folder = await copyOf('lost');
    await rm(join(folder, 'blobs'), { recursive: true });
    const source = await open(folder).catch((error: Error) => error);
    if (source instanceof Error) throw source;
    const { images, problems } = await collect(source);
    expect(problems).toEqual([]);
    const large = images[0]!.layers[1]!;
    await expect(bytesOf(source, large)).rejects.toThrow(SourceError);
    await expect(bytesOf(source, { ...large, digest: undefined })).rejects.toThrow(
      'there is no blob',
    );
  });

  test('that a server has is refused, with what to do; afterwards it can be had', async () => {
    const folder = await copyOf('served');
    const store = await openStore(folder, QUIET);
    await expect(open(folder)).rejects.toThrow(/in use by another process: stop the server, or/);
    await store.close();
    await open(folder);
    await expect(openStore(folder, QUIET)).rejects.toThrow('in use');
  });

  test('that is none is not made one', async () => {
    const folder = await makeTemporary('none');
    await expect(openReadOnlyStore(folder)).rejects.toThrow(NoDataDirectoryError);
    expect(await readdir(folder)).toEqual([]);
    await removeTemporary(folder);
  });
});
