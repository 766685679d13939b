/**
 * The streams of a patch. Numbers of one kind lie together, which is what a general compressor
 * needs to find what is common to them. docs/formats.md, "Token groups and patches".
 */
import { ByteReader, ByteWriter } from './bytes.ts';

/** Names of the streams, in the order in which they are stored. */
const NAMES = [
  'edits',
  'runs',
  'kinds',
  'literals',
  'lengths',
  'nearLow',
  'nearHigh',
  'foreignLow',
  'foreignHigh',
] as const;

/** How many streams there are. */
export const PATCH_STREAM_COUNT = NAMES.length;

type Streams<T> = Readonly<Record<(typeof NAMES)[number], T>>;

/** Streams that edits are written to. */
export type PatchWriters = Streams<ByteWriter>;

/** Streams that edits are read from. */
export type PatchReaders = Streams<ByteReader>;

function mapStreams<T>(make: (index: number) => T): Streams<T> {
  return Object.fromEntries(NAMES.map((name, index) => [name, make(index)])) as Streams<T>;
}

/** Empty streams. */
export function createPatchWriters(): PatchWriters {
  return mapStreams(() => new ByteWriter());
}

/** The bytes of all streams in stored order. */
export function patchBytes(writers: PatchWriters): Uint8Array[] {
  return NAMES.map((name) => writers[name].bytes);
}

/** Bytes of all streams. */
export function sizeOfPatches(writers: PatchWriters): number {
  let size = 0;
  for (const name of NAMES) size += writers[name].length;
  return size;
}

/** Readers of streams in stored order. */
export function createPatchReaders(streams: readonly Uint8Array[]): PatchReaders {
  return mapStreams((index) => new ByteReader(streams[index]!));
}

/** @throws TokenError `trailing` when a stream has not been read to its end */
export function endPatchReaders(readers: PatchReaders): void {
  for (const name of NAMES) readers[name].end();
}
