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
