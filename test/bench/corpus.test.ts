import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parsePackages } from '../../bench/corpus/content/debian.ts';
import { distinctLayers, readCorpus } from '../../bench/corpus/layouts.ts';
import { identityOf } from '../../bench/corpus/lock.ts';
import { FORMS, RECIPES } from '../../bench/corpus/recipes.ts';
import { countBound } from '../../bench/dedup/registry/bound.ts';
import { digestOf, makeImage, randomLike, writeLayout } from '../support/images.ts';
import { makeTar } from '../support/tar.ts';
import { makeTemporary, removeTemporary } from '../support/temporary.ts';

describe.each(FORMS)('the recipes of the %s form', (form) => {
  it('have names of their own, and what they stand on before them', () => {
    const seen = new Set<string>();
    for (const { name, base } of RECIPES[form]) {
      expect(seen).not.toContain(name);
      if (base !== undefined) expect(seen).toContain(base);
      seen.add(name);
    }
  });
});

describe('the list of installed packages', () => {
  it('holds what is installed, with versions, and nothing else', () => {
    const status = [
      'Package: zlib1g\nStatus: install ok installed\nVersion: 1:1.2.13\nDescription: z\n Version: 9',
      'Package: gone\nStatus: deinstall ok config-files\nVersion: 2',
      'Package: bash\nStatus: install ok installed\nVersion: 5.2',
    ].join('\n\n');
    expect(parsePackages(`${status}\n`)).toEqual(['bash=5.2', 'zlib1g=1:1.2.13']);
  });
});

describe('a corpus on the disk', () => {
  const first = makeImage('first');
  const second = makeImage('second');
  let folder: string;

  beforeAll(async () => {
    folder = await makeTemporary('corpus-test');
    await writeLayout(join(folder, 'b'), { v1: first, v2: second });
    await writeLayout(join(folder, 'a'), { v1: first });
    await mkdir(join(folder, 'no-layout'));
  });

  afterAll(() => removeTemporary(folder));

  it('is read in the order of names, with all blobs', async () => {
    const images = await readCorpus(folder);
    expect(images.map(({ name }) => name)).toEqual(['a:v1', 'b:v1', 'b:v2']);
    expect(images[2]!.manifest.digest).toBe(second.manifest.descriptor.digest);
    expect(images[0]!.layers.map(({ digest }) => digest)).toEqual(
      first.layers.map(({ descriptor }) => descriptor.digest),
    );
    const distinct = [...first.layers, ...second.layers].map(({ descriptor }) => descriptor.digest);
    expect(distinctLayers(images).map(({ digest }) => digest)).toEqual([...new Set(distinct)]);
  });

  it('has another identity when one manifest is another', async () => {
    const images = await readCorpus(folder);
    const swapped = images.map((image, i) => ({
      ...image,
      manifest: images[(i + 1) % 3]!.manifest,
    }));
    expect(identityOf(swapped)).not.toBe(identityOf(images));
    expect(identityOf(await readCorpus(folder))).toBe(identityOf(images));
  });

  it('is empty where there is no folder', async () => {
    expect(await readCorpus(join(folder, 'missing'))).toEqual([]);
  });
});

describe('the bound of deduplication by files', () => {
  const shared = { path: 'shared', bytes: randomLike('shared', 200_000) };
  const own = { path: 'own', bytes: randomLike('own', 100_000) };
  const imageOf = (name: string, entries: Parameters<typeof makeTar>[0]) => {
    const bytes = gzipSync(makeTar(entries));
    const descriptor = { mediaType: '', digest: digestOf(bytes), size: bytes.length };
    const [repository, tag] = [name, 'v1'];
    return {
      bytes,
      image: {
        ...{ name: `${repository}:${tag}`, repository, tag },
        ...{ manifest: descriptor, config: descriptor, layers: [descriptor] },
      },
    };
  };

  it('counts a file once, and what no file owns each time', async () => {
    const folder = await makeTemporary('bound');
    try {
      const images = [
        imageOf('one', [shared]),
        imageOf('two', [own, { ...shared, path: 'elsewhere' }]),
        imageOf('twice', [own, { ...own, path: 'copy' }]),
      ];
      for (const { bytes, image } of images) {
        const blobs = join(folder, image.repository, 'blobs/sha256');
        await mkdir(blobs, { recursive: true });
        await writeFile(join(blobs, image.manifest.digest.slice('sha256:'.length)), bytes);
      }
      const counter = countBound(folder);
      const one = await counter.add(images[0]!.image);
      expect(one.repeated).toBe(0);
      expect(one.ideal).toBe(images[0]!.bytes.length);
      // Random bytes stay as large as they are.
      const two = await counter.add(images[1]!.image);
      expect(two.repeated / 200_000).toBeCloseTo(1, 2);
      expect(two.ideal).toBeCloseTo(images[1]!.bytes.length - two.repeated, 6);
      expect(two.gaps).toBeGreaterThan(0);
      expect(two.gaps).toBeLessThan(2000);
      const twice = await counter.add(images[2]!.image);
      expect(twice.ideal).toBeLessThan(twice.gaps + 1);
      const nothing = { layers: 0, repeated: 0, gaps: 0, ideal: 0 };
      expect(await counter.add(images[0]!.image)).toEqual(nothing);
    } finally {
      await removeTemporary(folder);
    }
  });
});
