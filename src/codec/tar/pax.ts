/** Extended headers of POSIX.1-2001 (`pax`, "pax Extended Header"). */
import { decodeText, type TarTime } from './entry.ts';

/** A keyword and its value. */
export type PaxRecord = readonly [keyword: string, value: Uint8Array];

const SPACE = 0x20;
const LINE_FEED = 0x0a;
const EQUALS = 0x3d;
const DOT = 0x2e;
const MINUS = 0x2d;

/** Digits from `start` to `end`, all of them; undefined otherwise and above the safe integers. */
function parseDigits(bytes: Uint8Array, start: number, end: number): number | undefined {
  if (start >= end || end - start > 16) return undefined;
  let value = 0;
  for (let i = start; i < end; i++) {
    const digit = bytes[i]! - 0x30;
    if (digit < 0 || digit > 9) return undefined;
    value = value * 10 + digit;
  }
  return value <= Number.MAX_SAFE_INTEGER ? value : undefined;
}

/**
 * Takes the body of an extended header apart: `<length> <keyword>=<value>\n`, again and again. A
 * value may hold any byte.
 * @returns the records in their order, undefined when it is not built like that
 */
export function parsePaxRecords(body: Uint8Array): PaxRecord[] | undefined {
  const records: PaxRecord[] = [];
  for (let at = 0; at < body.length; ) {
    const space = body.indexOf(SPACE, at);
    const length = space < 0 ? undefined : parseDigits(body, at, space);
    if (length === undefined || length > body.length - at) return undefined;
    const end = at + length;
    const equals = body.indexOf(EQUALS, space);
    if (equals <= space + 1 || equals >= end - 1 || body[end - 1] !== LINE_FEED) return undefined;
    records.push([decodeText(body.subarray(space + 1, equals)), body.slice(equals + 1, end - 1)]);
    at = end;
  }
  return records;
}

/** A whole number as a record has it; undefined when it is none. */
export function parsePaxNumber(value: Uint8Array): number | undefined {
  return parseDigits(value, 0, value.length);
}

/** A time as a record has it: seconds, perhaps negative, perhaps with a fraction. */
export function parsePaxTime(value: Uint8Array): TarTime | undefined {
  const isNegative = value[0] === MINUS;
  const start = isNegative ? 1 : 0;
  const dot = value.indexOf(DOT);
  const whole = parseDigits(value, start, dot < 0 ? value.length : dot);
  if (whole === undefined) return undefined;
  let nanoseconds = 0;
  if (dot >= 0) {
    for (let i = dot + 1; i < value.length; i++) {
      const digit = value[i]! - 0x30;
      if (digit < 0 || digit > 9) return undefined;
      if (i - dot <= 9) nanoseconds += digit * 10 ** (9 - (i - dot));
    }
  }
  if (!isNegative) return { seconds: whole, nanoseconds };
  return nanoseconds === 0
    ? { seconds: 0 - whole, nanoseconds }
    : { seconds: -1 - whole, nanoseconds: 1e9 - nanoseconds };
}

/** What libarchive writes: the name percent-encoded, the value in base64. */
const LIBARCHIVE = 'LIBARCHIVE.xattr.';
/** What everybody else writes: name and value as they are. */
const SCHILY = 'SCHILY.xattr.';

function percentDecode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The extended attributes among some records. bsdtar writes both forms; the plain one counts. */
export function xattrsOf(
  records: ReadonlyMap<string, Uint8Array>,
): ReadonlyMap<string, Uint8Array> {
  const xattrs = new Map<string, Uint8Array>();
  for (const [keyword, value] of records) {
    if (keyword.startsWith(SCHILY)) {
      xattrs.set(keyword.slice(SCHILY.length), value);
    } else if (keyword.startsWith(LIBARCHIVE)) {
      const name = percentDecode(keyword.slice(LIBARCHIVE.length));
      if (!records.has(SCHILY + name)) {
        xattrs.set(name, Buffer.from(decodeText(value), 'base64'));
      }
    }
  }
  return xattrs;
}
