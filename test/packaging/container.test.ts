import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeContainersHome } from '../e2e/containers-home.ts';
import { run } from '../support/run.ts';
import { makeTemporary, removeTemporary } from '../support/temporary.ts';
import { describeWith, needsRoot, requireTool } from '../support/tools.ts';
import { exists, makeDebian, NPMRC } from './debian.ts';

const ROOT = join(import.meta.dirname, '../..');
const podman = needsRoot(await requireTool('podman', 'podman'));
const runc = await requireTool('runc', 'runc');
const mmdebstrap = await requireTool('mmdebstrap', 'mmdebstrap');

describeWith([podman, runc, mmdebstrap], 'issue 3: the container image', () => {
  let folder: string;
  let call: (...args: string[]) => Promise<string>;

  beforeAll(async () => {
    folder = await makeTemporary('container');
    const home = await makeContainersHome(folder);
    const store = [
      ...['--root', join(folder, 'root'), '--runroot', join(folder, 'run')],
      // Not vfs: it copies the whole image for each step of the build.
      ...['--storage-driver', 'overlay', '--tmpdir', join(folder, 'tmp')],
      ...['--cgroup-manager', 'cgroupfs', '--runtime', runc.path],
    ];
    call = (...args) =>
      run(podman.path, [...store, ...args], { env: home.env, cwd: ROOT, timeoutMs: 600_000 });

    // In place of the public images of Debian and of Node.
    const base = join(folder, 'debian');
    await makeDebian({
      mmdebstrap: mmdebstrap.path,
      folder: base,
      packages: ['ca-certificates', 'nodejs', 'npm'],
    });
    await run('tar', ['-C', base, '-cf', `${base}.tar`, '.']);
    await call('import', '-q', `${base}.tar`, 'localhost/base:latest');

    await call(
      ...['build', '-q', '--format', 'docker', '--isolation', 'chroot', '--network', 'host'],
      ...['--signature-policy', home.policy, '--pull=never'],
      ...['--build-arg', 'BASE=localhost/base', '--build-arg', 'BUILDER=localhost/base'],
      ...((await exists(NPMRC)) ? ['--secret', `id=npmrc,src=${NPMRC}`] : []),
      ...['-f', 'Containerfile', '-t', 'localhost/stowage', '.'],
    );
  }, 1_200_000);

  afterAll(async () => {
    await call?.('rm', '--all', '--force');
    await call?.('rmi', '--all', '--force');
    // Podman keeps this folder mounted on itself.
    await run('umount', [join(folder, 'root/overlay')]).catch(() => '');
    await removeTemporary(folder);
  });

  it('names a user, a volume and a health check, and holds no sources', async () => {
    const [{ Config, Healthcheck }] = JSON.parse(
      await call('image', 'inspect', 'localhost/stowage'),
    );
    expect(Config.User).toBe('10001:10001');
    expect(Config.Volumes).toHaveProperty('/var/lib/stowage');
    expect(Healthcheck.Test.join(' ')).toContain('healthcheck.mjs');
    const listed = await call(
      ...['run', '--rm', '--network', 'host', '--ulimit', 'nofile=1024:4096'],
      ...['--ulimit', 'nproc=4096:4096', '--entrypoint', 'ls', 'localhost/stowage'],
      ...['-A', '/opt/stowage', '/opt/stowage/node_modules'],
    );
    expect(listed).toContain('dist');
    expect(listed).not.toMatch(/^(src|test|\.npmrc|vitest|typescript)$/m);
  });

  it('serves as a user without rights, is healthy, and stops on SIGTERM', async () => {
    // Port 0 of the host's network: no port has to be free.
    await call(
      ...['run', '--detach', '--name', 'stowage', '--network', 'host'],
      ...['--ulimit', 'nofile=1024:4096', '--ulimit', 'nproc=4096:4096'],
      ...['--env', 'STOWAGE_HTTP__LISTEN=127.0.0.1:0', 'localhost/stowage'],
    );
    const url = await expect
      .poll(() => call('logs', 'stowage'), { interval: 200 })
      .toMatch(/"msg":"listening"/)
      .then(async () => /"url":"([^"]+)"/.exec(await call('logs', 'stowage'))![1]!);
    expect((await fetch(new URL('/readyz', url))).status).toBe(200);
    expect((await fetch(new URL('/v2/', url))).status).toBe(200);
    expect(await call('exec', 'stowage', 'id', '-u')).toBe('10001');
    await call('healthcheck', 'run', 'stowage');

    await call('stop', '--time', '20', 'stowage');
    const [{ State }] = JSON.parse(await call('inspect', 'stowage'));
    expect(State.ExitCode).toBe(0);
  });
});
