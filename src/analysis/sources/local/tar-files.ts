/**
 * Files of an image archive in one tar file. A plain tar is indexed once, bodies passed over, and then
 * read by position. A compressed one cannot be read by position, and reading it anew for each layer
 * would take the square of its size, so it is unpacked once into a temporary file, which needs as much
 * room as the plain tar has bytes.
 */
import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open, statfs, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { SNIFF_SIZE, sniffFormat } from '../../../codec/sniff.ts';
import { SourceError } from '../errors.ts';
import { type ImageFiles, readStretch, stampOf } from './image-files.ts';
import { TarIndex } from './tar-index.ts';

const CHUNK = 1024 * 1024;
const HEADERS = 64 * 1024;
const ZEROS = new Uint8Array(CHUNK);
/** Bytes that are unpacked between two looks at the room that is left. */
const LOOK_EVERY = 64 * CHUNK;
/** Room that is left to others: the smaller of this and a twentieth of the file system. */
const RESERVE = 1024 * CHUNK;

/** How an archive is opened. */
export interface TarFilesOptions {
  /** Folder for what has to be unpacked. Default: that of the system (TMPDIR). */
  readonly temporary?: string | undefined;
  readonly signal: AbortSignal;
}

/** Indexes a plain tar, of whose bodies only those are read that are small. */
async function indexPlain(file: FileHandle, size: number, signal: AbortSignal): Promise<TarIndex> {
  const index = new TarIndex();
  const buffer = new Uint8Array(HEADERS);
  for (let position = 0; position < size && !index.isForeign; ) {
    signal.throwIfAborted();
    const skipped = Math.min(index.bodyLeft, size - position);
    if (skipped >= HEADERS) {
      const zeros = ZEROS.subarray(0, skipped);
      index.push(zeros);
      position += zeros.length;
      continue;
    }
    const { bytesRead } = await file.read(buffer, 0, buffer.length, position);
    if (bytesRead === 0) break;
    index.push(buffer.subarray(0, bytesRead));
    position += bytesRead;
  }
  index.end();
  return index;
}

/** A file that is gone however the process ends: it has no name any more. */
async function createTemporary(folder: string): Promise<FileHandle> {
  const path = join(folder, `stowage-analyze-${randomUUID()}`);
  const file = await open(path, 'wx+', 0o600);
  await unlink(path);
  return file;
}

async function requireRoom(folder: string): Promise<void> {
  const { bavail, blocks, bsize } = await statfs(folder);
  if (bavail * bsize < Math.min(RESERVE, (blocks * bsize) / 20)) throw noRoom(folder);
}

function noRoom(folder: string): SourceError {
  return new SourceError(
    `there is no room in ${folder} to unpack the archive: set TMPDIR to a folder with more, or ` +
      'decompress it yourself',
  );
}

async function* decompressed(
  path: string,
  format: 'gzip' | 'zstd',
): AsyncGenerator<Uint8Array, void> {
  const source = createReadStream(path, { highWaterMark: CHUNK / 4 });
  const decoder = (format === 'gzip' ? createGunzip : createZstdDecompress)({
    chunkSize: CHUNK / 4,
  });
  source.on('error', (error) => decoder.destroy(error));
  source.pipe(decoder);
  try {
    yield* decoder as AsyncIterable<Uint8Array>;
  } finally {
    source.destroy();
    decoder.destroy();
  }
}

/** Writes all of a chunk; `write` may take less. */
async function writeAll(file: FileHandle, chunk: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < chunk.length; ) {
    const left = chunk.length - done;
    done += (await file.write(chunk, done, left, position + done)).bytesWritten;
  }
}

/** Unpacks a tar into a file and indexes it on the way; ends early when it is a layer. */
async function unpackInto(
  file: FileHandle,
  path: string,
  { format, folder, signal }: { format: 'gzip' | 'zstd'; folder: string; signal: AbortSignal },
): Promise<{ readonly index: TarIndex; readonly damage: string | undefined }> {
  const index = new TarIndex();
  const chunks = decompressed(path, format);
  let damage: string | undefined;
  let size = 0;
  let looked = Number.NEGATIVE_INFINITY;
  try {
    while (!index.isForeign) {
      signal.throwIfAborted();
      const next = await chunks.next().catch((error: Error) => {
        damage = `it could be unpacked up to byte ${size} only: ${error.message}`;
        return { done: true, value: undefined } as const;
      });
      if (next.done === true) break;
      if (size - looked >= LOOK_EVERY) {
        await requireRoom(folder);
        looked = size;
      }
      index.push(next.value);
      await writeAll(file, next.value, size);
      size += next.value.length;
    }
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === 'ENOSPC' ? noRoom(folder) : error;
  } finally {
    await chunks.return();
  }
  index.end();
  return { index, damage };
}

/**
 * Opens a tar of images.
 * @returns undefined when it is a layer: it has something that no archive of images has
 * @throws SourceError when it is no tar, or cannot be unpacked; errors of the file system, the signal's
 *   reason
 */
export async function openTarFiles(
  path: string,
  { temporary = tmpdir(), signal }: TarFilesOptions,
): Promise<ImageFiles | undefined> {
  let file = await open(path, 'r');
  try {
    const stamp = stampOf(await file.stat({ bigint: true }));
    const head = new Uint8Array(SNIFF_SIZE);
    const { bytesRead } = await file.read(head, 0, head.length, 0);
    const format = sniffFormat(head.subarray(0, bytesRead));
    if (format === 'unknown') {
      throw new SourceError(
        `${path} is no tar, nor one in gzip or zstd: give an archive of images, or a layer`,
      );
    }
    let damage: string | undefined;
    let index: TarIndex;
    if (format === 'tar') {
      index = await indexPlain(file, (await file.stat()).size, signal);
    } else {
      await file.close();
      file = await createTemporary(temporary);
      ({ index, damage } = await unpackInto(file, path, { format, folder: temporary, signal }));
    }
    if (index.isForeign) {
      await file.close();
      return undefined;
    }
    return filesOf(path, file, { index, damage, stamp });
  } catch (error) {
    // A handle that was closed already does nothing.
    await file.close();
    throw error;
  }
}

function filesOf(
  place: string,
  file: FileHandle,
  {
    index,
    damage,
    stamp,
  }: {
    readonly index: TarIndex;
    readonly damage: string | undefined;
    readonly stamp: string;
  },
): ImageFiles {
  return {
    place,
    damage,
    async find(path) {
      const found = index.find(path);
      return (
        found && {
          size: found.size,
          damage: found.damage,
          stamp,
          read: ({ start, end }, signal) =>
            readStretch(file, { start: found.start + start, end: found.start + end }, signal),
        }
      );
    },
    close: () => file.close(),
  };
}
