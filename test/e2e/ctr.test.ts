import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeImage, makeIndex, writeLayoutArchive } from '../support/images.ts';
import { run } from '../support/run.ts';
import { describeWith, needsRoot, requireTool } from '../support/tools.ts';
import { type Daemon, startDaemon } from './daemon.ts';
import { SCENARIOS, type TestRegistry } from './registries.ts';

const containerd = needsRoot(await requireTool('containerd', 'containerd'));
const ctr = await requireTool('ctr', 'containerd');

describeWith([containerd, ctr], 'issue 3, shows 3: ctr of containerd', () => {
  const image = makeImage('ctr');
  const multi = makeIndex('ctr multi');
  let daemon: Daemon;

  const call = (...args: string[]): Promise<string> =>
    run(ctr.path, ['--address', join(daemon.folder, 'socket'), ...args]);

  /** Digest that an image's name stands for. */
  async function targetOf(reference: string): Promise<string | undefined> {
    const lines = (await call('images', 'ls', `name==${reference}`)).split('\n');
    const line = lines.find((text) => text.startsWith(`${reference} `));
    return /sha256:[0-9a-f]{64}/.exec(line ?? '')?.[0];
  }

  /** Forgets all images and waits until their content has gone too. */
  async function forgetAll(): Promise<void> {
    const names = (await call('images', 'ls', '-q')).split('\n').filter(Boolean);
    if (names.length > 0) await call('images', 'rm', '--sync', ...names);
    expect(await call('content', 'ls', '-q')).toBe('');
  }

  beforeAll(async () => {
    daemon = await startDaemon({
      program: containerd.path,
      ready: /containerd successfully booted/,
      prepare: async (folder) => {
        const config = join(folder, 'config.toml');
        await writeFile(
          config,
          `version = 2
root = "${join(folder, 'root')}"
state = "${join(folder, 'state')}"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]
[grpc]
address = "${join(folder, 'socket')}"
[ttrpc]
address = "${join(folder, 'ttrpc')}"
`,
        );
        return ['--config', config];
      },
    });
  });

  afterAll(() => daemon?.[Symbol.asyncDispose]());

  describe.each(SCENARIOS)('$title', ({ start }) => {
    let registry: TestRegistry;
    let hosts: string;

    const access = (): string[] => [
      ...(registry.caFile === undefined ? ['--plain-http'] : ['--hosts-dir', hosts]),
      ...(registry.login === undefined
        ? []
        : ['--user', `${registry.login.user}:${registry.login.password}`]),
    ];

    beforeAll(async () => {
      registry = await start();
      if (registry.caFile === undefined) return;
      // For a loopback address ctr takes plain HTTP, unless a file says otherwise.
      hosts = join(daemon.folder, 'hosts');
      const folder = join(hosts, registry.host);
      await mkdir(folder, { recursive: true });
      await writeFile(
        join(folder, 'hosts.toml'),
        `[host."https://${registry.host}"]
capabilities = ["pull", "resolve", "push"]
ca = "${registry.caFile}"
`,
      );
    });

    afterAll(() => registry?.[Symbol.asyncDispose]());

    it('pushes and pulls an image of several layers', async () => {
      const reference = `${registry.host}/e2e/ctr:v1`;
      const archive = join(daemon.folder, 'single.tar');
      const { digest } = image.manifest.descriptor;
      await writeLayoutArchive(archive, { [reference]: image });
      await call('images', 'import', archive);
      await call('images', 'push', ...access(), reference);
      expect(await registry.digestOf('e2e/ctr', 'v1')).toBe(digest);

      await forgetAll();
      await call('images', 'pull', ...access(), reference);
      expect(await targetOf(reference)).toBe(digest);
      const content = (await call('content', 'ls', '-q')).split('\n');
      for (const { descriptor } of [image.config, ...image.layers]) {
        expect(content).toContain(descriptor.digest);
      }
      await forgetAll();
    });

    it('pushes and pulls an index with the images of all its platforms', async () => {
      const reference = `${registry.host}/e2e/ctr-multi:v1`;
      const archive = join(daemon.folder, 'multi.tar');
      const { digest } = multi.index.descriptor;
      await writeLayoutArchive(archive, { [reference]: multi });
      await call('images', 'import', '--all-platforms', '--no-unpack', archive);
      await call('images', 'push', ...access(), reference);
      expect(await registry.digestOf('e2e/ctr-multi', 'v1')).toBe(digest);

      await forgetAll();
      await call('content', 'fetch', '--all-platforms', ...access(), reference);
      expect(await targetOf(reference)).toBe(digest);
      const content = (await call('content', 'ls', '-q')).split('\n');
      for (const { manifest, config, layers } of multi.images) {
        for (const { descriptor } of [manifest, config, ...layers]) {
          expect(content).toContain(descriptor.digest);
        }
      }
      await forgetAll();
    });
  });
});
