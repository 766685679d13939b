/** Writes archives: ustar headers, and pax records for what does not fit in them (POSIX.1-2001, `pax`). */
import { BLOCK_SIZE, paddingOf } from './header.ts';

/** What is written of an entry; sizes and times as in `TarEntry`. */
export interface NewTarEntry {
  /** Relative; that of a directory ends with a slash. */
  readonly path: string;
  /** Type flag, see {@link TYPE_FLAGS}. */
  readonly typeFlag: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of the body that follows. */
  readonly size: number;
  /** Seconds since 1970. */
  readonly mtime: number;
  readonly link: string;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
}

/** Type flags by the names that `TarEntry` has for them. */
export const TYPE_FLAGS = {
  file: '0',
  hardlink: '1',
  symlink: '2',
  'character-device': '3',
  'block-device': '4',
  directory: '5',
  fifo: '6',
} as const;

/** Fields of a header block: where each begins, and its bytes. */
const FIELDS = {
  path: [0, 100],
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  mtime: [136, 12],
  checksum: [148, 8],
  typeFlag: [156, 1],
  link: [157, 100],
  magic: [257, 8],
  deviceMajor: [329, 8],
  deviceMinor: [337, 8],
} as const;

/** Whether a number fits in a field of octal digits that ends with a NUL. */
function fits(value: number, field: readonly [number, number]): boolean {
  return value >= 0 && value < 8 ** (field[1] - 1);
}

function headerBlock(entry: NewTarEntry): Buffer {
  const block = Buffer.alloc(BLOCK_SIZE);
  const text = ([at, width]: readonly [number, number], value: string): void => {
    Buffer.from(value).copy(block, at, 0, width);
  };
  const number = (field: readonly [number, number], value: number): void => {
    const own = fits(value, field) ? value : 0;
    text(field, own.toString(8).padStart(field[1] - 1, '0'));
  };
  text(FIELDS.path, entry.path);
  for (const name of ['mode', 'uid', 'gid', 'size', 'mtime'] as const) {
    number(FIELDS[name], entry[name]);
  }
  text(FIELDS.typeFlag, entry.typeFlag);
  text(FIELDS.link, entry.link);
  text(FIELDS.magic, 'ustar\x0000');
  number(FIELDS.deviceMajor, entry.deviceMajor);
  number(FIELDS.deviceMinor, entry.deviceMinor);
  // The checksum is taken with its own field full of spaces.
  text(FIELDS.checksum, ' '.repeat(8));
  const sum = block.reduce((total, byte) => total + byte, 0);
  text(FIELDS.checksum, `${sum.toString(8).padStart(6, '0')}\0 `);
  return block;
}

/** One pax record; its length counts its own digits. */
function paxRecord(keyword: string, value: string): Buffer {
  const rest = Buffer.byteLength(` ${keyword}=${value}\n`);
  let length = rest;
  while (String(length).length + rest !== length) length = String(length).length + rest;
  return Buffer.from(`${length} ${keyword}=${value}\n`);
}

/** Bytes that fill a body up to a whole block. */
export function tarPadding(size: number): Buffer {
  return Buffer.alloc(paddingOf(size));
}

/** What stands in front of the body of an entry. */
export function tarHeader(entry: NewTarEntry): Buffer {
  const records: Buffer[] = [];
  const isLong = (value: string, [, width]: readonly [number, number]): boolean =>
    Buffer.byteLength(value) > width;
  if (isLong(entry.path, FIELDS.path)) records.push(paxRecord('path', entry.path));
  if (isLong(entry.link, FIELDS.link)) records.push(paxRecord('linkpath', entry.link));
  for (const name of ['uid', 'gid', 'size', 'mtime'] as const) {
    if (!fits(entry[name], FIELDS[name])) records.push(paxRecord(name, String(entry[name])));
  }
  if (records.length === 0) return headerBlock(entry);
  const body = Buffer.concat(records);
  const extension = headerBlock({
    ...entry,
    path: 'PaxHeader',
    link: '',
    typeFlag: 'x',
    size: body.length,
    deviceMajor: 0,
    deviceMinor: 0,
  });
  return Buffer.concat([extension, body, tarPadding(body.length), headerBlock(entry)]);
}

/** The two blocks of zeros with which an archive ends. */
export function tarEnd(): Buffer {
  return Buffer.alloc(2 * BLOCK_SIZE);
}
