/** Whole gzip files as streams, in both directions. */
import type { ReaderKernel, WriterKernel } from '../kernels/types.ts';
import type { GzipPart, GzipSource } from './parts.ts';
import { GzipReader } from './reader.ts';
import { GzipWriter } from './writer.ts';

/** What both directions may be told. */
interface StreamOptions<Kernel> {
  /** To be used by this stream alone; default a new one. */
  readonly kernel?: Kernel;
  /** Ends the stream with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** Something to go over, piece by piece. */
type Source<Piece> = AsyncIterable<Piece> | Iterable<Piece>;

/**
 * Reads a gzip file in parts. Data are views that hold until the next part is asked for.
 * @throws GzipError, DeflateError for what is no gzip file; the signal's reason
 */
export async function* parseGzip(
  file: Source<Uint8Array>,
  { kernel, signal }: StreamOptions<ReaderKernel> = {},
): AsyncGenerator<GzipPart, void> {
  const reader = new GzipReader(kernel);
  for await (const chunk of file) {
    for (const part of reader.push(chunk)) {
      signal?.throwIfAborted();
      yield part;
    }
  }
  yield* reader.finish();
}

/**
 * Writes a gzip file from its parts. The bytes are views that hold until the next ones are asked
 * for.
 * @throws GzipError, DeflateError for parts that make no file; the signal's reason
 */
export async function* rebuildGzip(
  parts: Source<GzipSource>,
  { kernel, signal }: StreamOptions<WriterKernel> = {},
): AsyncGenerator<Uint8Array, void> {
  const writer = new GzipWriter(kernel);
  for await (const part of parts) {
    for (const bytes of writer.push(part)) {
      signal?.throwIfAborted();
      yield bytes;
    }
  }
  writer.finish();
}
