/**
 * Looks at a whole database and says where its entries contradict each other. Every commit must
 * leave none, so this may be asked at any moment.
 */
import { type ParsedManifest, parseManifest } from '../../../src/oci/manifest.ts';
import type { Entry, KeyRange } from '../../../src/storage/kv/types.ts';
import type {
  ContentRecord,
  DeletedManifestRecord,
  ManifestRecord,
  TagRecord,
  Totals,
} from '../../../src/storage/metadata/records.ts';
import type { FileId } from '../../../src/storage/target/types.ts';

/** Anything with all of a database's entries: an engine, or a store. */
export interface EntrySource {
  entries(range: KeyRange): Iterable<Entry>;
}

/** The parts of a key after the first, and its value. */
interface Row {
  readonly parts: readonly string[];
  readonly value: Buffer;
}

const ALL: KeyRange = { from: ' ', to: '~' };

/** The entries of a database by their first part. */
function readRows(source: EntrySource) {
  const rows = new Map<string, Row[]>();
  const keys = new Set<string>();
  for (const [key, value] of source.entries(ALL)) {
    const [kind = '', ...parts] = key.split(' ');
    keys.add(key);
    const list = rows.get(kind) ?? [];
    list.push({ parts, value: Buffer.from(value) });
    rows.set(kind, list);
  }
  return { keys, of: (kind: string): readonly Row[] => rows.get(kind) ?? [] };
}

const json = <T>({ value }: Row): T => JSON.parse(value.toString()) as T;

/** The totals of a database, counted. */
export function countTotals(source: EntrySource): Totals {
  const rows = readRows(source);
  const contents = rows.of('c').map((row) => json<ContentRecord>(row));
  const sum = (records: readonly ContentRecord[]): number =>
    records.reduce((total, { size }) => total + size, 0);
  const recipes = contents.filter(({ recipe }) => recipe === true);
  return {
    repositories: rows.of('r').length,
    tags: rows.of('t').length,
    manifests: rows.of('m').length,
    contents: contents.length,
    bytes: sum(contents),
    recipeContents: recipes.length,
    recipeBytes: sum(recipes),
  };
}

/** Files that the database needs. */
export function filesInUse(source: EntrySource): FileId[] {
  return readRows(source)
    .of('f')
    .map(({ parts }) => Number.parseInt(parts[0]!, 16));
}

function referencesOf(parsed: ParsedManifest): Set<string> {
  return new Set([...parsed.required, ...parsed.optional].map(({ digest }) => digest));
}

/**
 * What contradicts what; empty when all is well.
 * @param readFile - the bytes of a file of the target, to look into manifests that lie there
 */
