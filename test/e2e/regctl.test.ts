import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeImage, makeIndex, writeLayout } from '../support/images.ts';
import { run } from '../support/run.ts';
import { makeTemporary, removeTemporary } from '../support/temporary.ts';
import { describeWith, requireGoTool } from '../support/tools.ts';
import { SCENARIOS, type TestRegistry } from './registries.ts';

const regctl = await requireGoTool('regctl');

describeWith([regctl], 'issue 3, shows 3: regctl', () => {
  const image = makeImage('regctl');
  const multi = makeIndex('regctl multi');
  let folder: string;
  let layout: string;

  beforeAll(async () => {
    folder = await makeTemporary('regctl');
    layout = join(folder, 'layout');
    await writeLayout(layout, { single: image, multi });
    await writeFile(join(folder, 'sbom.json'), '{"packages":[]}');
  });

  afterAll(() => removeTemporary(folder));

  describe.each(SCENARIOS)('$title', ({ start, title }) => {
    let registry: TestRegistry;

    const call = (...args: string[]): Promise<string> =>
      run(regctl.path, args, {
        env: { REGCTL_CONFIG: join(folder, `${title}.json`), DOCKER_CONFIG: folder },
      });

    beforeAll(async () => {
      registry = await start();
      const trust =
        registry.caFile === undefined
          ? ['--tls', 'disabled']
          : ['--cacert', await readFile(registry.caFile, 'utf8')];
      // Small chunks, so that these images make it upload in chunks.
      const chunks = ['--blob-max', '2000000', '--blob-chunk', '1000000'];
      await call('registry', 'set', '--skip-check', ...trust, ...chunks, registry.host);
      if (registry.login === undefined) return;
      const { user, password } = registry.login;
      await call('registry', 'login', registry.host, '-u', user, '-p', password);
    });

    afterAll(() => registry?.[Symbol.asyncDispose]());

    it('copies an image of several layers in and out', async () => {
      const reference = `${registry.host}/e2e/regctl:v1`;
      const { digest } = image.manifest.descriptor;
      await call('image', 'copy', `ocidir://${layout}:single`, reference);
      expect(await registry.digestOf('e2e/regctl', 'v1')).toBe(digest);
      const out = `ocidir://${join(folder, `out-${title.replaceAll(' ', '-')}`)}:v1`;
      await call('image', 'copy', reference, out);
      expect(await call('image', 'digest', out)).toBe(digest);
    });

    it('copies an index with all its images in and out', async () => {
      const reference = `${registry.host}/e2e/regctl-multi:v1`;
      const { digest } = multi.index.descriptor;
      await call('image', 'copy', `ocidir://${layout}:multi`, reference);
      expect(await registry.digestOf('e2e/regctl-multi', 'v1')).toBe(digest);
      const out = `ocidir://${join(folder, `multi-${title.replaceAll(' ', '-')}`)}:v1`;
      await call('image', 'copy', reference, out);
      expect(await call('image', 'digest', out)).toBe(digest);
    });

    it('attaches an artifact to an image and lists it, also by type', async () => {
      const reference = `${registry.host}/e2e/regctl-subject:v1`;
      await call('image', 'copy', `ocidir://${layout}:single`, reference);
      const put = async (type: string): Promise<string> =>
        call(
          'artifact',
          'put',
          '--artifact-type',
          type,
          '--subject',
          reference,
          '--file',
          join(folder, 'sbom.json'),
          '--format',
          '{{.Manifest.GetDescriptor.Digest}}',
        );
      const sbom = await put('application/vnd.example.sbom');
      const other = await put('application/vnd.example.other');
      const format = '{{range .Descriptors}}{{println .Digest}}{{end}}';
      const list = async (...args: string[]): Promise<string[]> =>
        (await call('artifact', 'list', ...args, '--format', format, reference)).split('\n');
      expect((await list()).toSorted()).toEqual([sbom, other].toSorted());
      expect(await list('--filter-artifact-type', 'application/vnd.example.sbom')).toEqual([sbom]);
    });

    it('removes a tag and keeps the manifest', async () => {
      const repository = `${registry.host}/e2e/regctl-deleted`;
      const { digest } = image.manifest.descriptor;
      await call('image', 'copy', `ocidir://${layout}:single`, `${repository}:one`);
      await call('image', 'copy', `${repository}:one`, `${repository}:two`);
      await call('tag', 'rm', `${repository}:one`);
      expect((await call('tag', 'ls', repository)).split('\n')).toEqual(['two']);
      expect(await registry.digestOf('e2e/regctl-deleted', 'one')).toBeUndefined();
      expect(await registry.digestOf('e2e/regctl-deleted', digest)).toBe(digest);
      await call('manifest', 'delete', `${repository}@${digest}`);
      expect(await registry.digestOf('e2e/regctl-deleted', digest)).toBeUndefined();
    });
  });
});
