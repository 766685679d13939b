/** Reads keys from environment variables, `STOWAGE_GROUP__KEY`. */
import { closest } from './closest.ts';
import { KEYS, type Key } from './keys.ts';
import type { ConfigProblem } from './problems.ts';

const PREFIX = 'STOWAGE_';

/** What the environment sets, and by which variable. */
export interface EnvironmentSettings {
  readonly values: readonly { readonly key: Key; readonly value: unknown }[];
  readonly problems: readonly ConfigProblem[];
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The value that a text stands for; undefined when it has to be JSON and is not. */
function read(text: string, key: Key): unknown {
  switch (key.kind) {
    case 'flag':
      return text === 'true' ? true : text === 'false' ? false : text;
    case 'number':
      return /^\d{1,15}$/.test(text) ? Number(text) : text;
    case 'list': {
      if (text.startsWith('[')) return parseJson(text);
      const parts = text.split(',').map((part) => part.trim());
      return parts.filter((part) => part !== '');
    }
    case 'json':
      return parseJson(text);
    case 'text':
      return text;
  }
}

const BY_VARIABLE: ReadonlyMap<string, Key> = new Map(KEYS.map((key) => [key.variable, key]));

/** Variables as they come out when one underscore is written for two. */
const BY_SLIP: ReadonlyMap<string, Key> = new Map(
  KEYS.filter((key) => key.path.length > 1).map((key) => [key.variable.replaceAll('__', '_'), key]),
);

function unknownVariable(name: string): ConfigProblem | undefined {
  const slip = BY_SLIP.get(name);
  // Without two underscores it may be anybody's: Kubernetes sets STOWAGE_PORT and the like for a
  // service of that name.
  if (slip === undefined && !name.slice(PREFIX.length).includes('__')) return undefined;
  const meant = slip?.variable ?? closest(name, BY_VARIABLE.keys());
  return {
    key: '',
    source: name,
    message: 'there is no such key',
    hint: meant === undefined ? undefined : `did you mean ${meant}?`,
  };
}

/**
 * Reads all variables that set a key. An empty variable counts as not set. Variables of the prefix
 * that are meant for a key, but for none there is, are problems.
 */
export function readEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): EnvironmentSettings {
  const values: { key: Key; value: unknown }[] = [];
  const problems: ConfigProblem[] = [];
  for (const [name, text] of Object.entries(environment)) {
    if (!name.startsWith(PREFIX) || text === undefined || text === '') continue;
    const key = BY_VARIABLE.get(name);
    if (key === undefined) {
      const problem = unknownVariable(name);
      if (problem !== undefined) problems.push(problem);
      continue;
    }
    const value = read(text, key);
    if (value !== undefined) {
      values.push({ key, value });
      continue;
    }
    problems.push({ key: key.path.join('.'), source: name, message: 'expected a JSON list' });
  }
  return { values, problems };
}
