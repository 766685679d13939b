/**
 * Emits the JavaScript of the published package: Node strips types in a checkout, but not inside
 * node_modules. One file under dist/ for each under src/.
 */
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
// What an older build left would be packed as well.
rmSync(join(root, 'dist'), { recursive: true, force: true });
const compiler = join(root, 'node_modules/ts7/bin/tsc');
const { status } = spawnSync(process.execPath, [compiler, '-p', 'tsconfig.build.json'], {
  cwd: root,
  stdio: 'inherit',
});
process.exitCode = status ?? 1;
