/** Trees of npm packages as they could be had on a day. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runStep } from '../context.ts';

/** A tree to be installed. */
export interface NpmTree {
  /** The folder to be made. */
  readonly folder: string;
  readonly name: string;
  readonly packages: readonly string[];
  /** Packages published later are passed over, so that the tree is the same at any time. */
  readonly date: string;
  /** Cache of downloads. */
  readonly cache: string;
}

/** Makes an application: `package.json`, the lock and `node_modules` of it, and a line of its own. */
export async function makeNpmTree(tree: NpmTree): Promise<void> {
  const { folder, name, packages, date, cache } = tree;
  await mkdir(join(folder, 'src'), { recursive: true });
  await writeFile(join(folder, 'src/index.js'), `console.log('${name} of ${date}');\n`);
  const manifest = { name, version: '1.0.0', private: true };
  await writeFile(join(folder, 'package.json'), `${JSON.stringify(manifest, undefined, 2)}\n`);
  const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-update-notifier'];
  await runStep('npm', ['install', ...quiet, '--cache', cache, '--before', date, ...packages], {
    cwd: folder,
  });
}
