/**
 * The two range grammars of the protocol: HTTP's `Range` on downloads (RFC 9110, 14.2) and the
 * specification's own `Content-Range: <start>-<end>` on upload chunks (no unit, inclusive).
 */

/** Inclusive byte positions. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** Digits only, no sign, within the safe integers; -1 otherwise. */
function parsePosition(text: string): number {
  if (text.length === 0 || text.length > 15) return -1;
  let value = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

/**
 * Reads a `Range` header against content of `size` bytes.
 *
 * @returns the range, `'unsatisfiable'` (answer 416), or undefined when the header is to be ignored
 *   (another unit, several ranges, malformed). `bytes=500-0` counts as unsatisfiable, not as
 *   malformed: the conformance suite asks for 416 (BLOB-G4).
 */
export function parseRange(header: string, size: number): ByteRange | 'unsatisfiable' | undefined {
  if (!header.startsWith('bytes=') || header.includes(',')) return undefined;
  const spec = header.slice(6).trim();
  const dash = spec.indexOf('-');
  if (dash < 0) return undefined;
  const last = spec.slice(dash + 1);
  if (dash === 0) {
    const length = parsePosition(last);
    if (length < 0) return undefined;
    if (length === 0 || size === 0) return 'unsatisfiable';
    return { start: Math.max(0, size - length), end: size - 1 };
  }
  const start = parsePosition(spec.slice(0, dash));
  const end = last === '' ? size - 1 : parsePosition(last);
  if (start < 0 || (last !== '' && end < 0)) return undefined;
  if (start >= size || end < start) return 'unsatisfiable';
  return { start, end: Math.min(end, size - 1) };
}

/** Reads the `Content-Range` of an upload chunk; undefined when malformed. */
export function parseChunkRange(header: string): ByteRange | undefined {
  const dash = header.indexOf('-');
  if (dash < 0) return undefined;
  const start = parsePosition(header.slice(0, dash));
  const end = parsePosition(header.slice(dash + 1));
  return start < 0 || end < start ? undefined : { start, end };
}
