import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digestOf, makeImage, makeIndex, writeLayout } from '../support/images.ts';
import { run } from '../support/run.ts';
import { makeTemporary, removeTemporary } from '../support/temporary.ts';
import { describeWith, requireTool } from '../support/tools.ts';
import { type ContainersHome, makeContainersHome, tlsArgs } from './containers-home.ts';
import { SCENARIOS, type TestRegistry } from './registries.ts';

const skopeo = await requireTool('skopeo', 'skopeo');

describeWith([skopeo], 'issue 3, shows 3: skopeo', () => {
  const image = makeImage('skopeo');
  const multi = makeIndex('skopeo multi');
  let folder: string;
  let layout: string;

  beforeAll(async () => {
    folder = await makeTemporary('skopeo');
    layout = join(folder, 'layout');
    await writeLayout(layout, { single: image, multi });
  });

  afterAll(() => removeTemporary(folder));

  describe.each(SCENARIOS)('$title', ({ start }) => {
    let registry: TestRegistry;
    let home: ContainersHome;
    let target: string;

    const call = (...args: string[]): Promise<string> =>
      run(skopeo.path, ['--policy', home.policy, ...args], { env: home.env });

    const copyIn = (source: string, destination: string, ...args: string[]): Promise<string> =>
      call('copy', ...args, ...tlsArgs(registry, 'dest-'), source, destination);

    const copyOut = (source: string, destination: string, ...args: string[]): Promise<string> =>
      call('copy', ...args, ...tlsArgs(registry, 'src-'), source, destination);

    beforeAll(async () => {
      registry = await start();
      home = await makeContainersHome(await makeTemporary('skopeo-home'));
      target = `docker://${registry.host}/e2e/skopeo`;
      if (registry.login === undefined) return;
      const { user, password } = registry.login;
      await run(
        skopeo.path,
        ['login', ...tlsArgs(registry), '-u', user, '--password-stdin', registry.host],
        { env: home.env, input: password },
      );
    });

    afterAll(async () => {
      await registry?.[Symbol.asyncDispose]();
      if (home !== undefined) await removeTemporary(home.folder);
    });

    it('copies an image of several layers in and out with the same digests', async () => {
      await copyIn(`oci:${layout}:single`, `${target}:v1`);
      expect(await registry.digestOf('e2e/skopeo', 'v1')).toBe(image.manifest.descriptor.digest);

      const out = join(home.folder, 'out');
      await copyOut(`${target}:v1`, `dir:${out}`);
      expect(digestOf(await readFile(join(out, 'manifest.json')))).toBe(
        image.manifest.descriptor.digest,
      );
      for (const { descriptor } of [image.config, ...image.layers]) {
        const file = join(out, descriptor.digest.slice('sha256:'.length));
        expect(digestOf(await readFile(file))).toBe(descriptor.digest);
      }
    });

    it('copies an index with all its images in and out with the same digests', async () => {
      await copyIn(`oci:${layout}:multi`, `${target}:multi`, '--all');
      expect(await registry.digestOf('e2e/skopeo', 'multi')).toBe(multi.index.descriptor.digest);

      const out = join(home.folder, 'out-multi');
      await copyOut(`${target}:multi`, `dir:${out}`, '--all', '--preserve-digests');
      expect(digestOf(await readFile(join(out, 'manifest.json')))).toBe(
        multi.index.descriptor.digest,
      );
      for (const { manifest, layers } of multi.images) {
        const name = `${manifest.descriptor.digest.slice('sha256:'.length)}.manifest.json`;
        expect(await readFile(join(out, name))).toEqual(manifest.bytes);
        for (const { descriptor, bytes } of layers) {
          const file = join(out, descriptor.digest.slice('sha256:'.length));
          expect(await readFile(file)).toEqual(bytes);
        }
      }
    });

    it('pushes Docker schema 2 and copies it to another repository', async () => {
      await copyIn(`oci:${layout}:single`, `${target}:docker`, '--format', 'v2s2');
      const manifest = await registry.manifestOf('e2e/skopeo', 'docker');
      expect(manifest.mediaType).toBe('application/vnd.docker.distribution.manifest.v2+json');

      await call(
        'copy',
        ...tlsArgs(registry, 'src-'),
        ...tlsArgs(registry, 'dest-'),
        `${target}:docker`,
        `docker://${registry.host}/e2e/other/skopeo:docker`,
      );
      const first = await registry.digestOf('e2e/skopeo', 'docker');
      expect(first).toMatch(/^sha256:/);
      expect(await registry.digestOf('e2e/other/skopeo', 'docker')).toBe(first);
    });

    it('lists tags and inspects', async () => {
      await copyIn(`oci:${layout}:single`, `docker://${registry.host}/e2e/listed:one`);
      await copyIn(`oci:${layout}:single`, `docker://${registry.host}/e2e/listed:two`);
      const listed = `docker://${registry.host}/e2e/listed`;
      const { Tags } = JSON.parse(await call('list-tags', ...tlsArgs(registry), listed));
      expect(Tags.toSorted()).toEqual(['one', 'two']);
      const found = JSON.parse(await call('inspect', ...tlsArgs(registry), `${listed}:one`));
      expect(found.Digest).toBe(image.manifest.descriptor.digest);
      expect(found.Layers).toEqual(image.layers.map(({ descriptor }) => descriptor.digest));
    });

    it('deletes', async () => {
      await copyIn(`oci:${layout}:single`, `docker://${registry.host}/e2e/deleted:v1`);
      expect(await registry.digestOf('e2e/deleted', 'v1')).toMatch(/^sha256:/);
      await call('delete', ...tlsArgs(registry), `docker://${registry.host}/e2e/deleted:v1`);
      expect(await registry.digestOf('e2e/deleted', 'v1')).toBeUndefined();
      const { digest } = image.manifest.descriptor;
      expect(await registry.digestOf('e2e/deleted', digest)).toBeUndefined();
    });
  });
});
