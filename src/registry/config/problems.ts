/** What can be wrong with a configuration, told so that the reader finds the place and the cure. */

/** One thing that is wrong. */
export interface ConfigProblem {
  /** The key, for example `http.tls.cert` or `auth.policies[0].actions`; empty for the whole file. */
  readonly key: string;
  readonly message: string;
  /** What to do about it. */
  readonly hint?: string | undefined;
  /** The file, or the environment variable, that the value comes from; undefined for a default. */
  readonly source?: string | undefined;
  /** Line in the file, from 1. */
  readonly line?: number | undefined;
  /** Column in the file, from 1. */
  readonly column?: number | undefined;
}

/** The key as people write it. */
export function formatKey(path: readonly PropertyKey[]): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else text += text === '' ? String(step) : `.${String(step)}`;
  }
  return text;
}

/** One line: where, which key, what, and what to do. */
export function formatProblem(problem: ConfigProblem): string {
  const { key, message, hint, source, line, column } = problem;
  const place = line === undefined ? source : `${source}:${line}:${column}`;
  const parts = [place, key === '' ? undefined : key, message].filter((part) => part !== undefined);
  return parts.join(': ') + (hint === undefined ? '' : ` (${hint})`);
}

/** Thrown when a configuration cannot be used. Holds everything that is wrong with it. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    super(problems.map(formatProblem).join('\n'));
    this.problems = problems;
  }
}
