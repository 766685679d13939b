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
  /** Tags or digests of manifests. */
  readonly ref: string;
  readonly from: string;
  readonly to: string;
  readonly path: string;
  readonly layer: string | undefined;
  readonly platform: string | undefined;
  readonly format: 'json' | 'tar' | undefined;
  readonly recursive: boolean;
  readonly after: string | undefined;
  readonly file: string | undefined;
  readonly name: string | undefined;
  readonly glob: string | undefined;
  readonly cursor: string | undefined;
}

/** Name of a parameter. */
export type ParameterName = keyof ParameterValues;

/** Characters of a path, a pattern, a cursor. */
const MAX_PATH = 4096;
const MAX_GLOB = 256;
const MAX_CURSOR = 4096;

const DIGEST_SCHEMA = {
  type: 'string',
  pattern: '^sha(256:[0-9a-f]{64}|512:[0-9a-f]{128})$',
} as const;
const PLATFORM = /^[\w.-]+\/[\w.-]+(\/[\w.-]+)?$/;

/** How one parameter is described. */
export interface ParameterDescription {
  /** How it is called in requests, where that is not its name here. */
  readonly as?: string;
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
    schema: DIGEST_SCHEMA,
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
  ref: {
    description: 'Tag, or digest of a manifest.',
    required: true,
    schema: { type: 'string' },
  },
  from: {
    description: 'Tag, or digest of a manifest.',
    required: true,
    schema: { type: 'string' },
  },
  to: {
    description: 'Tag, or digest of a manifest.',
    required: true,
    schema: { type: 'string' },
  },
  path: {
    description: 'Path from the root of the image; links are followed. Default: the root.',
    required: false,
    schema: { type: 'string', maxLength: MAX_PATH },
  },
  layer: {
    description: 'Digest of the only layer that is to be looked at.',
    required: false,
    schema: DIGEST_SCHEMA,
  },
  platform: {
    description: 'Which image of an index: os/architecture[/variant]. Default: the first one.',
    required: false,
    schema: { type: 'string', pattern: PLATFORM.source },
  },
  format: {
    description: 'json: what is known of it, also of a file; tar: a directory as an archive.',
    required: false,
    schema: { type: 'string', enum: ['json', 'tar'] },
  },
  recursive: {
    description: 'Also what is in directories below.',
    required: false,
    schema: { type: 'boolean', default: false },
  },
  after: {
    description: 'Path after which the page begins.',
    required: false,
    schema: { type: 'string', maxLength: MAX_PATH },
  },
  file: {
    as: 'digest',
    description: 'SHA-256 of the file that is looked for.',
    required: false,
    schema: DIGEST_SCHEMA,
  },
  name: {
    description: 'Name of the file that is looked for, without its directory.',
    required: false,
    schema: { type: 'string', maxLength: MAX_PATH },
  },
  glob: {
    description:
      'Pattern of a name, or of a path when it has a slash: * stands for anything but a slash, ** ' +
      'for anything.',
    required: false,
    schema: { type: 'string', maxLength: MAX_GLOB },
  },
  cursor: {
    description: '`next` of the page before.',
    required: false,
    schema: { type: 'string', maxLength: MAX_CURSOR },
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

/** A text of limited length; undefined when it is not given. */
function readText(name: ParameterName, text: string | null): string | undefined {
  const { maxLength } = PARAMETERS[name].schema as { readonly maxLength: number };
  if (text !== null && text.length > maxLength) throw unsupported(`${name} is too long`);
  return text ?? undefined;
}

function readFormat(text: string | null): string | undefined {
  if (text === null || text === 'json' || text === 'tar') return text ?? undefined;
  throw unsupported('format has to be json or tar');
}

function readPlatform(text: string | null): string | undefined {
  if (text === null || PLATFORM.test(text)) return text ?? undefined;
  throw unsupported('platform has to look like linux/amd64');
}

/** How a parameter is called in requests. */
export function requestName(name: ParameterName): string {
  return PARAMETERS[name].as ?? name;
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
    case 'recursive':
      return readFlag(name, text);
    case 'format':
      return readFormat(text);
    case 'platform':
      return readPlatform(text);
    case 'path':
      return readText(name, text) ?? '';
    case 'after':
    case 'name':
    case 'glob':
    case 'cursor':
      return readText(name, text);
    case 'layer':
    case 'file':
      return text === null ? undefined : readReference('digest', text);
    case 'tag':
    case 'digest':
      return readReference(name, text!);
    default:
      return readReference('reference', text!);
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
  const known = new Set(names.map(requestName));
  for (const given of new Set(query.keys())) {
    if (!known.has(given)) throw unsupported(`unknown parameter ${given}`);
    if (query.getAll(given).length > 1) throw unsupported(`${given} is given twice`);
  }
  const values: Partial<Record<ParameterName, unknown>> = {};
  for (const name of names) values[name] = readOne(name, query.get(requestName(name)));
  return values as Pick<ParameterValues, Name>;
}
