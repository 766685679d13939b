/**
 * Groups: streams of bytes, each compressed by itself, behind one checksum. Byte layout:
 * docs/formats.md, "Token groups and patches".
 */
import { constants, crc32, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { ByteReader, ByteWriter } from './bytes.ts';
import { TokenError } from './errors.ts';

/**
 * What a group holds: tokens of parts (`B`), tokens of gaps (`G`), patches (`P`), the structure of a
 * section (`S`), the index of a recipe (`R`), or entries of a tree (`T`).
 */
export type GroupKind = 'B' | 'G' | 'P' | 'S' | 'R' | 'T';

/**
 * The level of zstd. Up to 12 it hardly matters for tokens: of what they take in DEFLATE, level 1
 * makes 103.1 %, 9 makes 102.5 %, at two thirds of the speed. From 13 on zstd looks for the cheapest
 * parse: 99.5 %, at a third (npm packages, Go level 6; `node bench/codec/patches.ts levels`).
 */
const DEFAULT_LEVEL = 1;
/** Bytes of all streams of a group before compression. */
export const MAX_GROUP_SIZE = 8 * 1024 * 1024;
/** A group is full when it has so many bytes: a read of a small file should not cost megabytes. */
export const FULL_GROUP_SIZE = 256 * 1024;
/** Shorter streams do not win by compression. */
const MIN_COMPRESSED = 32;
const VERSION = 1;
/** Kind, version, checksum. */
const HEADER_SIZE = 6;

/** How to pack a group. */
export interface PackOptions {
  /** Level of zstd, 1 to 22. Default 1. */
  readonly level?: number;
}

function compress(bytes: Uint8Array, level: number): Uint8Array {
  if (bytes.length < MIN_COMPRESSED) return bytes;
  const packed = zstdCompressSync(bytes, {
    params: { [constants.ZSTD_c_compressionLevel]: level },
  });
  return packed.length < bytes.length ? packed : bytes;
}

function decompress(packed: Uint8Array, size: number): Uint8Array {
  try {
    const bytes = zstdDecompressSync(packed, { maxOutputLength: size, chunkSize: size + 64 });
    if (bytes.length === size) return bytes;
  } catch (cause) {
    throw new TokenError('format', { cause });
  }
  throw new TokenError('format');
}

/**
 * Packs streams into a group.
 * @throws RangeError above {@link MAX_GROUP_SIZE}
 */
export function packGroup(
  kind: GroupKind,
  streams: readonly Uint8Array[],
  options: PackOptions = {},
): Uint8Array {
  const size = streams.reduce((total, { length }) => total + length, 0);
  if (size > MAX_GROUP_SIZE) throw new RangeError(`a group of ${size} bytes`);
  const packed = streams.map((stream) => compress(stream, options.level ?? DEFAULT_LEVEL));
  const lengths = new ByteWriter();
  for (const [i, stream] of streams.entries()) {
    lengths.number(stream.length);
    lengths.number(packed[i]!.length);
  }
  const group = Buffer.concat([Buffer.alloc(HEADER_SIZE), lengths.bytes, ...packed]);
  group.write(kind, 0, 'latin1');
  group[1] = VERSION;
  group.writeUInt32LE(crc32(group.subarray(HEADER_SIZE)), 2);
  return group;
}

/** A group that has been opened: its streams are unpacked when they are asked for. */
export interface OpenGroup {
  /** @throws TokenError `format` when it was packed wrongly */
  stream(index: number): Uint8Array;
}

/**
 * Opens a group.
 * @param count - streams it has
 * @throws TokenError `format`, `checksum`, `size`, `truncated`, `trailing`, `number`
 */
export function openGroup(kind: GroupKind, count: number, bytes: Uint8Array): OpenGroup {
  const group = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (group.length < HEADER_SIZE) throw new TokenError('truncated');
  if (group[0] !== kind.charCodeAt(0) || group[1] !== VERSION) throw new TokenError('format');
  const body = group.subarray(HEADER_SIZE);
  if (crc32(body) !== group.readUInt32LE(2)) throw new TokenError('checksum');
  const reader = new ByteReader(body);
  const lengths = Array.from({ length: count }, () => [reader.number(), reader.number()] as const);
  if (lengths.reduce((total, [size]) => total + size, 0) > MAX_GROUP_SIZE) {
    throw new TokenError('size');
  }
  const packed = lengths.map(([size, stored]) => {
    if (stored > size) throw new TokenError('format');
    return reader.take(stored);
  });
  reader.end();
  return {
    stream(index) {
      const stored = packed[index]!;
      const [size] = lengths[index]!;
      return stored.length === size ? stored : decompress(stored, size);
    },
  };
}
