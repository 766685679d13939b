#!/usr/bin/env node
/**
 * The `stowage` command. Its first lines run on whatever Node there is; where that one is too old,
 * the Node that comes as a dependency takes over.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { findPackagedNode, isCurrentNodeEnough, MINIMUM_MAJOR, runForeground } from './runtime.mjs';

// A checkout has the sources, the published package only what was built from them.
const source = new URL('../src/cli/main.ts', import.meta.url);
const main = existsSync(source) ? source : new URL('../dist/cli/main.js', import.meta.url);

if (isCurrentNodeEnough()) {
  await import(main.href);
} else {
  const node = findPackagedNode(fileURLToPath(import.meta.url));
  if (node === undefined) {
    process.stderr.write(
      `stowage: needs Node ${MINIMUM_MAJOR} or newer, this is ${process.versions.node}\n`,
    );
    process.exitCode = 1;
  } else {
    const args = [fileURLToPath(main), ...process.argv.slice(2)];
    process.exitCode = await runForeground(node, args);
  }
}
