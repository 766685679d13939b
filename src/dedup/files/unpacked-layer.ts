/**
 * The files of a layer that has no tree: small ones that stay as they were pushed, those that wait for
 * their ingest, zstd. The layer is unpacked to see what is in it, within limits; the tree
 * is remembered. Its files are read by unpacking it again.
 */
import { hash } from 'node:crypto';
import { Readable } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { LRUCache } from 'lru-cache';
import { SNIFF_SIZE, sniffFormat } from '../../codec/sniff.ts';
import type { TarEntry } from '../../codec/tar/entry.ts';
import { TarWalker } from '../../codec/tar/walker.ts';
import { PART_SIZE } from '../../codec/tokens/part.ts';
import { createSlots } from '../../lib/slots.ts';
import type { Digest } from '../../oci/digest.ts';
import { FilesError, type LayerFiles } from './layer-files.ts';
import type { FileContent, TreePiece } from './model.ts';
import { readPiece } from './piece-format.ts';
import { Tree } from './tree.ts';
import { TreeBuilder } from './tree-builder.ts';

/** How much is unpacked for a request. */
export interface UnpackLimits {
  /** Bytes of a layer, and of its plain content. */
  readonly size: number;
  readonly plainSize: number;
  /** Milliseconds for making a tree. */
  readonly time: number;
}

/** The limits, unless a test sets others. */
const UNPACK_LIMITS: UnpackLimits = {
  size: 256 * 1024 * 1024,
  plainSize: 1024 * 1024 * 1024,
  time: 60_000,
};

/** Layers that are unpacked at once, for their tree or for one of their files. */
const AT_ONCE = 4;
/** Bytes of trees that are kept in memory. */
const CACHE_SIZE = 32 * 1024 * 1024;

/** The bytes of a layer, wherever they lie now. */
export interface LayerBytes {
  readonly size: number;
  read(signal: AbortSignal): AsyncIterable<Uint8Array>;
}

/** Files of layers that have no tree. */
export interface UnpackedFiles {
  /**
   * The files of a layer.
   * @throws FilesError, what reading the layer throws, the signal's reason
   */
  open(digest: Digest, bytes: LayerBytes, signal: AbortSignal): Promise<LayerFiles>;
}

/** Hears of the plain content of a layer, and makes its tree. */
class PlainTree {
  readonly builder = new TreeBuilder();
  #number = -1;
  #opaque = 0;
  #size = 0;
  #left = 0;
  #part = Buffer.alloc(0);
  #filled = 0;
  readonly #walker = new TarWalker({
    entry: (entry) => this.#begin(entry),
    bytes: (region, bytes, position) => {
      this.#size += bytes.length;
      if (region === 'opaque') this.#opaque += bytes.length;
      if (region === 'body') this.#take(bytes, position);
    },
    end: () => undefined,
  });

  get size(): number {
    return this.#size;
  }

  /** Whether nothing of it was a tar. */
  get isOpaque(): boolean {
    return this.#size > 0 && this.#opaque === this.#size;
  }

  push(chunk: Uint8Array): void {
    this.#walker.push(chunk);
  }

  end(): void {
    this.#walker.end();
  }

  #begin(entry: TarEntry): void {
    this.#number++;
    this.builder.entry(entry);
    this.#left = entry.bodySize;
    this.#filled = 0;
    this.#part = Buffer.allocUnsafe(Math.min(PART_SIZE, this.#left));
  }

  #take(chunk: Uint8Array, position: number): void {
    for (let at = 0; at < chunk.length; ) {
      const piece = chunk.subarray(at, at + this.#part.length - this.#filled);
      this.#part.set(piece, this.#filled);
      this.#filled += piece.length;
      at += piece.length;
      if (this.#filled === this.#part.length) this.#endPart(position + at);
    }
  }

  #endPart(end: number): void {
    const bytes = this.#part;
    this.builder.part(this.#number, bytes.length, {
      hash: hash('sha256', bytes, 'base64url'),
      start: end - bytes.length,
      section: 0,
      part: 0,
      bytes: () => bytes,
    });
    this.#left -= bytes.length;
    this.#filled = 0;
    if (this.#left < bytes.length) this.#part = Buffer.allocUnsafe(this.#left);
  }
}

