/**
 * Groups: streams of bytes, each compressed by itself, behind one checksum. Byte layout:
 * docs/formats.md, "Token groups and patches".
 */
import { constants, crc32, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { freeBuffer } from '../../lib/free-bytes.ts';
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
/**
 * A group is full when it has so many bytes: a read of a small file should not cost megabytes. With
 * 256 KiB tokens take 0.5 to 1.2 % more space, with 1 MiB 0.2 % less.
 */
export const FULL_GROUP_SIZE = 512 * 1024;
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

/** Bytes of a buffer in which zstd makes a frame of `size` bytes at once: ZSTD_COMPRESSBOUND. */
function roomForFrame(size: number): number {
  return size + (size >> 8) + 64 + Math.max(0, (128 * 1024 - size) >> 11);
}

/** Bytes of a buffer in which `size` bytes are unpacked at once, and it is seen that no more come. */
function roomForStreams(size: number): number {
  return size + 64;
}

/**
 * Frees the buffer of so many bytes that zstd has made something in. Small ones belong to a pool and
 * are left alone.
 */
function freeRoom({ buffer }: Uint8Array, room: number): void {
  if (buffer.byteLength === room) freeBuffer(buffer);
}

function compress(bytes: Uint8Array, level: number): Uint8Array {
  if (bytes.length < MIN_COMPRESSED) return bytes;
  const chunkSize = roomForFrame(bytes.length);
  const packed = zstdCompressSync(bytes, {
    chunkSize,
    params: { [constants.ZSTD_c_compressionLevel]: level },
  });
  if (packed.length < bytes.length) return packed;
  freeRoom(packed, chunkSize);
  return bytes;
}

/** Unpacks frames that lie one behind the other. @param size - bytes that they make together */
function decompress(frames: Uint8Array, size: number): Uint8Array {
  try {
    const chunkSize = roomForStreams(size);
    const bytes = zstdDecompressSync(frames, { maxOutputLength: size, chunkSize });
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
  const isFrame = (bytes: Uint8Array, i: number): boolean => bytes !== streams[i];
  const frames = packed.filter(isFrame);
  const others = packed.filter((bytes, i) => !isFrame(bytes, i));
  const group = Buffer.concat([Buffer.alloc(HEADER_SIZE), lengths.bytes, ...frames, ...others]);
  group.write(kind, 0, 'latin1');
  group[1] = VERSION;
  group.writeUInt32LE(crc32(group.subarray(HEADER_SIZE)), 2);
  for (const [i, bytes] of packed.entries()) {
    const { length } = streams[i]!;
    if (isFrame(bytes, i)) freeRoom(bytes, roomForFrame(length));
  }
  return group;
}

/** A group that has been opened: its streams are unpacked when they are asked for. */
export interface OpenGroup {
  /**
   * Some streams that follow one another, unpacked in one go.
   * @throws TokenError `format` when they were packed wrongly
   */
  streams(first: number, count: number): Uint8Array[];
  /** Frees the streams that were unpacked so far. */
  free(): void;
}

/** A stream as it is stored. */
interface StoredStream {
  readonly size: number;
  readonly stored: number;
  /** Where it lies in the group. */
  readonly at: number;
}

/** Where streams lie: first those that are frames, then the others. */
function locate(reader: ByteReader, count: number, end: number): StoredStream[] {
  const lengths = Array.from({ length: count }, () => [reader.number(), reader.number()] as const);
  if (lengths.reduce((total, [size]) => total + size, 0) > MAX_GROUP_SIZE) {
    throw new TokenError('size');
  }
  let frame = end - reader.left;
  let other = frame;
  for (const [size, stored] of lengths) {
    if (stored > size) throw new TokenError('format');
    if (stored < size) other += stored;
    reader.take(stored);
  }
  reader.end();
  return lengths.map(([size, stored]) => {
    const at = stored < size ? frame : other;
    if (stored < size) frame += stored;
    else other += stored;
    return { size, stored, at };
  });
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
  const all = locate(new ByteReader(body), count, body.length);
  const unpacked: Uint8Array[] = [];

  /** Unpacks those of some streams that are frames, which lie one behind the other. */
  function unpack(some: readonly StoredStream[]): Uint8Array {
    const frames = some.filter(({ size, stored }) => stored < size);
    const [first] = frames;
    if (first === undefined) return new Uint8Array(0);
    const packed = frames.reduce((total, { stored }) => total + stored, 0);
    const size = frames.reduce((total, frame) => total + frame.size, 0);
    const made = decompress(body.subarray(first.at, first.at + packed), size);
    unpacked.push(made);
    return made;
  }

  return {
    streams(first, length) {
      const some = all.slice(first, first + length);
      const made = unpack(some);
      let from = 0;
      return some.map(({ size, stored, at }) => {
        if (stored === size) return body.subarray(at, at + size);
        from += size;
        return made.subarray(from - size, from);
      });
    },
    free() {
      for (const made of unpacked.splice(0)) freeRoom(made, roomForStreams(made.length));
    },
  };
}
