/** Paths of entries as engines see them, and written so that every path of bytes has its own text. */
import { isUtf8 } from 'node:buffer';

/** Bytes of a path or link that are kept: no system takes more (PATH_MAX). */
export const MAX_PATH = 4096;

const SLASH = 0x2f;
const DOT = 0x2e;
const BACKSLASH = 0x5c;

/** Bytes of the UTF-8 sequence that begins at `at`; 0 when there is none (RFC 3629, section 4). */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at]!;
  const length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  return at + length <= bytes.length && isUtf8(bytes.subarray(at, at + length)) ? length : 0;
}

function escapeByte(byte: number): string {
  return `\\x${byte.toString(16).padStart(2, '0')}`;
}

/**
 * What bytes say: UTF-8 as it is, other bytes and NUL as `\xNN`, a backslash as `\\`. Different bytes
 * have different texts.
 * @param text - the bytes decoded, as far as they are UTF-8
 */
export function escapeText(bytes: Uint8Array, text: string): string {
  if (isUtf8(bytes)) {
    return text.includes('\\') || text.includes('\0')
      ? text.replaceAll('\\', '\\\\').replaceAll('\0', '\\x00')
      : text;
  }
  let escaped = '';
  for (let at = 0; at < bytes.length; ) {
    const length = sequenceLength(bytes, at);
    const byte = bytes[at]!;
    if (length === 0 || byte === 0) escaped += escapeByte(byte);
    else if (byte === BACKSLASH) escaped += '\\\\';
    else escaped += Buffer.from(bytes.subarray(at, at + length)).toString('utf8');
    at += Math.max(1, length);
  }
  return escaped;
}

/** What {@link readPath} found. */
export interface EntryPath {
  readonly path: string;
  /** It had a part `..`. */
  readonly leadsUp: boolean;
  readonly isUtf8: boolean;
  readonly isCut: boolean;
}

/**
 * Whether a path is made of plain characters and needs no more than its `./` and slashes at the ends
 * cut off. Nearly all are, so this looks at each byte once and makes nothing.
 */
function isPlain(bytes: Uint8Array, start: number, end: number): boolean {
  let previous = SLASH;
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    if (byte >= 0x80 || byte === BACKSLASH || byte === 0) return false;
    // An empty part, or one that begins with a dot: `.` and `..` are among those.
    if (previous === SLASH) {
      if (byte === SLASH) return false;
      if (byte === DOT) {
        const next = at + 1 < end ? bytes[at + 1]! : SLASH;
        if (next === SLASH) return false;
        if (next === DOT && (at + 2 >= end || bytes[at + 2] === SLASH)) return false;
      }
    }
    previous = byte;
  }
  return true;
}

/**
 * The path that an entry or the target of a hard link stands for: relative to the root, without `.`,
 * `..` and empty parts; the root is ''. What leads out of the root stays in it, as with engines that
 * resolve paths inside of it.
 * @param bytes - as they stand in the archive
 * @param text - the same decoded
 */
export function readPath(bytes: Uint8Array, text: string): EntryPath {
  let start = 0;
  while (bytes[start] === SLASH || (bytes[start] === DOT && bytes[start + 1] === SLASH)) start++;
  let end = bytes.length;
  while (end > start && bytes[end - 1] === SLASH) end--;
  if (end - start <= MAX_PATH && isPlain(bytes, start, end)) {
    // All before the end are plain characters too, so that positions are those of the text.
    const path = start === 0 && end === text.length ? text : text.slice(start, end);
    return { path, leadsUp: false, isUtf8: true, isCut: false };
  }
  const isCut = bytes.length > MAX_PATH;
  const kept = isCut ? bytes.subarray(0, MAX_PATH) : bytes;
  const keptText = isCut ? Buffer.from(kept).toString('utf8') : text;
  const parts: string[] = [];
  let leadsUp = false;
  for (const part of escapeText(kept, keptText).split('/')) {
    if (part === '..') {
      leadsUp = true;
      parts.pop();
    } else if (part !== '' && part !== '.') {
      parts.push(part);
    }
  }
  return { path: parts.join('/'), leadsUp, isUtf8: isUtf8(bytes), isCut };
}
