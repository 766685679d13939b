/** What a thread that scans layers and its owner say to each other. */
import type { ChunkMethod } from './chunks/cutter.ts';
import type { LayerHints } from './scan-layer.ts';
import type { EntryBatch, LayerScan } from './types.ts';

/** Bytes of a piece of a layer, for each of which there are two messages, and pieces under way. */
export const PIECE_SIZE = 1024 * 1024;
export const PIECES = 3;
/** Batches that may be under way. */
export const BATCHES = 2;

/** What a thread is started with. */
export interface ScanThreadData {
  /** Room for {@link PIECES} pieces, used in turn. */
  readonly pieces: SharedArrayBuffer;
  readonly methods: readonly ChunkMethod[];
}

/** What the thread hears. */
export type ScanCall =
  | { readonly kind: 'begin'; readonly hints: LayerHints }
  /** The next piece is in its place; one of no length is the end. */
  | { readonly kind: 'piece'; readonly length: number }
  /** A batch has been taken. */
  | { readonly kind: 'taken' };

/** A batch with its texts as one each, because many small ones are slow to hand over. */
export interface PackedBatch extends Omit<EntryBatch, 'paths' | 'links'> {
  /** With NUL, which no path holds, between them. */
  readonly paths: string;
  /** The same of links. */
  readonly links: string;
}

/** What the thread says. */
export type ScanAnswer =
  /** The oldest piece is not needed any more. */
  | { readonly kind: 'free' }
  | { readonly kind: 'batch'; readonly batch: PackedBatch }
  /** `heap`: bytes that its heap takes now. */
  | { readonly kind: 'done'; readonly scan: LayerScan; readonly heap: number }
  | { readonly kind: 'failed'; readonly message: string };

/** What stands for no link; no link begins like that, for NUL is escaped in them. */
const NO_LINK = '\x01';

/** For the way to another thread. */
export function packBatch(batch: EntryBatch): PackedBatch {
  const links = batch.links.map((link) => link ?? NO_LINK).join('\0');
  return { ...batch, paths: batch.paths.join('\0'), links };
}

/** The buffers of a batch, which go over without a copy. */
export function buffersOf(batch: PackedBatch): ArrayBuffer[] {
  const { kinds, sizes, hashes, types, modes, uids, gids, mtimes, packedSizes } = batch;
  const columns = [kinds, sizes, hashes, types, modes, uids, gids, mtimes, packedSizes];
  return columns.map(({ buffer }) => buffer as ArrayBuffer);
}

/** What {@link packBatch} packed. */
export function unpackBatch(batch: PackedBatch): EntryBatch {
  const links = batch.links.split('\0').map((link) => (link === NO_LINK ? undefined : link));
  return { ...batch, paths: batch.paths.split('\0'), links };
}
