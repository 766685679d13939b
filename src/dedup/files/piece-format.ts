/** The bytes of a piece of a tree. docs/formats.md, "Trees". */
import { ByteReader, ByteWriter } from '../../codec/tokens/bytes.ts';
import { openGroup, type PackOptions, packGroup } from '../../codec/tokens/group.ts';
import { PART_SIZE } from '../../codec/tokens/part.ts';
import { RecipeError } from '../errors.ts';
import { type FileContent, SUM_SIZE, type TreeEntry, type TreeEntryType } from './model.ts';
import { comparePaths, MAX_PATH } from './paths.ts';

/** Streams, in stored order. */
const NAMES = ['paths', 'attributes', 'links', 'places', 'digests', 'sums'] as const;

type Streams<T> = Readonly<Record<(typeof NAMES)[number], T>>;

function mapStreams<T>(make: (index: number) => T): Streams<T> {
  return Object.fromEntries(NAMES.map((name, index) => [name, make(index)])) as Streams<T>;
}

/** Types by their number. */
const TYPES: readonly TreeEntryType[] = [
  'file',
  'directory',
  'symlink',
  'hardlink',
  'character-device',
  'block-device',
  'fifo',
  'other',
  'whiteout',
  'opaque',
];
/** Bit of the type's byte that says that there is content. */
const HAS_CONTENT = 0x80;

/** Entries of a piece at most. */
export const MAX_ENTRIES = 256;
/** Bytes that the entries of a piece may have together, unless it is a single one. */
export const MAX_WEIGHT = 512 * 1024;
/** Parts of a file whose checksums are kept: 64 GiB. Larger ones have no content. */
export const MAX_FILE_PARTS = 65_536;

const DIGEST_SIZE = 32;
const EMPTY = new Uint8Array(0);

function isLink(type: TreeEntryType): boolean {
  return type === 'symlink' || type === 'hardlink';
}

function isDevice(type: TreeEntryType): boolean {
  return type === 'character-device' || type === 'block-device';
}

/** Bytes that the checksums of a file take; 0 when its digest is that of its only part. */
function sumsSize(size: number): number {
  return size <= PART_SIZE ? 0 : Math.ceil(size / PART_SIZE) * SUM_SIZE;
}

/** Upper bound of the bytes that an entry takes, before compression. */
export function weightOf({ path, link, content }: TreeEntry): number {
  // Of each UTF-16 code unit UTF-8 makes 3 bytes at most.
  return 3 * (path.length + link.length) + (content?.sums.length ?? 0) + 128;
}

/** 0, -1, 1, -2 ... as 0, 1, 2, 3 ... */
function writeSigned(to: ByteWriter, value: number): void {
  to.number(value < 0 ? -2 * value - 1 : 2 * value);
}

function readSigned(from: ByteReader): number {
  const value = from.number();
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}

function writeText(to: ByteWriter, text: string): void {
  const bytes = Buffer.from(text);
  to.number(bytes.length);
  to.append(bytes);
}

/** @throws RecipeError when it is longer than a path may be */
function readText(from: ByteReader): string {
  const length = from.number();
  // Of each UTF-16 code unit UTF-8 makes 3 bytes at most.
  if (length > 3 * MAX_PATH) throw new RecipeError('a path too long');
  return Buffer.from(from.take(length)).toString('utf8');
}

/** Code units that two paths begin with, both. */
function shared(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  let at = 0;
  while (at < length && a.charCodeAt(at) === b.charCodeAt(at)) at++;
  // Not between the halves of a character.
  const last = a.charCodeAt(at - 1);
  return last >= 0xd800 && last < 0xdc00 ? at - 1 : at;
}

function writeContent(content: FileContent, { places, digests, sums }: Streams<ByteWriter>): void {
  for (const value of [content.start, content.section, content.part]) places.number(value);
  digests.append(Buffer.from(content.digest, 'base64url'));
  sums.append(content.sums);
}

/** Packs entries, which are in the order of their paths. */
export function packPiece(entries: readonly TreeEntry[], options?: PackOptions): Uint8Array {
  const streams = mapStreams(() => new ByteWriter());
  const { paths, attributes, links } = streams;
  let last = '';
  for (const entry of entries) {
    const { path, type, mode, uid, gid, size, mtime, content } = entry;
    const kept = shared(last, path);
    paths.number(kept);
    writeText(paths, path.slice(kept));
    last = path;
    attributes.byte(TYPES.indexOf(type) | (content === undefined ? 0 : HAS_CONTENT));
    for (const value of [mode, uid, gid, size]) attributes.number(value);
    writeSigned(attributes, mtime);
    if (isDevice(type)) {
      attributes.number(entry.deviceMajor);
      attributes.number(entry.deviceMinor);
    }
    if (isLink(type)) writeText(links, entry.link);
    if (content !== undefined) writeContent(content, streams);
  }
  const bytes = NAMES.map((name) => streams[name].bytes);
  return packGroup('T', bytes, options);
}

function readContent(size: number, { places, digests, sums }: Streams<ByteReader>): FileContent {
  const start = places.number();
  const section = places.number();
  const part = places.number();
  const digest = Buffer.from(digests.take(DIGEST_SIZE)).toString('base64url');
  const length = sumsSize(size);
  return { digest, start, section, part, sums: length === 0 ? EMPTY : sums.take(length) };
}

/**
 * Reads a piece.
 * @throws TokenError, RecipeError when it is damaged
 */
export function readPiece(bytes: Uint8Array): TreeEntry[] {
  const group = openGroup('T', NAMES.length, bytes);
  const bytesOf = group.streams(0, NAMES.length);
  const streams = mapStreams((index) => new ByteReader(bytesOf[index]!));
  const { paths, attributes, links } = streams;
  const entries: TreeEntry[] = [];
  let last = '';
  while (attributes.left > 0) {
    if (entries.length === MAX_ENTRIES) throw new RecipeError('a piece with too many entries');
    const kept = paths.number();
    if (kept > last.length) throw new RecipeError('a path that begins with nothing');
    const path = last.slice(0, kept) + readText(paths);
    if (path.length > MAX_PATH || (entries.length > 0 && comparePaths(path, last) < 0)) {
      throw new RecipeError('paths out of order');
    }
    last = path;
    const flags = attributes.byte();
    const type = TYPES[flags & ~HAS_CONTENT];
    if (type === undefined) throw new RecipeError('an entry of unknown type');
    const mode = attributes.number();
    const uid = attributes.number();
    const gid = attributes.number();
    const size = attributes.number();
    const mtime = readSigned(attributes);
    const deviceMajor = isDevice(type) ? attributes.number() : 0;
    const deviceMinor = isDevice(type) ? attributes.number() : 0;
    const link = isLink(type) ? readText(links) : '';
    const hasContent = (flags & HAS_CONTENT) !== 0;
    entries.push({
      path,
      type,
      mode,
      uid,
      gid,
      size,
      mtime,
      link,
      deviceMajor,
      deviceMinor,
      ...(hasContent && { content: readContent(size, streams) }),
    });
  }
  for (const name of NAMES) streams[name].end();
  return entries;
}
