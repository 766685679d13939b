import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openLocalSources } from '../../../src/analysis/sources/local/open.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { writeLayout } from '../../support/images.ts';
import { run } from '../../support/run.ts';
import { makeTemporary, removeTemporary } from '../../support/temporary.ts';
import { describeWith, requireTool } from '../../support/tools.ts';
import { bytesOf, collect, GO_ON, smallImage } from './support.ts';

const skopeo = await requireTool('skopeo', 'skopeo');

describeWith([skopeo], 'what skopeo writes of one image', () => {
  const image = smallImage('skopeo');
  const diffIds = image.layers.map(({ tar }) => digestOf(tar));
  let folder: string;

  beforeAll(async () => {
    folder = await makeTemporary('skopeo');
    await writeLayout(join(folder, 'layout'), { v1: image });
  });
  afterAll(() => removeTemporary(folder));

  async function copy(to: string): Promise<void> {
    const from = `oci:${join(folder, 'layout')}:v1`;
    await run(skopeo.path, ['copy', '--insecure-policy', '--quiet', from, to]);
  }

  test.each([
    ['oci', 'oci-layout'],
    ['oci-archive', 'oci-layout'],
    ['docker-archive', 'docker-archive'],
  ])('as %s has the same layers (%s)', async (transport, kind) => {
    const path = join(folder, transport);
    const name = transport === 'docker-archive' ? 'example.test/app:v2' : 'v2';
    await copy(`${transport}:${path}:${name}`);
    const [source] = await openLocalSources([path], {}, GO_ON);
    expect(source!.kind).toBe(kind);
    const { images, problems } = await collect(source!);
    expect(problems).toEqual([]);
    expect(images).toHaveLength(1);
    const [found] = images;
    expect(found!.tag).toBe('v2');
    expect(found!.repository).toBe(transport === 'docker-archive' ? 'example.test/app' : '');
    expect(found!.layers.map(({ diffId }) => diffId)).toEqual(diffIds);
    for (const layer of found!.layers) {
      const bytes = await bytesOf(source!, layer);
      expect(bytes.length).toBe(layer.size);
      expect(digestOf(bytes)).toBe(layer.digest);
      if (bytes[0] === 0x1f) expect(digestOf(gunzipSync(bytes))).toBe(layer.diffId);
    }
    await source!.close();
  });

  test('compressed as a whole has the same images', async () => {
    const path = join(folder, 'whole.tar');
    await copy(`docker-archive:${path}:example.test/app:v3`);
    await writeFile(`${path}.gz`, gzipSync(await readFile(path)));
    const sources = await openLocalSources([path, `${path}.gz`], {}, GO_ON);
    const [plain, packed] = await Promise.all(sources.map((source) => collect(source)));
    expect(packed).toEqual(plain);
    expect(plain!.images).toHaveLength(1);
    await Promise.all(sources.map((source) => source.close()));
  });
});
