/**
 * Emits the JavaScript of the published package: Node strips types in a checkout, but not inside
 * node_modules. One file under dist/ for each under src/.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
// What an older build left would be packed as well.
rmSync(join(root, 'dist'), { recursive: true, force: true });
const compiler = join(root, 'node_modules/ts7/bin/tsc');
const { status } = spawnSync(process.execPath, [compiler, '-p', 'tsconfig.build.json'], {
  cwd: root,
  stdio: 'inherit',
});
// Queries are read from beside the code that runs them.
cpSync(join(root, 'src/analysis/queries'), join(root, 'dist/analysis/queries'), {
  recursive: true,
  filter: (path) => !path.endsWith('.ts'),
});
process.exitCode = status ?? 1;
