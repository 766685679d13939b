import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { randomLike } from '../support/images.ts';
import { run } from '../support/run.ts';
import { makeTemporary, removeTemporary } from '../support/temporary.ts';
import { describeWith, needsRoot, requireTool } from '../support/tools.ts';
import { type ContainersHome, makeContainersHome, tlsArgs } from './containers-home.ts';
import { SCENARIOS, type TestRegistry } from './registries.ts';

const buildah = needsRoot(await requireTool('buildah', 'buildah'));

describeWith([buildah], 'issue 3, shows 3: buildah', () => {
  let home: ContainersHome;

  const call = (...args: string[]): Promise<string> =>
    run(buildah.path, [...home.storeArgs, ...args], { env: home.env });

  const policy = (): string[] => ['--signature-policy', home.policy];

  /** Builds an image of two layers from files alone and returns its id. */
  async function build(name: string, architecture: string): Promise<string> {
    let base = 'scratch';
    for (const layer of ['first', 'second']) {
      const file = join(home.folder, `${name}-${architecture}-${layer}`);
      await writeFile(file, randomLike(file, 3_000_000));
      const container = await call('from', ...policy(), '--arch', architecture, base);
      await call('copy', '-q', container, file, `/${layer}`);
      await call('config', '--arch', architecture, '--os', 'linux', container);
      base = await call('commit', '-q', ...policy(), '--rm', container);
    }
    return base;
  }

  beforeAll(async () => {
    home = await makeContainersHome(await makeTemporary('buildah'));
  });

  afterAll(async () => {
    if (home !== undefined) await removeTemporary(home.folder);
  });

  describe.each(SCENARIOS)('$title', ({ start }) => {
    let registry: TestRegistry;

    beforeAll(async () => {
      registry = await start();
      if (registry.login === undefined) return;
      const { user, password } = registry.login;
      await run(
        buildah.path,
        [
          ...home.storeArgs,
          'login',
          ...tlsArgs(registry),
          '-u',
          user,
          '--password-stdin',
          registry.host,
        ],
        { env: home.env, input: password },
      );
    });

    afterAll(() => registry?.[Symbol.asyncDispose]());

    it('builds, pushes and pulls an image of several layers', async () => {
      const reference = `${registry.host}/e2e/buildah:v1`;
      const id = await build('single', 'amd64');
      await call('push', '-q', ...policy(), ...tlsArgs(registry), id, `docker://${reference}`);
      const pushed = await registry.digestOf('e2e/buildah', 'v1');
      const manifest = await registry.manifestOf('e2e/buildah', 'v1');
      expect(manifest.layers).toHaveLength(2);
      expect(manifest.config.digest).toBe(`sha256:${id}`);

      await call('rmi', '--all', '--force');
      expect(await call('pull', '-q', ...policy(), ...tlsArgs(registry), reference)).toBe(id);
      const found = JSON.parse(await call('inspect', '--type', 'image', reference));
      expect(found.FromImageDigest).toBe(pushed);
    });

    it('pushes a list of images for several platforms and pulls one of them', async () => {
      const reference = `${registry.host}/e2e/buildah-multi:v1`;
      await call('manifest', 'create', 'multi');
      const ids = new Map<string, string>();
      for (const architecture of ['amd64', 'arm64']) {
        const id = await build('multi', architecture);
        ids.set(architecture, id);
        await call('manifest', 'add', '--arch', architecture, '--os', 'linux', 'multi', id);
      }
      await call(
        'manifest',
        'push',
        '-q',
        '--all',
        ...policy(),
        ...tlsArgs(registry),
        'multi',
        `docker://${reference}`,
      );
      await call('manifest', 'rm', 'multi');
      await call('rmi', '--all', '--force');

      const index = await registry.manifestOf('e2e/buildah-multi', 'v1');
      expect(index.manifests).toHaveLength(2);
      for (const [architecture, id] of ids) {
        const pulled = await call(
          'pull',
          '-q',
          ...policy(),
          ...tlsArgs(registry),
          '--arch',
          architecture,
          reference,
        );
        expect(pulled).toBe(id);
      }
    });
  });
});
