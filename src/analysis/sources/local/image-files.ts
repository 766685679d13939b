/**
 * The files of an image layout or archive, wherever they lie: in a folder, or in a tar. Sources read
 * all they need through this, so that each form of storage works with each layout.
 */
import type { BigIntStats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { sniffFormat } from '../../../codec/sniff.ts';
import { SourceError } from '../errors.ts';

/** Bytes read at a time. */
const PIECE = 256 * 1024;

/** A stretch of a file in bytes; `end` is not included. */
export interface ByteStretch {
  readonly start: number;
  readonly end: number;
}

/** A file that was found. */
export interface StoredFile {
  /** Bytes, as it is stored. */
  readonly size: number;
  /** Why not all of it can be read; undefined when it can. */
  readonly damage: string | undefined;
  /** See {@link stampOf}: of the file itself, or of the archive that it lies in. */
  readonly stamp: string;
  /**
   * Reads a stretch that lies in the file, in pieces that the caller may keep.
   * @throws SourceError when the file has become shorter, errors of the file system, the signal's reason
   */
  read(stretch: ByteStretch, signal: AbortSignal): AsyncGenerator<Uint8Array<ArrayBuffer>, void>;
}

/** The files of one layout or archive. */
export interface ImageFiles {
  /** Where it lies, for people. */
  readonly place: string;
  /** What is wrong with it as a whole; undefined when nothing is. */
  readonly damage: string | undefined;
  /**
   * Finds a file; links inside of an archive are followed.
   * @param path - relative, without `.` and `..`
   * @returns undefined when there is none
   * @throws errors of the file system
   */
  find(path: string): Promise<StoredFile | undefined>;
  close(): Promise<void>;
}

/** What tells a file from one that takes its place, without reading it: size, and when it was written. */
export function stampOf({ size, mtimeNs }: Pick<BigIntStats, 'size' | 'mtimeNs'>): string {
  return `${size}-${mtimeNs}`;
}

/** Reads a stretch of an open file; see {@link StoredFile.read}. */
export async function* readStretch(
  file: FileHandle,
  { start, end }: ByteStretch,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
  for (let position = start; position < end; ) {
    signal.throwIfAborted();
    // Not from the pool of small buffers: who gets it may hand its memory to another thread.
    const buffer = new Uint8Array(Math.min(PIECE, end - position));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, position);
    if (bytesRead === 0) throw new SourceError('the file has become shorter while it was read');
    yield bytesRead === buffer.length ? buffer : buffer.slice(0, bytesRead);
    position += bytesRead;
  }
}

/**
 * Reads the first bytes of a file.
 * @throws as {@link StoredFile.read}
 */
export async function readHead(
  file: StoredFile,
  length: number,
  signal: AbortSignal,
): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  const stretch = { start: 0, end: Math.min(length, file.size) };
  for await (const piece of file.read(stretch, signal)) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** Bytes that {@link isCompressed} needs. */
export const MAGIC_SIZE = 4;

/** Whether a layer is compressed, by its first bytes. */
export function isCompressed(head: Uint8Array): boolean {
  const format = sniffFormat(head.subarray(0, MAGIC_SIZE));
  return format === 'gzip' || format === 'zstd';
}

/**
 * Reads a whole file that is small.
 * @param maxSize - bytes above which it cannot be what it is taken for
 * @throws SourceError when there is none, or it is too large or cut short; errors of the file system
 */
export async function readSmallFile(
  files: ImageFiles,
  path: string,
  { maxSize, signal }: { readonly maxSize: number; readonly signal: AbortSignal },
): Promise<Buffer> {
  const file = await files.find(path);
  if (file === undefined) throw new SourceError(`${path} is missing`);
  if (file.damage !== undefined) throw new SourceError(`${path}: ${file.damage}`);
  if (file.size > maxSize) {
    throw new SourceError(`${path} has ${file.size} bytes; more than ${maxSize} are not read`);
  }
  return await readHead(file, file.size, signal);
}

/**
 * Reads all of a layer.
 * @param size - bytes that it should have; undefined when that is not known
 * @throws SourceError, errors of the file system, the signal's reason
 */
export async function* readLayer(
  files: ImageFiles,
  path: string,
  { size, signal }: { readonly size: number | undefined; readonly signal: AbortSignal },
): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
  const file = await files.find(path);
  if (file === undefined) throw new SourceError(`${files.place} has no file ${path}`);
  if (file.damage !== undefined) throw new SourceError(`${path}: ${file.damage}`);
  if (size !== undefined && file.size !== size) {
    throw new SourceError(`${path} has ${file.size} bytes instead of ${size}`);
  }
  yield* file.read({ start: 0, end: file.size }, signal);
}
