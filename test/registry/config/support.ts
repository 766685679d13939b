/** Loads configurations from texts. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type LoadedConfig,
  type LoadOptions,
  loadConfig,
} from '../../../src/registry/config/load.ts';
import { ConfigError, type ConfigProblem } from '../../../src/registry/config/problems.ts';
import { makeTemporary, removeTemporary } from '../../support/temporary.ts';

/** Runs `use` with a folder that holds a file of that name and text. */
export async function withFile<T>(
  name: string,
  text: string,
  use: (file: string, folder: string) => Promise<T>,
): Promise<T> {
  const folder = await makeTemporary('config');
  try {
    const file = join(folder, name);
    await writeFile(file, text);
    return await use(file, folder);
  } finally {
    await removeTemporary(folder);
  }
}

/** Loads a text as if it stood in a file. */
export function loadText(
  text: string,
  environment: NonNullable<LoadOptions['environment']> = {},
): Promise<LoadedConfig> {
  return withFile('test.yaml', text, (file, directory) =>
    loadConfig({ file, environment, directory }),
  );
}

/** What a loading that fails complains of; throws when it does not fail. */
export async function problemsOf(loading: Promise<unknown>): Promise<readonly ConfigProblem[]> {
  const error = await loading.then(
    () => new Error('the configuration was taken'),
    (thrown: unknown) => thrown,
  );
  if (error instanceof ConfigError) return error.problems;
  throw error;
}

/** A copy of `tree` with `value` at `path`. */
export function withKey(
  tree: Readonly<Record<string, unknown>>,
  path: readonly string[],
  value: unknown,
): Record<string, unknown> {
  const [step, ...rest] = path;
  const old = (tree[step!] ?? {}) as Record<string, unknown>;
  return { ...tree, [step!]: rest.length === 0 ? value : withKey(old, rest, value) };
}
