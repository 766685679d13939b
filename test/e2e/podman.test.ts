import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeImage, makeIndex, OCI, writeLayout } from '../support/images.ts';
import { run } from '../support/run.ts';
import { makeTemporary, removeTemporary } from '../support/temporary.ts';
import { describeWith, needsRoot, requireTool } from '../support/tools.ts';
import { type ContainersHome, makeContainersHome, tlsArgs } from './containers-home.ts';
import { SCENARIOS, type TestRegistry } from './registries.ts';
import { expectFiguresOfSaved } from './saved-archive.ts';

const podman = needsRoot(await requireTool('podman', 'podman'));

describeWith([podman], 'issue 3, shows 3: podman', () => {
  const image = makeImage('podman');
  const multi = makeIndex('podman multi');
  const imageId = image.config.descriptor.digest.slice('sha256:'.length);
  let home: ContainersHome;

  const callWith = (input: string, ...args: string[]): Promise<string> =>
    run(
      podman.path,
      [
        // The store must be named by options: podman remembers the first one it was given.
        ...home.storeArgs,
        ...['--tmpdir', join(home.folder, 'tmp'), '--cgroup-manager=cgroupfs'],
        ...args,
      ],
      { env: home.env, cwd: home.folder, input },
    );

  const call = (...args: string[]): Promise<string> => callWith('', ...args);

  /** Pull and push check images against the policy of the system unless told otherwise. */
  const policy = (): string[] => ['--signature-policy', home.policy];

  beforeAll(async () => {
    home = await makeContainersHome(await makeTemporary('podman'));
    // Podman makes the path of a layout part of the image's name, which allows no capitals.
    await writeLayout(join(home.folder, 'layout'), {
      single: image,
      amd64: multi.images[0]!,
      arm64: multi.images[1]!,
    });
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
      const access = ['-u', user, '--password-stdin', registry.host];
      await callWith(password, 'login', ...tlsArgs(registry), ...access);
    });

    afterAll(() => registry?.[Symbol.asyncDispose]());

    it('pushes and pulls an image of several layers', async () => {
      const reference = `${registry.host}/e2e/podman:v1`;
      await call('pull', '-q', ...policy(), 'oci:layout:single');
      await call('tag', imageId, reference);
      const digestFile = join(home.folder, 'digest');
      await call(
        'push',
        '-q',
        ...policy(),
        ...tlsArgs(registry),
        '--digestfile',
        digestFile,
        reference,
      );
      const pushed = await registry.digestOf('e2e/podman', 'v1');
      expect(pushed).toMatch(/^sha256:/);
      const manifest = await registry.manifestOf('e2e/podman', 'v1');
      expect(manifest.layers).toHaveLength(image.layers.length);
      expect(manifest.config.digest).toBe(image.config.descriptor.digest);

      await call('rmi', '--all', '--force');
      await call('pull', '-q', ...policy(), ...tlsArgs(registry), reference);
      const [found] = JSON.parse(await call('image', 'inspect', reference));
      expect(found.Digest).toBe(pushed);
      expect(found.Id).toBe(imageId);
      expect(found.RootFS.Layers).toHaveLength(image.layers.length);
      await expectFiguresOfSaved(image, reference, (path) =>
        call('save', '-q', '-o', path, reference),
      );
    });

    it('pulls by digest', async () => {
      const reference = `${registry.host}/e2e/podman-digest`;
      await call('pull', '-q', ...policy(), 'oci:layout:single');
      await call('push', '-q', ...policy(), ...tlsArgs(registry), imageId, `${reference}:v1`);
      const digest = await registry.digestOf('e2e/podman-digest', 'v1');
      await call('rmi', '--all', '--force');
      await call('pull', '-q', ...policy(), ...tlsArgs(registry), `${reference}@${digest}`);
      const [found] = JSON.parse(await call('image', 'inspect', `${reference}@${digest}`));
      expect(found.Digest).toBe(digest);
    });

    it('pushes a list of images for several platforms and pulls one of them', async () => {
      const reference = `${registry.host}/e2e/podman-multi:v1`;
      await call('manifest', 'create', 'multi');
      for (const { config, architecture } of multi.images) {
        const id = config.descriptor.digest.slice('sha256:'.length);
        await call('pull', '-q', ...policy(), `oci:layout:${architecture}`);
        await call(
          'manifest',
          'add',
          '--arch',
          architecture,
          '--os',
          'linux',
          'multi',
          `containers-storage:${id}`,
        );
      }
      await call(
        'manifest',
        'push',
        '--all',
        '-f',
        'oci',
        ...tlsArgs(registry),
        'multi',
        `docker://${reference}`,
      );
      await call('manifest', 'rm', 'multi');
      await call('rmi', '--all', '--force');

      const index = await registry.manifestOf('e2e/podman-multi', 'v1');
      expect(index.mediaType).toBe(OCI.index);
      expect(index.manifests).toHaveLength(2);
      for (const { config, architecture } of multi.images) {
        await call(
          'pull',
          '-q',
          ...policy(),
          ...tlsArgs(registry),
          '--arch',
          architecture,
          reference,
        );
        const [found] = JSON.parse(await call('image', 'inspect', reference));
        expect(found.Architecture).toBe(architecture);
        expect(`sha256:${found.Id}`).toBe(config.descriptor.digest);
        const listed = index.manifests.find(
          (entry: { platform: { architecture: string } }) =>
            entry.platform.architecture === architecture,
        );
        expect(await registry.digestOf('e2e/podman-multi', listed.digest)).toBe(listed.digest);
      }
      await call('rmi', '--all', '--force');
    });
  });
});
