/**
 * One header block: POSIX.1-2001 (`pax`, "ustar Interchange Format"), the GNU tar manual ("Basic
 * Tar Format"), and tar(5) of libarchive for Unix V7 and star.
 */
import type { TarFormat } from './entry.ts';
import { parseNumber } from './numbers.ts';

/** Bytes of a block. */
export const BLOCK_SIZE = 512;

/** Bytes from `bytes` up to the next multiple of a block. */
export function paddingOf(bytes: number): number {
  const over = bytes % BLOCK_SIZE;
  return over === 0 ? 0 : BLOCK_SIZE - over;
}

/** The fields of a header block. Numbers that cannot be read are 0, but for the size. */
export interface Header {
  readonly format: TarFormat;
  readonly typeFlag: number;
  readonly path: Uint8Array;
  readonly link: Uint8Array;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** As it stands there, also where no body follows. */
  readonly size: number;
  /** Seconds since 1970. */
  readonly mtime: number;
  readonly atime: number;
  readonly ctime: number;
  readonly user: Uint8Array;
  readonly group: Uint8Array;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
}

const CHECKSUM_AT = 148;
const CHECKSUM_END = 156;
const MAGIC_AT = 257;
const PREFIX_AT = 345;
const SLASH = 0x2f;
const EMPTY = new Uint8Array(0);

/** Whether a block holds nothing but zeros, as the two at the end of an archive. */
export function isZeroBlock(block: Uint8Array): boolean {
  for (let i = 0; i < BLOCK_SIZE; i++) if (block[i] !== 0) return false;
  return true;
}

/** Two bytes of four. */
const HALF = 0x00ff00ff;

/**
 * The sum of all bytes, the field itself taken for spaces; old programs added signed bytes. Four bytes
 * at a time, two sums in a number: neither goes beyond 16 bits in a block.
 */
function isChecksumRight(block: Uint8Array): boolean {
  const words = new DataView(block.buffer, block.byteOffset, BLOCK_SIZE);
  let even = 0;
  let odd = 0;
  let high = 0;
  for (let at = 0; at < BLOCK_SIZE; at += 4) {
    if (at >= CHECKSUM_AT && at < CHECKSUM_END) continue;
    const word = words.getInt32(at, true);
    even += word & HALF;
    odd += (word >>> 8) & HALF;
    high += (word >>> 7) & 0x01010101;
  }
  const both = (even & 0xffff) + (even >>> 16) + (odd & 0xffff) + (odd >>> 16);
  const unsigned = both + (CHECKSUM_END - CHECKSUM_AT) * 0x20;
  const stored = parseNumber(block, CHECKSUM_AT, CHECKSUM_END - CHECKSUM_AT);
  if (stored === unsigned) return true;
  const negative = (high & 0xff) + ((high >>> 8) & 0xff) + ((high >>> 16) & 0xff) + (high >>> 24);
  return stored === unsigned - 256 * negative;
}

function hasText(block: Uint8Array, at: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) if (block[at + i] !== text.charCodeAt(i)) return false;
  return true;
}

function formatOf(block: Uint8Array): TarFormat {
  if (hasText(block, MAGIC_AT, 'ustar  \0')) return 'gnu';
  if (!hasText(block, MAGIC_AT, 'ustar\0')) return 'v7';
  return hasText(block, 508, 'tar\0') ? 'star' : 'ustar';
}

/** A copy of the bytes of a field up to the first NUL. */
function text(block: Uint8Array, start: number, length: number): Uint8Array {
  const nul = block.indexOf(0, start);
  const end = nul < 0 ? start + length : Math.min(nul, start + length);
  return end === start ? EMPTY : block.slice(start, end);
}

function pathOf(block: Uint8Array, format: TarFormat): Uint8Array {
  const name = text(block, 0, 100);
  if (format !== 'ustar' && format !== 'star') return name;
  const prefix = text(block, PREFIX_AT, format === 'star' ? 131 : 155);
  if (prefix.length === 0) return name;
  const path = new Uint8Array(prefix.length + 1 + name.length);
  path.set(prefix);
  path[prefix.length] = SLASH;
  path.set(name, prefix.length + 1);
  return path;
}

/** Where a format keeps the times of access and change, which ustar and V7 do not have. */
const TIMES_AT: Readonly<Partial<Record<TarFormat, readonly [number, number]>>> = {
  gnu: [345, 357],
  star: [476, 488],
};

/**
 * Takes a block apart.
 * @returns undefined when it is no header: wrong checksum, or no size that can be read
 */
export function parseHeader(block: Uint8Array): Header | undefined {
  if (!isChecksumRight(block)) return undefined;
  const size = parseNumber(block, 124, 12);
  if (size === undefined || size < 0) return undefined;
  const format = formatOf(block);
  const number = (at: number, length: number): number => parseNumber(block, at, length) ?? 0;
  const [atimeAt, ctimeAt] = TIMES_AT[format] ?? [];
  const isPosix = format !== 'v7';
  return {
    format,
    typeFlag: block[156]!,
    path: pathOf(block, format),
    link: text(block, 157, 100),
    mode: number(100, 8),
    uid: number(108, 8),
    gid: number(116, 8),
    size,
    mtime: number(136, 12),
    atime: atimeAt === undefined ? 0 : number(atimeAt, 12),
    ctime: ctimeAt === undefined ? 0 : number(ctimeAt, 12),
    user: isPosix ? text(block, 265, 32) : EMPTY,
    group: isPosix ? text(block, 297, 32) : EMPTY,
    deviceMajor: isPosix ? number(329, 8) : 0,
    deviceMinor: isPosix ? number(337, 8) : 0,
  };
}
