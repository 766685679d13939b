import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type OpenOptions, openSources } from '../../../src/analysis/sources/open.ts';
import type { SourceImage } from '../../../src/analysis/sources/types.ts';
import { writeLayout, writeLayoutArchive } from '../../support/images.ts';
import { makeTar } from '../../support/tar.ts';
import { makeTemporary, removeTemporary } from '../../support/temporary.ts';
import { collect, GO_ON, smallImage } from './support.ts';

const IMAGES = {
  'team/app:v1': smallImage('one'),
  'team/app:v2': smallImage('two'),
  'team/web:v1': smallImage('three'),
  plain: smallImage('four'),
};
let folder: string;

/** An archive of all of them; the tag alone is no name that `docker save` would write. */
async function writeArchive(path: string): Promise<void> {
  const entries = Object.entries(IMAGES).map(([name, { config, layers }]) => ({
    list: {
      Config: `${config.descriptor.digest.slice('sha256:'.length)}.json`,
      RepoTags: name === 'plain' ? null : [name, ...(name.endsWith('2') ? ['team/app:new'] : [])],
      Layers: layers.map(({ descriptor }) => `${descriptor.digest.slice('sha256:'.length)}.tar`),
    },
    files: [config.bytes, ...layers.map(({ tar }) => tar)],
  }));
  const files = new Map<string, Buffer>();
  for (const { list, files: contents } of entries) {
    for (const [i, file] of [list.Config, ...list.Layers].entries()) files.set(file, contents[i]!);
  }
  const list = Buffer.from(JSON.stringify(entries.map((entry) => entry.list)));
  files.set('manifest.json', list);
  await writeFile(path, makeTar([...files].map(([name, bytes]) => ({ path: name, bytes }))));
}

beforeAll(async () => {
  folder = await makeTemporary('choice');
  await writeLayout(join(folder, 'layout'), IMAGES);
  await writeLayoutArchive(join(folder, 'layout.tar'), IMAGES);
  await writeArchive(join(folder, 'archive.tar'));
});
afterAll(() => removeTemporary(folder));

async function choose(names: readonly string[], options: Partial<OpenOptions> = {}) {
  const sources = await openSources(names, { folder, ...options }, GO_ON);
  try {
    const found = await Promise.all(sources.map((source) => collect(source)));
    return {
      images: found.flatMap(({ images }) => images),
      problems: found.flatMap(({ problems }) => problems),
    };
  } finally {
    await Promise.all(sources.map((source) => source.close()));
  }
}

const shortName = ({ repository, tag }: SourceImage): string =>
  [repository, tag].filter(Boolean).join(':');

async function namesOf(names: readonly string[], options: Partial<OpenOptions> = {}) {
  const { images, problems } = await choose(names, options);
  expect(problems).toEqual([]);
  return images.map(shortName);
}

describe.each(['layout', 'layout.tar'])('of an OCI layout (%s)', (file) => {
  test.each<[string, Partial<OpenOptions>, string[]]>([
    ['repositories', { repositories: ['team/w*'] }, ['team/web:v1']],
    ['tags', { tags: ['v1', 'x'] }, ['team/app:v1', 'team/web:v1']],
    ['both', { repositories: ['**/app'], tags: ['*2'] }, ['team/app:v2']],
    ['the first tags', { maxTags: 1 }, ['team/app:v1', 'team/web:v1', 'plain']],
    ['tags without a repository', { tags: ['p*'] }, ['plain']],
    ['no repository', { repositories: ['*'] }, ['plain']],
  ])('%s are chosen by glob', async (_, options, expected) => {
    expect(await namesOf([join(folder, file)], options)).toEqual(expected);
  });
});

describe('of a docker-archive', () => {
  test.each<[string, Partial<OpenOptions>, string[]]>([
    ['repositories', { repositories: ['team/w*'] }, ['team/web:v1']],
    ['tags', { tags: ['v1'] }, ['team/app:v1', 'team/web:v1']],
    ['another tag of an image', { tags: ['new'] }, ['team/app:new']],
    ['the first tags', { maxTags: 1 }, ['team/app:v1', 'team/web:v1', '']],
    ['images without a name', { repositories: ['*'], tags: ['*'] }, ['']],
  ])('%s are chosen by glob', async (_, options, expected) => {
    expect(await namesOf([join(folder, 'archive.tar')], options)).toEqual(expected);
  });
});

test.each(['layout', 'layout.tar', 'archive.tar'])(
  'a choice that nothing of %s fits is told, with what there is',
  async (file) => {
    const { images, problems } = await choose([join(folder, file)], { tags: ['v9*'] });
    expect(images).toEqual([]);
    expect(problems).toEqual([
      expect.stringMatching(
        /: no image fits --repo and --tag: there are team\/app:v1, team\/app:v2, .*team\/web:v1/,
      ),
    ]);
  },
);

