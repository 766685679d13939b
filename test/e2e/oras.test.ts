import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeImage, makeIndex, randomLike, writeLayout } from '../support/images.ts';
import { run } from '../support/run.ts';
import { makeTemporary, removeTemporary } from '../support/temporary.ts';
import { describeWith, requireGoTool } from '../support/tools.ts';
import { SCENARIOS, type TestRegistry } from './registries.ts';

const oras = await requireGoTool('oras');

describeWith([oras], 'issue 3, shows 3: oras', () => {
  const image = makeImage('oras');
  const multi = makeIndex('oras multi');
  let folder: string;

  beforeAll(async () => {
    folder = await makeTemporary('oras');
    await writeLayout(join(folder, 'layout'), { single: image, multi });
    await writeFile(join(folder, 'sbom.json'), '{"packages":[]}');
    await writeFile(join(folder, 'signature'), 'signed');
    await writeFile(join(folder, 'large.bin'), randomLike('oras large', 12_000_000));
  });

  afterAll(() => removeTemporary(folder));

  describe.each(SCENARIOS)('$title', ({ start, title }) => {
    let registry: TestRegistry;

    /** Options that name the registry, for commands that talk to one. */
    const access = (prefix = ''): string[] => [
      ...[`--${prefix}registry-config`, join(folder, `${title}.json`)],
      ...(registry.caFile === undefined
        ? [`--${prefix}plain-http`]
        : [`--${prefix}ca-file`, registry.caFile]),
    ];

    const call = (...args: string[]): Promise<string> => run(oras.path, args, { cwd: folder });

    beforeAll(async () => {
      registry = await start();
      if (registry.login === undefined) return;
      const { user, password } = registry.login;
      await run(oras.path, ['login', ...access(), registry.host, '-u', user, '--password-stdin'], {
        input: password,
      });
    });

    afterAll(() => registry?.[Symbol.asyncDispose]());

    it('pushes and pulls files', async () => {
      const reference = `${registry.host}/e2e/oras:files`;
      await call(
        'push',
        ...access(),
        '--no-tty',
        reference,
        'large.bin:application/x-large',
        'sbom.json',
      );
      const out = join(folder, `out ${title}`);
      await call('pull', ...access(), '--no-tty', '-o', out, reference);
      for (const name of ['large.bin', 'sbom.json']) {
        expect(await readFile(join(out, name))).toEqual(await readFile(join(folder, name)));
      }
    });

    it('attaches artifacts to an image and lists them, also by type', async () => {
      const reference = `${registry.host}/e2e/oras-subject:v1`;
      await call(
        'cp',
        ...access('to-'),
        '--no-tty',
        '--from-oci-layout',
        'layout:single',
        reference,
      );
      const attach = async (type: string, file: string): Promise<string> =>
        call(
          'attach',
          ...access(),
          '--no-tty',
          '--artifact-type',
          type,
          '--format',
          'go-template',
          '--template',
          '{{.digest}}',
          reference,
          file,
        );
      const sbom = await attach('application/vnd.example.sbom', 'sbom.json');
      const signature = await attach('application/vnd.example.signature', 'signature');

      const discover = async (...args: string[]): Promise<string[]> => {
        const text = await call('discover', ...access(), '--format', 'json', ...args, reference);
        return JSON.parse(text).referrers.map(({ digest }: { digest: string }) => digest);
      };
      expect((await discover()).toSorted()).toEqual([sbom, signature].toSorted());
      expect(await discover('--artifact-type', 'application/vnd.example.sbom')).toEqual([sbom]);
    });

    it('copies an index with its images and their referrers', async () => {
      const from = `${registry.host}/e2e/oras-from:v1`;
      const to = `${registry.host}/e2e/oras-to:v1`;
      await call('cp', ...access('to-'), '--no-tty', '--from-oci-layout', 'layout:multi', from);
      await call(
        'attach',
        ...access(),
        '--no-tty',
        '--artifact-type',
        'application/vnd.example.sbom',
        from,
        'sbom.json',
      );
      await call('cp', '-r', ...access('from-'), ...access('to-'), '--no-tty', from, to);
      expect(await registry.digestOf('e2e/oras-to', 'v1')).toBe(multi.index.descriptor.digest);
      const found = JSON.parse(await call('discover', ...access(), '--format', 'json', to));
      expect(found.referrers).toHaveLength(1);
    });

    it('deletes a manifest', async () => {
      const reference = `${registry.host}/e2e/oras-deleted:v1`;
      await call('push', ...access(), '--no-tty', reference, 'sbom.json');
      await call('manifest', 'delete', ...access(), '--force', reference);
      expect(await registry.digestOf('e2e/oras-deleted', 'v1')).toBeUndefined();
    });
  });
});
