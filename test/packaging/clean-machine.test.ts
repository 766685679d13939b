import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeContainersHome } from '../e2e/containers-home.ts';
import { makeImage, writeLayout } from '../support/images.ts';
import { run } from '../support/run.ts';
import { makeTemporary, removeTemporary } from '../support/temporary.ts';
import { describeWith, needsRoot, requireTool } from '../support/tools.ts';
import { copyNpmSettings, makeDebian } from './debian.ts';
import { type Program, startProgram } from './program.ts';

const ROOT = join(import.meta.dirname, '../..');
const skopeo = await requireTool('skopeo', 'skopeo');
const mmdebstrap = needsRoot(await requireTool('mmdebstrap', 'mmdebstrap'));

describeWith([skopeo, mmdebstrap], 'issue 3, shows 1: a clean machine', () => {
  let folder: string;
  let machine: string;

  /**
   * A command line for the shell of the clean machine, in the clone. It has mounts of its own, which
   * end with it; processes and network are those of this machine.
   */
  function inside(line: string): [string, string[]] {
    const script = [
      // Engines want their root to be a mount point, and to see devices and control groups.
      `mount --bind ${machine} ${machine}`,
      `mount --rbind /sys ${machine}/sys`,
      `mount -t proc proc ${machine}/proc`,
      `mount -t tmpfs tmpfs ${machine}/run`,
      `exec chroot ${machine} sh -ec 'cd /root/stowage && exec ${line}'`,
    ];
    return ['unshare', ['--mount', 'sh', '-ec', script.join('\n')]];
  }

  beforeAll(async () => {
    folder = await makeTemporary('clean');
    machine = join(folder, 'debian');
    await makeDebian({
      mmdebstrap: mmdebstrap.path,
      folder: machine,
      packages: ['ca-certificates', 'git', 'nodejs', 'npm'],
    });
    await copyNpmSettings(machine);
    // What is committed, as everybody else gets it.
    await run('git', ['clone', '--quiet', '--bare', ROOT, join(machine, 'srv/stowage.git')]);
    await run('chroot', [
      ...[machine, 'git', 'clone', '--quiet', '/srv/stowage.git', '/root/stowage'],
    ]);
  }, 600_000);

  afterAll(() => removeTemporary(folder));

  it('serves after npm start alone: an image copied in and out keeps its digests', async () => {
    const image = makeImage('clean machine');
    const path = (name: string): string => join(folder, name);
    await writeLayout(path('layout'), { v1: image });
    await mkdir(path('home'));
    const home = await makeContainersHome(path('home'));
    const [program, args] = inside('npm start');
    const server: Program = await startProgram(program, args, { cwd: folder, env: {} });
    try {
      expect(server.url).toBe('http://127.0.0.1:5000');
      const reference = 'docker://127.0.0.1:5000/clean/machine:v1';
      const copy = (...rest: string[]): Promise<string> =>
        run(skopeo.path, ['--policy', home.policy, 'copy', ...rest], { env: home.env });
      await copy('--dest-tls-verify=false', `oci:${path('layout')}:v1`, reference);
      await copy('--src-tls-verify=false', reference, `oci:${path('out')}:v1`);
      const digest = await run(skopeo.path, [
        ...['inspect', '--format', '{{.Digest}}', `oci:${path('out')}:v1`],
      ]);
      expect(digest).toBe(image.manifest.descriptor.digest);
    } finally {
      await server.stop();
    }
  });

  it('passes npm test without other preparation', async () => {
    const [program, args] = inside('npm test');
    const output = await run(program, args, { env: { CI: '' }, timeoutMs: 1_200_000 });
    expect(output.split('\n').at(-1)).toMatch(/^[1-9]\d* passed, 0 failed, \d+ skipped$/);
  });
});
