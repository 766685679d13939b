/** Finds, reads, merges and checks a configuration. */
import { access } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { z } from 'zod';
import { closest } from './closest.ts';
import type { Config } from './config.ts';
import { toConfig } from './convert.ts';
import { type EnvironmentSettings, readEnvironment } from './environment.ts';
import { namesIn } from './keys.ts';
import { resolvePaths } from './paths.ts';
import { ConfigError, type ConfigProblem, formatKey } from './problems.ts';
import { type Settings, settingsSchema } from './schema.ts';
import { readYamlFile, type YamlFile } from './yaml-file.ts';

/** The file that is read from the working directory when no other one is named. */
export const DEFAULT_FILE = 'stowage.yaml';

/** Where to look. */
export interface LoadOptions {
  /** Path of the file, as `--config` gives it. */
  readonly file?: string | undefined;
  /** Default: that of the process. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Working directory. Default: that of the process. */
  readonly directory?: string;
}

/** A configuration and where it comes from. */
export interface LoadedConfig {
  readonly config: Config;
  /** The same in the words of the file, with every default. */
  readonly settings: Settings;
  /** Absolute path of the file that was read; undefined when there was none. */
  readonly file: string | undefined;
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}

async function findFile(options: Required<LoadOptions>): Promise<string | undefined> {
  const { file, environment, directory } = options;
  const named = file ?? (environment.STOWAGE_CONFIG || undefined);
  if (named !== undefined) return resolve(directory, named);
  const usual = resolve(directory, DEFAULT_FILE);
  return (await exists(usual)) ? usual : undefined;
}

/** A copy of `tree` with `value` at `path`; what stands in the way and is no group is replaced. */
function withValue(tree: unknown, path: readonly string[], value: unknown): unknown {
  const [step, ...rest] = path;
  if (step === undefined) return value;
  const group = typeof tree === 'object' && !Array.isArray(tree) ? tree : {};
  const old = (group as Record<string, unknown> | null)?.[step];
  return { ...group, [step]: withValue(old, rest, value) };
}

interface Sources {
  readonly yaml: YamlFile | undefined;
  readonly environment: EnvironmentSettings;
}

function startsWith(path: readonly PropertyKey[], start: readonly string[]): boolean {
  return start.every((step, index) => path[index] === step);
}

/** Where the value at `path` comes from, and where that is. */
function locate(path: readonly PropertyKey[], { yaml, environment }: Sources) {
  const variable = environment.values.find(({ key }) => startsWith(path, key.path));
  if (variable !== undefined) return { source: variable.key.variable };
  const position = yaml?.positionOf(path);
  return position === undefined ? {} : { source: yaml!.path, ...position };
}

function unknownKey(parent: readonly PropertyKey[], name: string, sources: Sources): ConfigProblem {
  const path = [...parent, name];
  const siblings = namesIn(parent);
  const meant = closest(name, siblings);
  const hint =
    meant === undefined
      ? `the keys here are ${siblings.join(', ')}`
      : `did you mean ${formatKey([...parent, meant])}?`;
  return { key: formatKey(path), message: 'unknown key', hint, ...locate(path, sources) };
}

function toProblems(issue: z.core.$ZodIssue, sources: Sources): ConfigProblem[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((name) => unknownKey(issue.path, name, sources));
  }
  const hint = issue.code === 'custom' ? (issue.params?.hint as string | undefined) : undefined;
  const { path, message } = issue;
  return [{ key: formatKey(path), message, hint, ...locate(path, sources) }];
}

/** Without repetitions, in the order of the file, then of the environment. */
function inOrder(problems: readonly ConfigProblem[]): ConfigProblem[] {
  const rank = ({ line, column }: ConfigProblem): number =>
    line === undefined ? Number.MAX_SAFE_INTEGER : line * 100_000 + (column ?? 0);
  // The checks of one value can each say the same, that of its type and that of its length.
  const distinct = new Map(
    problems.map((problem) => [`${problem.source} ${problem.key} ${problem.message}`, problem]),
  );
  return [...distinct.values()].sort((a, b) => rank(a) - rank(b));
}

/**
 * Loads the configuration: the file of `--config`, else of `STOWAGE_CONFIG`, else `stowage.yaml` in
 * the working directory if it is there, else none; environment variables win over the file.
 * @throws ConfigError with everything that is wrong
 */
export async function loadConfig(options: LoadOptions = {}): Promise<LoadedConfig> {
  const environment = options.environment ?? process.env;
  const directory = options.directory ?? process.cwd();
  const file = await findFile({ file: options.file, environment, directory });
  const sources: Sources = {
    yaml: file === undefined ? undefined : await readYamlFile(file),
    environment: readEnvironment(environment),
  };
  let tree: unknown = {};
  if (sources.yaml !== undefined) tree = resolvePaths(sources.yaml.value, dirname(file!));
  for (const { key, value } of sources.environment.values) tree = withValue(tree, key.path, value);
  const result = settingsSchema.safeParse(resolvePaths(tree, directory));
  const problems = [
    ...(result.error?.issues.flatMap((issue) => toProblems(issue, sources)) ?? []),
    ...sources.environment.problems,
  ];
  if (!result.success || problems.length > 0) throw new ConfigError(inOrder(problems));
  const settings = resolvePaths(result.data, directory);
  return { config: toConfig(settings), settings, file };
}
