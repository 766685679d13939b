import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeImage, makeIndex, writeDockerArchive } from '../support/images.ts';
import { run } from '../support/run.ts';
import { describeWith, needsRoot, requireTool } from '../support/tools.ts';
import { type DockerDaemon, startDocker } from './docker-daemon.ts';
import { SCENARIOS, type TestRegistry } from './registries.ts';
import { expectFiguresOfSaved } from './saved-archive.ts';

// By full path: another client without these commands may stand earlier on PATH.
const docker = await requireTool('/usr/bin/docker', 'docker.io');
const dockerd = needsRoot(await requireTool('/usr/sbin/dockerd', 'docker.io'));

const MANIFEST_V2 = 'application/vnd.docker.distribution.manifest.v2+json';
const MANIFEST_LIST = 'application/vnd.docker.distribution.manifest.list.v2+json';

describeWith([docker, dockerd], 'issue 3, shows 3: docker', () => {
  const image = makeImage('docker');
  const multi = makeIndex('docker multi');
  let daemon: DockerDaemon;

  const call = (...args: string[]): Promise<string> => run(docker.path, args, { env: daemon.env });

  /** Loads an image under a name; archives keep no compressed layers, so docker packs them anew. */
  async function load(source: typeof image, reference: string): Promise<void> {
    const archive = join(daemon.folder, 'archive.tar');
    await writeDockerArchive(archive, source, reference);
    await call('load', '-q', '-i', archive);
  }

  beforeAll(async () => {
    daemon = await startDocker(dockerd.path);
  });

  afterAll(() => daemon?.[Symbol.asyncDispose]());

  describe.each(SCENARIOS)('$title', ({ start }) => {
    let registry: TestRegistry;

    beforeAll(async () => {
      registry = await start();
      if (registry.login === undefined) return;
      const { user, password } = registry.login;
      await run(docker.path, ['login', '-u', user, '--password-stdin', registry.host], {
        env: daemon.env,
        input: password,
      });
    });

    afterAll(() => registry?.[Symbol.asyncDispose]());

    /** Makes a list of the images under these tags, and tags it `v1`. */
    async function pushList(tags: readonly string[]): Promise<void> {
      const manifests = [];
      for (const [i, tag] of tags.entries()) {
        const { digest, size } = await registry.descriptorOf('e2e/docker-multi', tag);
        const { architecture } = multi.images[i]!;
        const platform = { os: 'linux', architecture };
        manifests.push({ mediaType: MANIFEST_V2, digest, size, platform });
      }
      const list = { schemaVersion: 2, mediaType: MANIFEST_LIST, manifests };
      await registry.putManifest('e2e/docker-multi', 'v1', list);
    }

    it('pushes and pulls an image of several layers', async () => {
      const reference = `${registry.host}/e2e/docker:v1`;
      await load(image, reference);
      await call('push', '-q', reference);
      const manifest = await registry.manifestOf('e2e/docker', 'v1');
      expect(manifest.mediaType).toBe(MANIFEST_V2);
      expect(manifest.layers).toHaveLength(image.layers.length);
      expect(manifest.config.digest).toBe(image.config.descriptor.digest);

      await call('rmi', '-f', reference);
      await expect(call('image', 'inspect', reference)).rejects.toThrow('No such image');
      await call('pull', '-q', reference);
      const [found] = JSON.parse(await call('image', 'inspect', reference));
      expect(found.Id).toBe(image.config.descriptor.digest);
      const digest = await registry.digestOf('e2e/docker', 'v1');
      expect(found.RepoDigests).toEqual([`${registry.host}/e2e/docker@${digest}`]);
      await expectFiguresOfSaved(image, reference, (path) => call('save', '-o', path, reference));

      await call('rmi', '-f', found.Id);
      await call('pull', '-q', `${registry.host}/e2e/docker@${digest}`);
      await call('rmi', '-f', found.Id);
    });

    it('mounts layers that lie in another repository', async () => {
      const first = `${registry.host}/e2e/docker-from:v1`;
      const second = `${registry.host}/e2e/docker-to:v1`;
      await load(image, first);
      await call('push', '-q', first);
      await call('tag', first, second);
      expect(await call('push', second)).toContain('Mounted from e2e/docker-from');
      expect(await registry.digestOf('e2e/docker-to', 'v1')).toBe(
        await registry.digestOf('e2e/docker-from', 'v1'),
      );
      await call('rmi', '-f', image.config.descriptor.digest);
    });

    it('pushes a list of images for several platforms and pulls them', async () => {
      const reference = `${registry.host}/e2e/docker-multi:v1`;
      const parts = multi.images.map(({ architecture }) => `${reference}-${architecture}`);
      for (const [i, part] of parts.entries()) {
        await load(multi.images[i]!, part);
        await call('push', '-q', part);
      }
      if (registry.caFile === undefined) {
        await call('manifest', 'create', '--insecure', reference, ...parts);
        await call('manifest', 'push', '--insecure', '--purge', reference);
      } else {
        // `docker manifest` speaks plain HTTP to every loopback address, whatever it is told.
        await pushList(parts.map((part) => part.slice(part.lastIndexOf(':') + 1)));
      }
      const list = await registry.manifestOf('e2e/docker-multi', 'v1');
      expect(list.mediaType).toBe(MANIFEST_LIST);
      expect(list.manifests).toHaveLength(2);

      for (const { architecture, config } of multi.images) {
        const { digest } = config.descriptor;
        await call('rmi', '-f', digest);
        await call('pull', '-q', '--platform', `linux/${architecture}`, reference);
        const [found] = JSON.parse(await call('image', 'inspect', reference));
        expect(found.Id).toBe(digest);
        await call('rmi', '-f', digest);
      }
    });
  });
});
