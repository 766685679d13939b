import { spawnSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const NEEDED = ['package.json', 'package-lock.json', '.npmrc', 'bin', 'scripts'];

it('does not let npm empty the folder that a linked node_modules leads to', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'stowage-bootstrap-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  for (const name of NEEDED) {
    await cp(join(ROOT, name), join(folder, 'clone', name), { recursive: true });
  }
  await mkdir(join(folder, 'others'));
  await writeFile(join(folder, 'others', 'package'), 'kept');
  await symlink(join(folder, 'others'), join(folder, 'clone', 'node_modules'));
  const bootstrap = join(folder, 'clone', 'scripts', 'bootstrap.mjs');
  const { status, stderr } = spawnSync(process.execPath, [bootstrap, 'start'], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  expect(stderr).toContain('node_modules is a link');
  expect(status).toBe(1);
  expect(await readdir(join(folder, 'others'))).toEqual(['package']);
});
