/** Takes the bytes of a layer as they are stored, and gives them as they were before compression. */
import { createZstdDecompress } from 'node:zlib';
import { DeflateError } from '../../codec/deflate/errors.ts';
import { GzipError } from '../../codec/gzip/errors.ts';
import { GzipReader } from '../../codec/gzip/reader.ts';
import { createReaderKernel } from '../../codec/kernels/instances.ts';
import type { ReaderKernel } from '../../codec/kernels/types.ts';
import type { Remarks } from './remarks.ts';

/** Hears the plain bytes. */
export interface PlainSink {
  /**
   * Takes the next of them; they may be overwritten after the call.
   * @param packed - stored bytes that they were made of
   * @returns a promise when the next ones have to wait for it
   */
  take(plain: Uint8Array, packed: number): Promise<void> | undefined;
}

/** Bytes that the zstd reader of node:zlib gives at once. */
const ZSTD_CHUNK = 256 * 1024;

/** One for each thread: layers are read one at a time. */
let kernel: ReaderKernel | undefined;

/** Plain bytes are what is stored. */
export async function passOn(chunks: AsyncIterable<Uint8Array>, sink: PlainSink): Promise<void> {
  for await (const chunk of chunks) {
    const wait = sink.take(chunk, chunk.length);
    if (wait !== undefined) await wait;
  }
}

/**
 * Reads gzip, by the project's own reader: measured on layers of the corpus, it makes 489 plain MB in
 * a second of CPU time where node:zlib makes 355 to 418, it hands out its own memory without a copy
 * or another thread, and it knows where it stands in the file. The checksums of members are not
 * compared, which would take a quarter more: the digests of layer and tar say the same, and more
 * surely. What was read before an error counts.
 */
export async function gunzip(
  chunks: AsyncIterable<Uint8Array>,
  sink: PlainSink,
  remarks: Remarks,
): Promise<void> {
  kernel ??= createReaderKernel({ keepsTokens: false });
  const reader = new GzipReader(kernel, { isChecked: false });
  let position = 0;
  let isBroken = false;

  async function read(chunk: Uint8Array): Promise<void> {
    for (const part of reader.push(chunk)) {
      if (part.kind === 'data' && part.plain.length > 0) {
        const now = reader.position;
        const wait = sink.take(part.plain, now - position);
        position = now;
        if (wait !== undefined) await wait;
      } else if (part.kind === 'trailer') {
        if (!part.isSizeRight) remarks.add('size-wrong');
      } else if (part.kind === 'tail' && remarks.count('trailing-bytes') === 0) {
        remarks.add('trailing-bytes');
      }
    }
  }

  for await (const chunk of chunks) {
    if (isBroken) continue;
    try {
      await read(chunk);
    } catch (error) {
      if (!(error instanceof GzipError || error instanceof DeflateError)) throw error;
      remarks.add('damaged-compression', error.message);
      isBroken = true;
    }
  }
  if (isBroken) return;
  try {
    for (const part of reader.finish()) if (part.kind === 'tail') remarks.add('trailing-bytes');
  } catch (error) {
    if (!(error instanceof GzipError)) throw error;
    remarks.add('truncated', 'the compressed data');
  }
}

/** Reads zstd with node:zlib, several frames and skippable ones too. */
export async function unzstd(
  chunks: AsyncIterable<Uint8Array>,
  sink: PlainSink,
  remarks: Remarks,
): Promise<void> {
  const stream = createZstdDecompress({ chunkSize: ZSTD_CHUNK });
  const ended = Promise.withResolvers<'end' | Error>();
  let position = 0;
  let stored = 0;
  let isOver = false;
  stream.on('data', (plain: Buffer) => {
    const now = stream.bytesWritten;
    try {
      const wait = sink.take(plain, now - position);
      if (wait !== undefined) {
        stream.pause();
        wait.then(() => stream.resume(), ended.reject);
      }
    } catch (error) {
      ended.reject(error);
    }
    position = now;
  });
  stream.on('end', () => ended.resolve('end'));
  stream.on('error', (error) => ended.resolve(error));
  const over = (): void => {
    isOver = true;
  };
  ended.promise.then(over, over);

  /** Until the stream has done with a chunk, whose memory is used again then. */
  async function write(chunk: Uint8Array): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    stream.write(chunk, () => resolve());
    await Promise.race([promise, ended.promise]);
  }

  try {
    for await (const chunk of chunks) {
      stored += chunk.length;
      if (!isOver) await write(chunk);
    }
    stream.end();
    const outcome = await ended.promise;
    if (outcome !== 'end') {
      const isShort = outcome.message === 'unexpected end of file';
      if (isShort) remarks.add('truncated', 'the compressed data');
      else remarks.add('damaged-compression', outcome.message);
    } else if (stream.bytesWritten < stored) {
      remarks.add('trailing-bytes');
    }
  } finally {
    stream.destroy();
  }
}