describe('globs that have nothing to choose from', () => {
  test.each<[string[], Partial<OpenOptions>, RegExp]>([
    [['docker://127.0.0.1:1/app:v1'], { tags: ['v2'] }, /--tag has nothing to choose from/],
    [['docker://127.0.0.1:1/app'], { repositories: ['*'] }, /--repo has nothing to choose from/],
    [['docker-hub:app'], { repositories: ['*'] }, /--repo has nothing to choose from/],
  ])('%j are refused', async (names, options, message) => {
    await expect(openSources(names, { folder, ...options }, GO_ON)).rejects.toMatchObject({
      name: 'SourceUsageError',
      message: expect.stringMatching(message),
      hint: expect.stringContaining('docker://HOST'),
    });
  });

  test('are for the other sources, where there are some', async () => {
    const names = ['docker://127.0.0.1:1/app:v1', join(folder, 'layout')];
    const sources = await openSources(names, { folder, tags: ['v2'] }, GO_ON);
    const { images } = await collect(sources[1]!);
    await Promise.all(sources.map((source) => source.close()));
    expect(images.map(shortName)).toEqual(['team/app:v2']);
  });
});

describe('an image that is named', () => {
  const { digest } = IMAGES.plain.manifest.descriptor;
  const configuration = IMAGES.plain.config.descriptor.digest;
  test.each<[string, string, string[]]>([
    ['oci', 'layout:team/app:v2', ['team/app:v2']],
    ['oci', 'layout.tar:team/app:v2', ['team/app:v2']],
    ['oci-archive', 'layout.tar:plain', ['plain']],
    ['oci-archive', 'layout.tar:docker.io/team/web:v1', ['team/web:v1']],
    ['oci', 'layout:team/app', ['team/app:v1', 'team/app:v2']],
    ['oci', `layout:@${digest}`, ['plain']],
    ['oci', `layout:plain@${digest}`, ['plain']],
    ['docker-archive', 'archive.tar:team/app:new', ['team/app:new']],
    ['docker-archive', 'archive.tar:docker.io/team/app:v2', ['team/app:v2']],
    ['docker-archive', `archive.tar:@${configuration}`, ['']],
    ['oci', 'layout', ['team/app:v1', 'team/app:v2', 'team/web:v1', 'plain']],
    ['oci', 'layout:', ['team/app:v1', 'team/app:v2', 'team/web:v1', 'plain']],
  ])('is had alone: %s:%s', async (form, place, expected) => {
    expect(await namesOf([`${form}:${folder}/${place}`])).toEqual(expected);
  });

  test('is had beside others of the same source, whatever the globs', async () => {
    const names = [`oci:${folder}/layout:plain`, `oci:${folder}/layout:team/web:v1`];
    expect(await namesOf(names)).toEqual(['plain', 'team/web:v1']);
    const archive = join(folder, 'archive.tar');
    expect(await namesOf([...names, archive], { tags: ['v2'] })).toEqual([
      'plain',
      'team/web:v1',
      'team/app:v2',
    ]);
  });

  test('and is not there is told, with those that are', async () => {
    await expect(choose([`oci:${folder}/layout:team/app:v3`])).rejects.toThrow(
      `OCI layout ${folder}/layout: no image team/app:v3: there are team/app:v1, team/app:v2, team/web:v1, plain`,
    );
  });

  test.each<[string, RegExp]>([
    ['oci:', /has no path; it looks like oci:PATH/],
    ['oci:layout:app@sha256:0', /what follows the @ is no digest/],
    ['docker-archive:layout', /layout is no docker-archive/],
    ['oci:archive.tar', /archive\.tar is no OCI layout/],
    ['stowage:layout:app', /layout is no data directory of Stowage/],
    ['oci:layer.tar:app', /layer\.tar is no OCI layout/],
  ])('%s: says what is wrong', async (name, message) => {
    await writeFile(join(folder, 'layer.tar'), makeTar([{ path: 'etc/' }]));
    const full = name.replace(':l', `:${folder}/l`).replace(':a', `:${folder}/a`);
    await expect(choose([full])).rejects.toMatchObject({
      name: expect.stringMatching(/^Source(Usage)?Error$/),
      message: expect.stringMatching(message),
    });
  });
});

test('of an archive that is both a layout and a docker-archive the one is read that is asked for', async () => {
  const { config, layers, manifest } = IMAGES.plain;
  const blob = (descriptor: { digest: string }) => `blobs/${descriptor.digest.replace(':', '/')}`;
  const list = [{ Config: blob(config.descriptor), RepoTags: ['app:v1'], Layers: [] }];
  const files = [config, manifest, ...layers].map(({ descriptor, bytes }) => ({
    path: blob(descriptor),
    bytes,
  }));
  const index = { schemaVersion: 2, manifests: [manifest.descriptor] };
  const json = (path: string, value: unknown) => ({
    path,
    bytes: Buffer.from(JSON.stringify(value)),
  });
  await writeFile(
    join(folder, 'both.tar'),
    makeTar([
      ...files,
      json('manifest.json', list),
      json('index.json', index),
      json('oci-layout', { imageLayoutVersion: '1.0.0' }),
    ]),
  );
  const kindOf = async (name: string) => {
    const [source] = await openSources([name], { folder }, GO_ON);
    await source!.close();
    return source!.kind;
  };
  const path = join(folder, 'both.tar');
  expect(await kindOf(path)).toBe('docker-archive');
  expect(await kindOf(`docker-archive:${path}`)).toBe('docker-archive');
  expect(await kindOf(`oci-archive:${path}`)).toBe('oci-layout');
});
