/** Columns of the table of entries, and how a batch of the scan fills them. */
import {
  BIGINT,
  DOUBLE,
  type DuckDBAppender,
  DuckDBDataChunk,
  type DuckDBType,
  INTEGER,
  USMALLINT,
  UTINYINT,
  VARCHAR,
} from '@duckdb/node-api';
import { ENTRY_KINDS, type EntryBatch } from '../scan/types.ts';

/** Rows of a DuckDB vector. */
const VECTOR = 2048;

const FILE = ENTRY_KINDS.indexOf('file');
const SYMLINK = ENTRY_KINDS.indexOf('symlink');
const HARDLINK = ENTRY_KINDS.indexOf('hardlink');
const WHITEOUT = ENTRY_KINDS.indexOf('whiteout');
const OPAQUE = ENTRY_KINDS.indexOf('opaque-whiteout');

/**
 * As they come from the scan; queries/layer-entries.sql makes whole numbers of them, and adds what
 * follows from them.
 */
const COLUMNS: readonly (readonly [name: string, type: DuckDBType])[] = [
  ['entry', INTEGER],
  ['path', VARCHAR],
  ['directory', VARCHAR],
  ['kind', UTINYINT],
  ['size', DOUBLE],
  ['packed_size', DOUBLE],
  ['hash0', BIGINT],
  ['hash1', BIGINT],
  ['hash2', BIGINT],
  ['hash3', BIGINT],
  ['type', USMALLINT],
  ['mode', USMALLINT],
  ['uid', DOUBLE],
  ['gid', DOUBLE],
  ['mtime', DOUBLE],
  ['link', VARCHAR],
  /** Path that a link leads to within the layer. */
  ['leads_to', VARCHAR],
];
const TYPES = COLUMNS.map(([, type]) => type);

/** Statement that makes the table a layer is gathered in. */
export const CREATE_RAW = `CREATE TEMP TABLE raw (${COLUMNS.map(([name, type]) => `${name} ${type}`).join(', ')})`;

/** What whiteouts are called in archives (OCI image specification, layer.md, "Whiteouts"). */
const WHITEOUT_PREFIX = '.wh.';
const OPAQUE_NAME = '.wh..wh..opq';

function directoryOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? '' : path.slice(0, slash);
}

/** The path that a whiteout hides, from the one it has in the archive. */
function hiddenPath(path: string, directory: string): string {
  const name = path.slice(directory === '' ? 0 : directory.length + 1);
  if (!name.startsWith(WHITEOUT_PREFIX)) return path;
  const hidden = name.slice(WHITEOUT_PREFIX.length);
  return directory === '' ? hidden : `${directory}/${hidden}`;
}

/** The directory whose lower content an opaque whiteout hides. */
function hiddenDirectory(path: string, directory: string): string {
  return path === OPAQUE_NAME || path.endsWith(`/${OPAQUE_NAME}`) ? directory : path;
}

/** Path and directory of an entry as they are kept: of whiteouts, of what they hide. */
function placeOf(kind: number, path: string): readonly [path: string, directory: string] {
  const directory = directoryOf(path);
  if (kind === WHITEOUT) return [hiddenPath(path, directory), directory];
  if (kind !== OPAQUE) return [path, directory];
  // It lies in what it hides.
  const hidden = hiddenDirectory(path, directory);
  return [hidden, hidden];
}

/**
 * Where a symbolic link leads to by its text, from the directory it lies in; undefined for absolute
 * ones and for those that leave the layer. Links among the parts of the path are not followed.
 */
function resolveLink(directory: string, target: string): string | undefined {
  if (target.startsWith('/')) return undefined;
  const parts = directory === '' ? [] : directory.split('/');
  for (const part of target.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.pop() === undefined) return undefined;
  }
  return parts.join('/');
}

function leadsTo(kind: number, directory: string, link: string | undefined): string | null {
  if (link === undefined) return null;
  if (kind === HARDLINK) return link;
  return kind === SYMLINK ? (resolveLink(directory, link) ?? null) : null;
}

/**
 * The four quarters of each hash, read as big-endian signed integers: integers are quicker to append,
 * to compare and to group by than strings of bytes.
 */
function quarters(batch: EntryBatch, from: number, count: number): BigInt64Array {
  const bytes = Buffer.from(batch.hashes.subarray(from * 32, (from + count) * 32));
  // Small buffers come from a pool, at any offset.
  const aligned = Buffer.from(new ArrayBuffer(bytes.length));
  bytes.copy(aligned);
  aligned.swap64();
  return new BigInt64Array(aligned.buffer, 0, count * 4);
}

/** Appends all rows of a batch. */
export function appendBatch(appender: DuckDBAppender, batch: EntryBatch): void {
  const chunk = DuckDBDataChunk.create(TYPES);
  for (let from = 0; from < batch.count; from += VECTOR) {
    const count = Math.min(VECTOR, batch.count - from);
    chunk.reset();
    chunk.rowCount = count;
    const [entry, path, directory, kind, size, packed, h0, h1, h2, h3, ...more] = TYPES.map(
      (_, i) => chunk.getColumnVector(i),
    );
    const [type, mode, uid, gid, mtime, link, target] = more;
    const hashes = quarters(batch, from, count);
    const hash = [h0!, h1!, h2!, h3!];
    for (let i = 0; i < count; i++) {
      const row = from + i;
      const itsKind = batch.kinds[row]!;
      const [itsPath, itsDirectory] = placeOf(itsKind, batch.paths[row]!);
      entry!.setItem(i, batch.firstIndex + row);
      path!.setItem(i, itsPath);
      directory!.setItem(i, itsDirectory);
      kind!.setItem(i, itsKind);
      size!.setItem(i, batch.sizes[row]!);
      packed!.setItem(i, batch.packedSizes[row]!);
      for (let k = 0; k < 4; k++) {
        hash[k]!.setItem(i, itsKind === FILE ? hashes[i * 4 + k]! : null);
      }
      type!.setItem(i, batch.types[row]!);
      mode!.setItem(i, batch.modes[row]!);
      uid!.setItem(i, batch.uids[row]!);
      gid!.setItem(i, batch.gids[row]!);
      mtime!.setItem(i, batch.mtimes[row]!);
      link!.setItem(i, batch.links[row] ?? null);
      target!.setItem(i, leadsTo(itsKind, itsDirectory, batch.links[row]));
    }
    for (let column = 0; column < TYPES.length; column++) chunk.getColumnVector(column).flush();
    appender.appendDataChunk(chunk);
  }
}
