import { cp, mkdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SourceError } from '../../../src/analysis/sources/errors.ts';
import { openLocalSources } from '../../../src/analysis/sources/local/open.ts';
import type { ImageSource } from '../../../src/analysis/sources/types.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import {
  type Content,
  OCI,
  type TestIndex,
  writeLayout,
  writeLayoutArchive,
} from '../../support/images.ts';
import { makeTemporary, removeTemporary } from '../../support/temporary.ts';
import { brief, bytesOf, CREATED, collect, GO_ON, jsonContent, smallImage } from './support.ts';

let folder: string;
const opened: ImageSource[] = [];

beforeEach(async () => {
  folder = await makeTemporary('layout');
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((source) => source.close()));
  await removeTemporary(folder);
});

async function open(path: string, platform?: string): Promise<ImageSource> {
  const [source] = await openLocalSources([path], { platform }, GO_ON);
  opened.push(source!);
  return source!;
}

/** A layout with an index of its own. */
async function writeOwn(manifests: readonly unknown[], contents: readonly Content[] = []) {
  const path = join(folder, 'own');
  await mkdir(join(path, 'blobs/sha256'), { recursive: true });
  await writeFile(join(path, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  await writeFile(join(path, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }));
  for (const { descriptor, bytes } of contents) {
    await writeFile(join(path, 'blobs', descriptor.digest.replace(':', '/')), bytes);
  }
  return path;
}

function contentsOf({ layers, config, manifest }: ReturnType<typeof smallImage>): Content[] {
  return [...layers, config, manifest];
}

function indexOf(manifests: readonly object[]): Content {
  return jsonContent(OCI.index, { schemaVersion: 2, mediaType: OCI.index, manifests });
}

function twoPlatforms(seed: string): TestIndex {
  const images = ['amd64', 'arm64'].map((architecture) => smallImage(seed, architecture));
  const index = indexOf(
    images.map(({ manifest, architecture }) => ({
      ...manifest.descriptor,
      platform: { os: 'linux', architecture },
    })),
  );
  return { images, index };
}

describe('an OCI layout', () => {
  const image = smallImage('one');

  test('gives images by tag, with layers, DiffIDs, sizes, platform and time, and bytes', async () => {
    await writeLayout(join(folder, 'layout'), { v1: image });
    const source = await open(join(folder, 'layout'));
    expect(source.kind).toBe('oci-layout');
    expect([...source.unknown.keys()]).toEqual(['pull-counts']);
    const { images, problems } = await collect(source);
    expect(problems).toEqual([]);
    expect(images).toEqual([
      {
        repository: '',
        tag: 'v1',
        digest: image.manifest.descriptor.digest,
        platform: { os: 'linux', architecture: 'amd64', variant: '' },
        created: CREATED,
        pulls: undefined,
        stars: undefined,
        layers: image.layers.map(({ descriptor, tar }) => ({
          id: descriptor.digest,
          digest: descriptor.digest,
          diffId: digestOf(tar),
          size: descriptor.size,
          mediaType: OCI.layer,
        })),
      },
    ]);
    for (const [i, layer] of images[0]!.layers.entries()) {
      expect(await bytesOf(source, layer)).toEqual(image.layers[i]!.bytes);
    }
  });

  test.each([
    ['plain', (bytes: Buffer) => bytes],
    ['gzip', (bytes: Buffer) => gzipSync(bytes)],
    [
      'two gzip members',
      (bytes: Buffer) =>
        Buffer.concat([gzipSync(bytes.subarray(0, 5000)), gzipSync(bytes.subarray(5000))]),
    ],
    ['zstd', (bytes: Buffer) => zstdCompressSync(bytes)],
  ])('as one tar, %s, gives the same', async (_, pack) => {
    const tags = { v1: image, both: twoPlatforms('two') };
    await writeLayout(join(folder, 'layout'), tags);
    await writeLayoutArchive(join(folder, 'layout.tar'), tags);
    await writeFile(join(folder, 'packed'), pack(await readFile(join(folder, 'layout.tar'))));
    const [a, b] = [await open(join(folder, 'layout')), await open(join(folder, 'packed'))];
    const [expected, found] = [await collect(a), await collect(b)];
    expect(b.kind).toBe('oci-layout');
    expect(found).toEqual(expected);
    expect(found.images).toHaveLength(3);
    for (const layer of found.images.flatMap(({ layers }) => layers)) {
      expect(await bytesOf(b, layer)).toEqual(await bytesOf(a, layer));
    }
  });

  test('of several platforms gives all of them, or the one that is wanted', async () => {
    const path = join(folder, 'layout');
    await writeLayout(path, { both: twoPlatforms('two'), one: image });
    const architectures = async (platform?: string) => {
      const { images, problems } = await collect(await open(path, platform));
      return [images.map((found) => found.platform?.architecture), problems];
    };
    expect(await architectures()).toEqual([['amd64', 'arm64', 'amd64'], []]);
    expect(await architectures('linux/arm64')).toEqual([
      ['arm64'],
      ['one: it has no image for linux/arm64'],
    ]);
    expect(await architectures('linux/amd64')).toEqual([['amd64', 'amd64'], []]);
  });

  test('knows names as containerd, podman and skopeo write them, and one image by one of its tags', async () => {
    const named = (key: string, name: string) => ({
      ...image.manifest.descriptor,
      annotations: { [key]: name },
    });
    const refName = 'org.opencontainers.image.ref.name';
    const path = await writeOwn(
      [
        {
          ...image.manifest.descriptor,
          annotations: {
            'io.containerd.image.name': 'registry:5000/team/app:v2',
            [refName]: 'v2',
          },
        },
        named(refName, 'localhost/app:latest'),
        named(refName, 'app:1.36@sha256:00'),
        named(refName, '2026-10'),
        named(refName, '2026-11'),
        image.manifest.descriptor,
      ],
      contentsOf(image),
    );
    const { images } = await collect(await open(path));
    expect(images.map(({ repository, tag }) => [repository, tag])).toEqual([
      ['registry:5000/team/app', 'v2'],
      ['localhost/app', 'latest'],
      ['app', '1.36'],
      ['', '2026-10'],
    ]);
  });

  test('follows indexes in indexes, and leaves attestations and artifacts out', async () => {
    const attestation = {
      ...image.manifest.descriptor,
      platform: { os: 'unknown', architecture: 'unknown' },
      annotations: { 'vnd.docker.reference.type': 'attestation-manifest' },
    };
    const config = jsonContent('application/vnd.example.signature', {});
    const artifact = jsonContent(OCI.manifest, {
      schemaVersion: 2,
      mediaType: OCI.manifest,
      config: config.descriptor,
      layers: [],
    });
    const inner = indexOf([image.manifest.descriptor, attestation]);
    const outer = indexOf([inner.descriptor, inner.descriptor, artifact.descriptor]);
    const path = await writeOwn(
      [outer.descriptor, { ...attestation }],
      [...contentsOf(image), config, artifact, inner, outer],
    );
    // The attestation of the top index is an image like the one below: it counts there already.
    const { images, problems } = await collect(await open(path));
    expect(images.map(brief)).toHaveLength(1);
    expect(problems).toEqual([
      `${path}: 1 manifest describes no image, but artifacts such as signatures: left out`,
    ]);
  });

  test('takes Docker manifests, and the word of a manifest over that of who refers to it', async () => {
    const manifest = jsonContent('application/vnd.docker.distribution.manifest.v2+json', {
      schemaVersion: 2,
      mediaType: 'application/vnd.docker.distribution.manifest.v2+json',
      config: {
        ...image.config.descriptor,
        mediaType: 'application/vnd.docker.container.image.v1+json',
      },
      layers: image.layers.map(({ descriptor }) => ({
        ...descriptor,
        mediaType: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
      })),
    });
    const lie = { ...manifest.descriptor, mediaType: OCI.index };
    const path = await writeOwn([lie], [...contentsOf(image), manifest]);
    const { images, problems } = await collect(await open(path));
    expect(problems).toEqual([]);
    expect(images[0]!.layers[0]).toMatchObject({
      mediaType: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
      diffId: digestOf(image.layers[0]!.tar),
    });
  });
});

describe('an OCI layout that is not as it should be', () => {
  const image = smallImage('one');
  const good = image.manifest.descriptor;

  test('with digests that are paths reads nothing outside', async () => {
    await writeFile(join(folder, 'secret'), image.manifest.bytes);
    const tricks = [
      'sha256:../../../secret',
      '../secret',
      'sha256:',
      'sha256:%2e%2e',
      '/etc/passwd',
      7,
      null,
    ];
    const layerTrick = jsonContent(OCI.manifest, {
      schemaVersion: 2,
      mediaType: OCI.manifest,
      config: image.config.descriptor,
      layers: [{ mediaType: OCI.layer, digest: 'sha256:../../../secret', size: 1 }],
    });
    const path = await writeOwn(
      [...tricks.map((digest) => ({ ...good, digest })), layerTrick.descriptor, good],
      [...contentsOf(image), layerTrick],
    );
    const source = await open(path);
    const { images, problems } = await collect(source);
    expect(images.map(brief)).toHaveLength(1);
    expect(problems).toHaveLength(tricks.length + 1);
    const [layer] = images[0]!.layers;
    const size = image.manifest.bytes.length;
    const trick = { ...layer!, digest: 'sha256:../../../secret', size };
    await expect(bytesOf(source, trick)).rejects.toThrow(SourceError);
  });

  test('is told what is wrong, image by image', async () => {
    const missing = { ...good, digest: digestOf(Buffer.from('nowhere')) };
    const wrong = jsonContent(OCI.manifest, { schemaVersion: 2 });
    const noJson: Content = {
      bytes: Buffer.from('no JSON'),
      descriptor: { ...good, digest: digestOf(Buffer.from('no JSON')) },
    };
    const schema1 = jsonContent('application/vnd.docker.distribution.manifest.v1+prettyjws', {
      schemaVersion: 1,
      fsLayers: [],
    });
    const path = await writeOwn(
      [missing, wrong.descriptor, noJson.descriptor, schema1.descriptor, 'text', null, good],
      [...contentsOf(image), noJson, schema1, { ...wrong, bytes: Buffer.from('{}') }],
    );
    const { images, problems } = await collect(await open(path));
    expect(images.map(brief)).toHaveLength(1);
    const expected = [
      /blobs\/sha256\/[0-9a-f]{64} is missing$/,
      /has other bytes: their digest is sha256:44136fa/,
      /the manifest is no JSON$/,
      /schema 1 is not supported; push the image again/,
      /manifests\[4\]: it has no valid digest$/,
      /manifests\[5\]: it has no valid digest$/,
    ];
    expect(problems).toEqual(expected.map((reason) => expect.stringMatching(reason)));
  });

  test('with an index that lists itself under a false digest ends', async () => {
    const fake = digestOf(Buffer.from('cycle'));
    const cycle = indexOf([{ ...good, mediaType: OCI.index, digest: fake }]);
    const path = await writeOwn([{ ...good, mediaType: OCI.index, digest: fake }]);
    await writeFile(join(path, 'blobs', fake.replace(':', '/')), cycle.bytes);
    const { images, problems } = await collect(await open(path));
    expect(images).toEqual([]);
    expect(problems).toEqual([expect.stringContaining('has other bytes')]);
  });

  test('with indexes nested beyond all sense is told of, and nothing is followed twice', async () => {
    const indexes = [indexOf([image.manifest.descriptor])];
    for (let depth = 0; depth < 12; depth++) {
      const { descriptor } = indexes.at(-1)!;
      // Twice each: followed anew each time they would be 2^12.
      indexes.push(indexOf([descriptor, descriptor]));
    }
    const path = await writeOwn([indexes.at(-1)!.descriptor], [...contentsOf(image), ...indexes]);
    const { images, problems } = await collect(await open(path));
    expect(images).toEqual([]);
    expect(problems).toEqual([expect.stringContaining('more than 8 deep')]);
  });

  test('keeps an image whose configuration is missing, or does not fit; DiffIDs are then unknown', async () => {
    const other = jsonContent(OCI.config, { os: 'linux', rootfs: { diff_ids: ['sha256:0'] } });
    const misfit = jsonContent(OCI.manifest, {
      schemaVersion: 2,
      mediaType: OCI.manifest,
      config: other.descriptor,
      layers: image.layers.map(({ descriptor }) => descriptor),
    });
    const path = await writeOwn(
      [good, misfit.descriptor],
      [...image.layers, image.manifest, misfit, other],
    );
    const { images, problems } = await collect(await open(path));
    expect(images).toHaveLength(2);
    for (const { layers, platform } of images) {
      expect(platform).toBeUndefined();
      expect(layers.map(({ diffId }) => diffId)).toEqual([undefined, undefined, undefined]);
    }
    expect(problems).toEqual([
      expect.stringContaining('is missing'),
      expect.stringContaining('speaks of 1 layers, its manifest 3'),
    ]);
  });

  test('with a layer that is missing, short, or a pipe fails for that layer', async () => {
    await writeLayout(join(folder, 'layout'), { v1: image });
    const path = (i: number): string =>
      join(folder, 'layout/blobs', image.layers[i]!.descriptor.digest.replace(':', '/'));
    await rm(path(0));
    await truncate(path(1), 10);
    await rm(path(2));
    await symlink('/dev/zero', path(2));
    const source = await open(join(folder, 'layout'));
    const { images } = await collect(source);
    const errors = await Promise.all(
      images[0]!.layers.map((layer) => bytesOf(source, layer).catch((error: Error) => error)),
    );
    expect(errors).toEqual([
      expect.any(SourceError),
      expect.any(SourceError),
      expect.any(SourceError),
    ]);
    expect(String(errors[1])).toContain('has 10 bytes instead of');
  });

  test.each([
    ['no index.json', undefined, /index\.json of the OCI layout .* is missing/],
    ['an index.json that is a list', '[]', /is no JSON object/],
    ['an index.json without manifests', '{}', /lists no manifests/],
    ['an index.json that is cut', '{"manifests":[', /is no JSON/],
  ])('with %s cannot be opened', async (_, index, message) => {
    await writeFile(join(folder, 'oci-layout'), '{}');
    if (index !== undefined) await writeFile(join(folder, 'index.json'), index);
    await expect(open(folder)).rejects.toThrow(message);
  });

  test('cut anywhere as a tar ends in a problem or an error, never in anything else', async () => {
    const whole = join(folder, 'whole.tar');
    await writeLayoutArchive(whole, { v1: image });
    const tar = await readFile(whole);
    for (const [name, bytes] of [
      ['plain', tar],
      ['gzip', gzipSync(tar)],
    ] as const) {
      for (let length = 0; length < bytes.length; length += Math.ceil(bytes.length / 12)) {
        const path = join(folder, `${name}-${length}`);
        await writeFile(path, bytes.subarray(0, length));
        try {
          const source = await open(path);
          const { images } = await collect(source);
          for (const layer of images.flatMap(({ layers }) => layers)) await bytesOf(source, layer);
        } catch (error) {
          expect(error).toBeInstanceOf(SourceError);
        }
      }
    }
  });

  test('is left as soon as the signal says so', async () => {
    await writeLayout(join(folder, 'layout'), { v1: image });
    await cp(join(folder, 'layout'), join(folder, 'copy'), { recursive: true });
    const source = await open(join(folder, 'copy'));
    const stop = new AbortController();
    stop.abort(new Error('enough'));
    await expect(collect(source, stop.signal)).rejects.toThrow('enough');
    const { images } = await collect(source);
    await expect(bytesOf(source, images[0]!.layers[0]!, stop.signal)).rejects.toThrow('enough');
  });
});
