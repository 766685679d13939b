/** The query parameters of `/api/v1/`: how each is read and described. */
import { isDigest } from '../../oci/digest.ts';
import { OciError } from '../../oci/errors.ts';
import { isRepositoryName, isTag } from '../../oci/name.ts';

/** Entries of a page when the request does not say, and at most. */
export const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1000;

/** What the parameters are worth once they are read. */
export interface ParameterValues {
  readonly repo: string;
  readonly tag: string;
  readonly digest: string;
  /** Tag or digest. */
  readonly reference: string;
  readonly n: number;
  readonly last: string | undefined;
  readonly dry_run: boolean;
}

/** Name of a parameter. */
export type ParameterName = keyof ParameterValues;

/** How one parameter is described. */
export interface ParameterDescription {
  readonly description: string;
  readonly required: boolean;
  /** JSON Schema. */
  readonly schema: Readonly<Record<string, unknown>>;
}

/** The description of every parameter. */
export const PARAMETERS: Readonly<Record<ParameterName, ParameterDescription>> = {
  repo: {
    description: 'Name of the repository.',
    required: true,
    schema: { type: 'string', maxLength: 255 },
  },
  tag: { description: 'Name of the tag.', required: true, schema: { type: 'string' } },
  digest: {
    description: 'Digest of the manifest.',
    required: true,
    schema: { type: 'string', pattern: '^sha(256:[0-9a-f]{64}|512:[0-9a-f]{128})$' },
  },
  reference: {
    description: 'Name of the tag, or digest of the manifest.',
    required: true,
    schema: { type: 'string' },
  },
  n: {
    description: 'Entries at most.',
    required: false,
    schema: { type: 'integer', minimum: 1, maximum: MAX_LIMIT, default: DEFAULT_LIMIT },
  },
  last: {
    description: 'Name after which the page begins.',
    required: false,
    schema: { type: 'string' },
  },
  dry_run: {
    description: 'Only count what would be removed.',
    required: false,
    schema: { type: 'boolean', default: false },
  },
};

function unsupported(message: string): OciError {
  return new OciError('UNSUPPORTED', { status: 400, message });
}

function readLimit(text: string | null): number {
  if (text === null) return DEFAULT_LIMIT;
  const limit = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (limit < 1 || limit > MAX_LIMIT) throw unsupported(`n has to be from 1 to ${MAX_LIMIT}`);
  return limit;
}

function readFlag(name: string, text: string | null): boolean {
  if (text === null || text === 'false') return false;
  if (text === 'true') return true;
  throw unsupported(`${name} has to be true or false`);
}

function readLast(text: string | null): string | undefined {
  if (text === null || text === '') return undefined;
  if (!isRepositoryName(text) && !isTag(text)) throw unsupported('last is no name');
  return text;
}

function readReference(name: 'tag' | 'digest' | 'reference', text: string): string {
  if (name !== 'digest' && isTag(text)) return text;
  if (name !== 'tag' && isDigest(text)) return text;
  if (name === 'digest') throw new OciError('DIGEST_INVALID', { message: 'invalid digest' });
  throw unsupported(`${name} is no name of a tag${name === 'tag' ? '' : ' and no digest'}`);
}

function readOne(name: ParameterName, text: string | null): string | number | boolean | undefined {
  if (text === null && PARAMETERS[name].required) throw unsupported(`${name} is missing`);
  switch (name) {
    case 'repo':
      if (!isRepositoryName(text!)) throw new OciError('NAME_INVALID');
      return text!;
    case 'n':
      return readLimit(text);
    case 'last':
      return readLast(text);
    case 'dry_run':
      return readFlag(name, text);
    default:
      return readReference(name, text!);
  }
}

/**
 * Reads the parameters `names` and no others.
 * @throws OciError with status 400 for what is missing, malformed, repeated or unknown
 */
export function readParameters<Name extends ParameterName>(
  query: URLSearchParams,
  names: readonly Name[],
): Pick<ParameterValues, Name> {
  for (const given of new Set(query.keys())) {
    if (!names.includes(given as Name)) throw unsupported(`unknown parameter ${given}`);
    if (query.getAll(given).length > 1) throw unsupported(`${given} is given twice`);
  }
  const values: Partial<Record<ParameterName, unknown>> = {};
  for (const name of names) values[name] = readOne(name, query.get(name));
  return values as Pick<ParameterValues, Name>;
}
