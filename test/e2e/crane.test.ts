import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeImage, makeIndex, writeLayout } from '../support/images.ts';
import { run } from '../support/run.ts';
import { makeTemporary, removeTemporary } from '../support/temporary.ts';
import { describeWith, requireGoTool } from '../support/tools.ts';
import { SCENARIOS, type TestRegistry } from './registries.ts';

const crane = await requireGoTool('crane');

describeWith([crane], 'issue 3, shows 3: crane', () => {
  const image = makeImage('crane');
  const multi = makeIndex('crane multi');
  let folder: string;

  beforeAll(async () => {
    folder = await makeTemporary('crane');
    await writeLayout(join(folder, 'single'), { single: image });
    await writeLayout(join(folder, 'multi'), { multi });
  });

  afterAll(() => removeTemporary(folder));

  describe.each(SCENARIOS)('$title', ({ start, title }) => {
    let registry: TestRegistry;
    let env: Record<string, string>;

    const call = (...args: string[]): Promise<string> =>
      run(crane.path, [...(registry.caFile === undefined ? ['--insecure'] : []), ...args], { env });

    /** Digests in the index of the layout that crane wrote. */
    async function pulled(reference: string, name: string): Promise<string[]> {
      const layout = join(folder, `${name} ${title}`);
      await call('pull', '--format', 'oci', reference, layout);
      const { manifests } = JSON.parse(await readFile(join(layout, 'index.json'), 'utf8'));
      return manifests.map(({ digest }: { digest: string }) => digest);
    }

    beforeAll(async () => {
      registry = await start();
      env = {
        DOCKER_CONFIG: join(folder, `config ${title}`),
        ...(registry.caFile === undefined ? {} : { SSL_CERT_FILE: registry.caFile }),
      };
      if (registry.login === undefined) return;
      const { user, password } = registry.login;
      await run(crane.path, ['auth', 'login', registry.host, '-u', user, '--password-stdin'], {
        env,
        input: password,
      });
    });

    afterAll(() => registry?.[Symbol.asyncDispose]());

    it('pushes and pulls an image of several layers', async () => {
      const reference = `${registry.host}/e2e/crane:v1`;
      const { digest } = image.manifest.descriptor;
      await call('push', join(folder, 'single'), reference);
      expect(await registry.digestOf('e2e/crane', 'v1')).toBe(digest);
      expect(await pulled(reference, 'pulled')).toEqual([digest]);
      // Reads every layer and compares digests, sizes and diff ids.
      await call('validate', '--remote', reference);
    });

    it('pushes and pulls an index with all its images', async () => {
      const reference = `${registry.host}/e2e/crane-multi:v1`;
      const { digest } = multi.index.descriptor;
      await call('push', join(folder, 'multi'), reference);
      expect(await registry.digestOf('e2e/crane-multi', 'v1')).toBe(digest);
      expect(await pulled(reference, 'pulled multi')).toEqual([digest]);
    });

    it('copies between repositories and lists tags', async () => {
      await call('push', join(folder, 'single'), `${registry.host}/e2e/crane-from:v1`);
      await call('copy', `${registry.host}/e2e/crane-from:v1`, `${registry.host}/e2e/crane-to:v2`);
      await call('tag', `${registry.host}/e2e/crane-to:v2`, 'v3');
      const tags = (await call('ls', `${registry.host}/e2e/crane-to`)).split('\n');
      expect(tags).toEqual(['v2', 'v3']);
      const { digest } = image.manifest.descriptor;
      expect(await call('digest', `${registry.host}/e2e/crane-to:v3`)).toBe(digest);
    });

    it('deletes a manifest by digest', async () => {
      const repository = 'e2e/crane-deleted';
      const { digest } = image.manifest.descriptor;
      await call('push', join(folder, 'single'), `${registry.host}/${repository}:v1`);
      await call('delete', `${registry.host}/${repository}@${digest}`);
      expect(await registry.digestOf(repository, digest)).toBeUndefined();
      expect(await registry.digestOf(repository, 'v1')).toBeUndefined();
    });
  });
});
