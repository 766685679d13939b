/** The header of a gzip member (RFC 1952, 2.3): only where it ends. */
import { GzipError } from './errors.ts';

/** Bytes of the longest header that is taken; RFC 1952 knows no limit for name and comment. */
const LIMIT = 128 * 1024;
const ID1 = 0x1f;
const ID2 = 0x8b;
const DEFLATE = 8;
/** Bits of FLG. */
const HCRC = 2;
const EXTRA = 4;
const NAME = 8;
const COMMENT = 16;
const RESERVED = 0xe0;

/** Wants one byte after the other. */
type Bytes<Result> = Generator<undefined, Result, number>;

/**
 * Takes a header byte by byte, so that it may come in any chunks: start it by `next()`, then give
 * it bytes until it is done. The CRC of the header is not checked, as gzip does not either.
 * @param offset - bytes of the file before the header, for messages
 * @returns the whole header
 * @throws GzipError for what is no header, or a longer one than is taken
 */
export function* scanHeader(offset: number): Bytes<Uint8Array> {
  const bytes: number[] = [];
  function* take(): Bytes<number> {
    const byte: number = yield;
    bytes.push(byte);
    if (bytes.length > LIMIT) throw new GzipError('header-size', offset + LIMIT);
    return byte;
  }
  function* text(): Bytes<void> {
    let byte: number;
    do byte = yield* take();
    while (byte !== 0);
  }

  if ((yield* take()) !== ID1) throw new GzipError('magic', offset);
  if ((yield* take()) !== ID2) throw new GzipError('magic', offset);
  if ((yield* take()) !== DEFLATE) throw new GzipError('method', offset + 2);
  const flags = yield* take();
  if ((flags & RESERVED) !== 0) throw new GzipError('flags', offset + 3);
  // MTIME, XFL and OS.
  for (let i = 0; i < 6; i++) yield* take();
  if (flags & EXTRA) {
    const low = yield* take();
    const size = low | ((yield* take()) << 8);
    for (let i = 0; i < size; i++) yield* take();
  }
  if (flags & NAME) yield* text();
  if (flags & COMMENT) yield* text();
  if (flags & HCRC) {
    yield* take();
    yield* take();
  }
  return Uint8Array.from(bytes);
}