export function findContradictions(
  source: EntrySource,
  readFile: (id: FileId) => Buffer | undefined = () => undefined,
): string[] {
  const rows = readRows(source);
  const problems: string[] = [];
  const need = (ok: boolean, problem: string): void => {
    if (!ok) problems.push(problem);
  };
  const has = (...parts: readonly string[]): boolean => rows.keys.has(parts.join(' '));
  const fileName = (id: FileId): string => id.toString(16).padStart(10, '0');

  const contents = new Map(rows.of('c').map((row) => [row.parts[0]!, json<ContentRecord>(row)]));
  const owned = new Set(rows.of('o').map(({ parts }) => parts[0]!));
  for (const [digest, { file, recipe, size, damaged }] of contents) {
    need(owned.has(digest), `content ${digest} has no owner`);
    const isInline = file === undefined && recipe !== true;
    need(has('i', digest) === isInline, `content ${digest} lies in two places or none`);
    need(recipe !== true || file === undefined, `content ${digest} lies in a file and a recipe`);
    const isRebuilt = has('yr', digest) || damaged !== undefined;
    need(recipe !== true || isRebuilt, `content ${digest} has no recipe`);
    if (file !== undefined)
      need(has('f', fileName(file)), `file ${file} of ${digest} is not noted`);
    need(has('q', digest) === (damaged !== undefined), `quarantine of ${digest} is half noted`);
    const inline = rows.of('i').find(({ parts }) => parts[0] === digest);
    if (inline !== undefined && damaged === undefined) {
      need(inline.value.length === size, `bytes of ${digest} have another size`);
    }
  }
  for (const { parts } of rows.of('i')) need(contents.has(parts[0]!), `stray bytes ${parts}`);
  for (const { parts } of rows.of('q')) need(contents.has(parts[0]!), `stray quarantine ${parts}`);
  for (const { parts, value } of rows.of('f')) {
    const record = contents.get(value.toString());
    need(record?.file === Number.parseInt(parts[0]!, 16), `file ${parts} holds nothing`);
    need(!has('x', parts[0]!), `file ${parts} is in use and dead`);
  }
  for (const { parts } of rows.of('o')) {
    const [digest = '', role, repository = ''] = parts;
    need(contents.has(digest), `owner of missing content: ${parts}`);
    const held =
      role === 'blob'
        ? has('l', repository, digest)
        : has('m', repository, digest) || has('dm', repository, digest);
    need(held, `owner without a claim: ${parts}`);
  }
  for (const { parts } of rows.of('l')) {
    const [repository = '', digest = ''] = parts;
    need(has('o', digest, 'blob', repository), `link without ownership: ${parts}`);
  }
  for (const row of rows.of('t')) {
    const [repository = '', tag = ''] = row.parts;
    const { digest } = json<TagRecord>(row);
    need(has('g', repository, digest, tag), `tag without its reverse: ${row.parts}`);
    need(has('m', repository, digest), `tag without manifest: ${row.parts}`);
  }
  const tags = new Map(rows.of('t').map((row) => [row.parts.join(' '), json<TagRecord>(row)]));
  for (const { parts } of rows.of('g')) {
    const [repository = '', digest, tag = ''] = parts;
    need(tags.get(`${repository} ${tag}`)?.digest === digest, `reverse without tag: ${parts}`);
  }

  const uses = new Set<string>();
  const manifests = [
    ...rows.of('m').map((row) => ({ row, record: json<ManifestRecord>(row), live: true })),
    ...rows.of('dm').map((row) => {
      return { row, record: json<DeletedManifestRecord>(row).record, live: false };
    }),
  ];
  for (const { row, record, live } of manifests) {
    const [repository = '', digest = ''] = row.parts;
    const { mediaType, subject } = record;
    need(has('r', repository), `manifest without repository: ${row.parts}`);
    need(has('o', digest, 'manifest', repository), `manifest without ownership: ${row.parts}`);
    need(!live || !has('dm', repository, digest), `manifest there and deleted: ${row.parts}`);
    if (subject !== undefined) {
      const listed = has('e', repository, subject, digest);
      need(listed === live, `referrer of ${subject} is wrong: ${row.parts}`);
    }
    const content = contents.get(digest);
    const bytes =
      content?.file === undefined
        ? rows.of('i').find(({ parts }) => parts[0] === digest)?.value
        : readFile(content.file);
    if (bytes === undefined || content?.damaged !== undefined) {
      // Who cannot look inside believes the entries.
      for (const { parts } of rows.of('u')) {
        if (parts[0] === repository && parts[2] === digest) uses.add(parts.join(' '));
      }
      continue;
    }
    for (const target of referencesOf(parseManifest(bytes, mediaType))) {
      const use = `${repository} ${target} ${digest}`;
      need(rows.keys.has(`u ${use}`), `use is missing: ${use}`);
      uses.add(use);
    }
  }
  for (const { parts } of rows.of('u')) {
    need(uses.has(parts.join(' ')), `use by nobody: ${parts}`);
  }
  for (const { parts } of rows.of('e')) {
    const [repository = '', , digest = ''] = parts;
    need(has('m', repository, digest), `referrer without manifest: ${parts}`);
  }
  for (const kind of ['t', 'l']) {
    for (const { parts } of rows.of(kind)) need(has('r', parts[0]!), `no repository: ${parts}`);
  }

  const noted = rows.of('z').find(({ parts }) => parts[0] === 'totals');
  const counted = JSON.stringify(countTotals(source));
  const empty = JSON.stringify(countTotals({ entries: () => [] }));
  need((noted?.value.toString() ?? empty) === counted, `totals: ${noted?.value} not ${counted}`);
  return problems;
}