/** All chunks, after the first ones that were looked at. */
async function* rejoin(head: Uint8Array, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Buffer> {
  try {
    yield Buffer.from(head);
    for (let next = await rest.next(); !next.done; next = await rest.next()) {
      // Chunks hold until the next one is asked for, which whoever unpacks does ahead.
      yield Buffer.from(next.value);
    }
  } finally {
    await rest.return?.();
  }
}

/** The first bytes, as many as tell what a layer is. */
async function headOf(chunks: AsyncIterator<Uint8Array>): Promise<Buffer> {
  let head = Buffer.alloc(0);
  while (head.length < SNIFF_SIZE) {
    const { value, done } = await chunks.next();
    if (done) break;
    head = Buffer.concat([head, value]);
  }
  return head;
}

/** Whether an error says that the bytes cannot be unpacked. */
function isBroken(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return typeof code === 'string' && /^(Z_|ZSTD_)/.test(code);
}

/** The plain content of a layer. @throws FilesError 'format', 'broken' */
async function* unpack(
  digest: Digest,
  { read }: LayerBytes,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void> {
  const chunks = read(signal)[Symbol.asyncIterator]();
  const head = await headOf(chunks);
  const format = sniffFormat(head);
  if (format === 'unknown') {
    await chunks.return?.();
    if (head.length === 0) return;
    throw new FilesError('format', digest);
  }
  const bytes = rejoin(head, chunks);
  if (format === 'tar') {
    yield* bytes;
    return;
  }
  const source = Readable.from(bytes, { objectMode: false });
  const unpacker = format === 'gzip' ? createGunzip() : createZstdDecompress();
  source.once('error', (error) => unpacker.destroy(error));
  try {
    for await (const plain of source.pipe(unpacker)) yield plain as Buffer;
  } catch (error) {
    if (isBroken(error)) throw new FilesError('broken', digest, { cause: error });
    throw error;
  } finally {
    source.destroy();
    unpacker.destroy();
  }
}

/** Reads the files of layers that have no tree. */
export function createUnpackedFiles(limits: UnpackLimits = UNPACK_LIMITS): UnpackedFiles {
  const slots = createSlots(AT_ONCE);
  const trees = new LRUCache<Digest, readonly TreePiece[]>({
    maxSize: CACHE_SIZE,
    sizeCalculation: (pieces) =>
      pieces.reduce((sum, { bytes, first }) => sum + bytes.length + 2 * first.length + 128, 128),
  });
  const underWay = new Map<Digest, Promise<readonly TreePiece[]>>();

  async function makeTree(digest: Digest, bytes: LayerBytes): Promise<readonly TreePiece[]> {
    const late = AbortSignal.timeout(limits.time);
    const plain = new PlainTree();
    const pieces: TreePiece[] = [];
    const keep = (piece: TreePiece): void => void pieces.push({ ...piece, keys: [] });
    const release = await slots.take(late);
    try {
      for await (const chunk of unpack(digest, bytes, late)) {
        plain.push(chunk);
        if (plain.size > limits.plainSize) throw new FilesError('too-large', digest);
        for (const piece of plain.builder.full()) keep(piece);
        late.throwIfAborted();
      }
    } catch (error) {
      if (late.aborted) throw new FilesError('time', digest, { cause: error });
      throw error;
    } finally {
      release();
    }
    plain.end();
    if (plain.isOpaque) throw new FilesError('format', digest);
    for (const piece of plain.builder.finish()) keep(piece);
    trees.set(digest, pieces);
    return pieces;
  }

  /** One for all who ask for it; nobody who leaves ends it for the others. */
  function treeOf(digest: Digest, bytes: LayerBytes): Promise<readonly TreePiece[]> {
    const making =
      underWay.get(digest) ?? makeTree(digest, bytes).finally(() => underWay.delete(digest));
    underWay.set(digest, making);
    return making;
  }

  async function* read(
    digest: Digest,
    bytes: LayerBytes,
    content: FileContent,
    { size, parts, signal }: Parameters<LayerFiles['parts']>[1],
  ): AsyncGenerator<Uint8Array, void> {
    const release = await slots.take(signal);
    try {
      const from = content.start + parts.first * PART_SIZE;
      const end = content.start + Math.min(size, parts.end * PART_SIZE);
      let part = Buffer.allocUnsafe(Math.min(PART_SIZE, end - from));
      let filled = 0;
      let position = 0;
      for await (const chunk of unpack(digest, bytes, signal)) {
        let own = chunk.subarray(Math.max(0, from - position), Math.max(0, end - position));
        position += chunk.length;
        while (own.length > 0) {
          const piece = own.subarray(0, part.length - filled);
          part.set(piece, filled);
          filled += piece.length;
          own = own.subarray(piece.length);
          if (filled < part.length) continue;
          yield part;
          const left = end - (position - own.length);
          part = Buffer.allocUnsafe(Math.min(PART_SIZE, left));
          filled = 0;
        }
        if (position >= end) return;
      }
    } finally {
      release();
    }
  }

  return {
    async open(digest, bytes, signal) {
      if (bytes.size > limits.size) throw new FilesError('too-large', digest);
      const pieces = trees.get(digest) ?? (await treeOf(digest, bytes));
      signal.throwIfAborted();
      return {
        digest,
        tree: new Tree(pieces, async (number) => readPiece(pieces[number]!.bytes)),
        parts: (content, options) => read(digest, bytes, content, options),
        release: () => undefined,
      };
    },
  };
}
