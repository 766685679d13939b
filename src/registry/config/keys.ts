/** The list of all keys, taken from the schema, so that nothing has to be kept in step with it. */
import type { z } from 'zod';
import { settingsSchema } from './schema.ts';

/** How the value of a key is read from an environment variable. */
export type ValueKind = 'text' | 'number' | 'flag' | 'list' | 'json';

/** One key of the configuration. */
export interface Key {
  /** For example `['http', 'tls', 'cert']`. */
  readonly path: readonly string[];
  /** The variable that sets it, for example `STOWAGE_HTTP__TLS__CERT`. */
  readonly variable: string;
  readonly kind: ValueKind;
  /** As it would stand in the file; undefined when the key is not set by default. */
  readonly defaultValue: unknown;
  readonly description: string;
}

/** A group of keys and what it is for. */
export interface KeyGroup {
  readonly path: readonly string[];
  readonly description: string;
}

type Definition = z.core.$ZodTypeDef & {
  readonly innerType?: z.ZodType;
  readonly shape?: Readonly<Record<string, z.ZodType>>;
  readonly element?: z.ZodType;
  readonly defaultValue?: unknown;
};

function definitionOf(schema: z.ZodType): Definition {
  return schema.def as Definition;
}

/** Takes off what makes a schema optional or gives it a default. */
function unwrap(schema: z.ZodType): z.ZodType {
  const inner = definitionOf(schema).innerType;
  return inner === undefined ? schema : unwrap(inner);
}

function kindOf(schema: z.ZodType): ValueKind {
  const { type, element } = definitionOf(schema);
  if (type === 'boolean') return 'flag';
  if (type === 'union' || type === 'number') return 'number';
  if (type !== 'array') return 'text';
  return definitionOf(unwrap(element!)).type === 'object' ? 'json' : 'list';
}

/** The variable that sets the key at `path`. */
function variableOf(path: readonly string[]): string {
  return `STOWAGE_${path.join('__').toUpperCase()}`;
}

interface Found {
  readonly keys: Key[];
  readonly groups: KeyGroup[];
}

function collect(shape: Readonly<Record<string, z.ZodType>>, parent: string[], out: Found): Found {
  for (const [name, schema] of Object.entries(shape)) {
    const path = [...parent, name];
    const inner = unwrap(schema);
    const description = schema.description ?? '';
    const nested = definitionOf(inner).shape;
    if (nested !== undefined) {
      out.groups.push({ path, description });
      collect(nested, path, out);
      continue;
    }
    const { type, defaultValue } = definitionOf(schema);
    out.keys.push({
      path,
      variable: variableOf(path),
      kind: kindOf(inner),
      defaultValue: type === 'default' ? defaultValue : undefined,
      description,
    });
  }
  return out;
}

const found = collect(settingsSchema.shape, [], { keys: [], groups: [] });

/** Every key that a variable can set, in the order of the schema. */
export const KEYS: readonly Key[] = found.keys;

/** Every group, parents first. */
export const GROUPS: readonly KeyGroup[] = found.groups;

/** The names that may stand in the group at `path`, also inside of lists; none when it is no group. */
export function namesIn(path: readonly PropertyKey[]): string[] {
  let schema = unwrap(settingsSchema);
  for (const step of path) {
    const { element, shape } = definitionOf(schema);
    const next = typeof step === 'number' ? element : shape?.[String(step)];
    if (next === undefined) return [];
    schema = unwrap(next);
  }
  return Object.keys(definitionOf(schema).shape ?? {});
}
