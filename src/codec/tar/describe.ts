/** Puts together what header block, extension headers and sparse maps say about an entry. */
import type { Mutable } from '../../lib/mutable.ts';
import {
  decodeText,
  type SparseExtent,
  type TarEntry,
  type TarEntryType,
  type TarTime,
  whiteoutOf,
} from './entry.ts';
import type { Extensions } from './extensions.ts';
import type { Header } from './header.ts';
import { parsePaxNumber, parsePaxTime, xattrsOf } from './pax.ts';
import { isSparseMap, parseSparseList, parseSparseRecords } from './sparse.ts';

/** An entry as far as its headers tell: what remains open is its sparse map and its place. */
export interface Description {
  /** Its place is 0 so far. */
  readonly entry: Mutable<TarEntry>;
  /** Bytes that follow the headers, a sparse map of format 1.0 included. */
  readonly storedSize: number;
  /** Where its sparse map is, when it is a sparse file. */
  readonly sparseMap: readonly SparseExtent[] | 'before-data' | undefined;
}

const TYPES: Readonly<Record<string, TarEntryType>> = {
  '\0': 'file',
  '0': 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '3': 'character-device',
  '4': 'block-device',
  '5': 'directory',
  '6': 'fifo',
  // Contiguous files are files, old GNU sparse files too.
  '7': 'file',
  S: 'file',
};

const NO_XATTRS: ReadonlyMap<string, Uint8Array> = new Map();
const SLASH = 0x2f;

function typeOf(typeFlag: number, path: Uint8Array): TarEntryType {
  // Before ustar a directory was a file whose name ends with a slash.
  if (typeFlag === 0 && path.at(-1) === SLASH) return 'directory';
  return TYPES[String.fromCharCode(typeFlag)] ?? 'other';
}

/**
 * Whether bytes follow the headers. Links and directories may state a size (of what they link to, of
 * the room to be kept), but nothing follows: as container engines read it (Go's archive/tar).
 */
function hasBody(type: TarEntryType): boolean {
  return type === 'file' || type === 'other';
}

/** Bytes that follow a header block as far as it alone can tell. */
export function bodySizeOf(header: Header): number {
  return hasBody(typeOf(header.typeFlag, header.path)) ? header.size : 0;
}

/** Takes a sparse map from pax records. The old GNU format has it in blocks, see the walker. */
function sparseMapOf(
  pax: ReadonlyMap<string, Uint8Array>,
  extensions: Extensions,
): Description['sparseMap'] | 'unreadable' {
  const major = pax.get('GNU.sparse.major');
  if (major !== undefined && parsePaxNumber(major) === 1) return 'before-data';
  const list = pax.get('GNU.sparse.map');
  if (list !== undefined) return parseSparseList(list) ?? 'unreadable';
  if (!pax.has('GNU.sparse.size')) return undefined;
  return parseSparseRecords(extensions.records) ?? 'unreadable';
}

function timeOf(record: Uint8Array | undefined, seconds: number): TarTime {
  return (record && parsePaxTime(record)) ?? { seconds, nanoseconds: 0 };
}

/** A time that only some formats record; 0 stands for none. */
function optionalTime(record: Uint8Array | undefined, seconds: number): TarTime | undefined {
  return record === undefined && seconds === 0 ? undefined : timeOf(record, seconds);
}

/**
 * Describes an entry by its header and the extensions before it. What GNU's long names say counts
 * more than pax, and pax more than the header block, as container engines read it.
 * @returns undefined when it cannot be said what it is or how long
 */
export function describeEntry(header: Header, extensions: Extensions): Description | undefined {
  if (extensions.isDamaged) return undefined;
  const { pax } = extensions;
  const number = (keyword: string, otherwise: number): number => {
    const value = pax.get(keyword);
    return (value && parsePaxNumber(value)) ?? otherwise;
  };
  const storedSize = number('size', pax.has('size') ? -1 : header.size);
  if (storedSize < 0) return undefined;
  const pathBytes =
    extensions.longPath ?? pax.get('GNU.sparse.name') ?? pax.get('path') ?? header.path;
  const linkBytes = extensions.longLink ?? pax.get('linkpath') ?? header.link;
  const type = typeOf(header.typeFlag, pathBytes);
  const sparseMap = type === 'file' ? sparseMapOf(pax, extensions) : undefined;
  if (sparseMap === 'unreadable') return undefined;
  const realSize = number('GNU.sparse.realsize', number('GNU.sparse.size', storedSize));
  const path = decodeText(pathBytes);
  const atime = optionalTime(pax.get('atime'), header.atime);
  const ctime = optionalTime(pax.get('ctime'), header.ctime);
  const whiteout = whiteoutOf(path);
  const entry: Mutable<TarEntry> = {
    type,
    typeFlag: header.typeFlag,
    format: header.format,
    path,
    pathBytes,
    link: decodeText(linkBytes),
    linkBytes,
    mode: header.mode & 0o7777,
    uid: number('uid', header.uid),
    gid: number('gid', header.gid),
    user: decodeText(pax.get('uname') ?? header.user),
    group: decodeText(pax.get('gname') ?? header.group),
    mtime: timeOf(pax.get('mtime'), header.mtime),
    deviceMajor: header.deviceMajor,
    deviceMinor: header.deviceMinor,
    size: sparseMap === undefined ? (hasBody(type) ? storedSize : 0) : realSize,
    xattrs: pax.size === 0 ? NO_XATTRS : xattrsOf(pax),
    pax,
    archive: 0,
    headerStart: 0,
    bodyStart: 0,
    bodySize: 0,
  };
  if (atime !== undefined) entry.atime = atime;
  if (ctime !== undefined) entry.ctime = ctime;
  if (whiteout !== undefined) entry.whiteout = whiteout;
  return { entry, storedSize: hasBody(type) ? storedSize : 0, sparseMap };
}

/** Where an entry lies in the stream. */
export type Place = Pick<TarEntry, 'archive' | 'headerStart' | 'bodyStart' | 'bodySize'>;

/**
 * Completes a description, which is of no use afterwards.
 * @param sparse - its sparse map, when it is a sparse file
 * @returns undefined when the map does not fit
 */
export function placeEntry(
  { entry }: Description,
  place: Place,
  sparse: readonly SparseExtent[] | undefined,
): TarEntry | undefined {
  if (sparse !== undefined) {
    if (!isSparseMap(sparse, entry.size, place.bodySize)) return undefined;
    entry.sparse = sparse;
  }
  entry.archive = place.archive;
  entry.headerStart = place.headerStart;
  entry.bodyStart = place.bodyStart;
  entry.bodySize = place.bodySize;
  return entry;
}
