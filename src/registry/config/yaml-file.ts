/** Reads a YAML file and remembers where in it every key stands. */
import { readFile } from 'node:fs/promises';
import { isMap, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { ConfigError, type ConfigProblem } from './problems.ts';

/** Bounds what a file can blow up to by repeating anchored parts. */
const MAX_ALIASES = 100;

/** Line and column, both from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** A file that was read. */
export interface YamlFile {
  readonly path: string;
  /** The contents; keys without a value are left out. */
  readonly value: Readonly<Record<string, unknown>>;
  /** Where `path` stands, or the innermost group of it that is there; undefined when none is. */
  positionOf(path: readonly PropertyKey[]): Position | undefined;
}

/** A group that is there but has only comments in it, or a key without a value, is not set. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, item]) => item !== null);
  return Object.fromEntries(entries.map(([name, item]) => [name, withoutNulls(item)]));
}

/** Offset of the key or list entry at `path` below `root`, or of the nearest thing around it. */
function offsetOf(root: unknown, path: readonly PropertyKey[]): number | undefined {
  let offset: number | undefined;
  let node = root;
  for (const step of path) {
    if (isMap(node)) {
      const pair = node.items.find((item) => String(item.key) === String(step));
      if (pair === undefined) break;
      offset = (pair.key as Node).range?.[0] ?? offset;
      node = pair.value;
    } else if (isSeq(node) && typeof step === 'number') {
      const item = node.items[step] as Node | undefined;
      if (item === undefined) break;
      offset = item.range?.[0] ?? offset;
      node = item;
    } else {
      break;
    }
  }
  return offset;
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = code === 'ENOENT' ? 'there is no such file' : message;
    throw new ConfigError([{ key: '', source: path, message: reason }]);
  }
}

/**
 * Reads a file.
 * @throws ConfigError when it cannot be read, is no YAML, or is not a group of keys
 */
export async function readYamlFile(path: string): Promise<YamlFile> {
  const lines = new LineCounter();
  const document = parseDocument(await readText(path), { lineCounter: lines, prettyErrors: false });
  const at = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const problems: ConfigProblem[] = document.errors.map((error) => ({
    key: '',
    source: path,
    message: error.message,
    ...at(error.pos[0]),
  }));
  if (problems.length > 0) throw new ConfigError(problems);
  const contents = document.contents;
  if (contents !== null && !isMap(contents)) {
    const message = 'expected a group of keys';
    throw new ConfigError([{ key: '', source: path, message, ...at(contents.range?.[0] ?? 0) }]);
  }
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: MAX_ALIASES }) ?? {};
  } catch (error) {
    throw new ConfigError([{ key: '', source: path, message: (error as Error).message }]);
  }
  return {
    path,
    value: withoutNulls(value) as Record<string, unknown>,
    positionOf(wanted) {
      const offset = offsetOf(contents, wanted);
      return offset === undefined ? undefined : at(offset);
    },
  };
}
