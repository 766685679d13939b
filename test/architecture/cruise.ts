/** Runs the project's import rules over a source tree and returns what they say. */
import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';

/** Folder of the repository. */
export const ROOT = resolve(import.meta.dirname, '../..');

const run = promisify(execFile);

/** One broken rule. */
export interface Violation {
  readonly rule: string;
  /** Importing file, relative to the tree. */
  readonly from: string;
  /** Imported file or package. */
  readonly to: string;
}

/** What a run found. */
export interface CruiseResult {
  /** Source files under `src/` that were read. */
  readonly modules: number;
  readonly violations: readonly Violation[];
}

interface CruiseOutput {
  readonly modules: readonly { readonly source: string }[];
  readonly summary: {
    readonly violations: readonly {
      readonly from: string;
      readonly to: string;
      readonly rule: { readonly name: string };
    }[];
  };
}

/**
 * Cruises `src/` of a tree by the repository's `.dependency-cruiser.mjs`.
 * @param tree - folder that holds `src/` and `tsconfig.json`
 */
export async function cruise(tree: string): Promise<CruiseResult> {
  const script = resolve(ROOT, 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs');
  const config = resolve(ROOT, '.dependency-cruiser.mjs');
  const args = [script, '--config', config, '--output-type', 'json', 'src'];
  // With JSON the exit code is 0 whatever was found.
  const { stdout } = await run(process.execPath, args, { cwd: tree, maxBuffer: 64 * 1024 * 1024 });
  const { modules, summary } = JSON.parse(stdout) as CruiseOutput;
  return {
    modules: modules.filter(({ source }) => source.startsWith('src/')).length,
    violations: summary.violations.map(({ from, to, rule }) => ({ rule: rule.name, from, to })),
  };
}
