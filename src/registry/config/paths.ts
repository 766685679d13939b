/**
 * Makes the paths of a configuration absolute. Those in a file count from the file's own folder, so
 * that a command finds the same data directory from wherever it is started.
 */
import { resolve } from 'node:path';

/** Keys whose values are paths; `*` stands for every entry of a list. */
const PATH_KEYS: readonly (readonly string[])[] = [
  ['data', 'dir'],
  ['http', 'tls', 'cert'],
  ['http', 'tls', 'key'],
  ['auth', 'htpasswd'],
  ['auth', 'token', 'trusted', '*', 'jwks'],
  ['auth', 'token', 'trusted', '*', 'certificates'],
];

/** Key sets may be named by URL as well. */
const URL = /^https?:\/\//i;

function resolveAt(value: unknown, path: readonly string[], folder: string): unknown {
  const [step, ...rest] = path;
  if (step === undefined) {
    const isPath = typeof value === 'string' && value !== '' && !URL.test(value);
    return isPath ? resolve(folder, value) : value;
  }
  if (typeof value !== 'object' || value === null) return value;
  if (step === '*') {
    return Array.isArray(value) ? value.map((item) => resolveAt(item, rest, folder)) : value;
  }
  if (!Object.hasOwn(value, step)) return value;
  const old = (value as Record<string, unknown>)[step];
  return { ...value, [step]: resolveAt(old, rest, folder) };
}

/** A copy of `settings` in which every path is absolute, relative ones counted from `folder`. */
export function resolvePaths<T>(settings: T, folder: string): T {
  let resolved: unknown = settings;
  for (const path of PATH_KEYS) resolved = resolveAt(resolved, path, folder);
  return resolved as T;
}
