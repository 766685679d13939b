/** Scans bytes in memory, without a thread, and turns batches into rows. */
import type { ChunkMethod } from '../../../../src/analysis/scan/chunks/cutter.ts';
import { type LayerHints, scanLayer } from '../../../../src/analysis/scan/scan-layer.ts';
import {
  ENTRY_KINDS,
  type EntryBatch,
  type EntryKind,
  type LayerScan,
} from '../../../../src/analysis/scan/types.ts';
import { TYPES } from '../../../../src/analysis/types/taxonomy.ts';

/** An entry as a row. */
export interface Row {
  readonly path: string;
  readonly kind: EntryKind;
  readonly size: number;
  /** In hex; '' for what is no file. */
  readonly sha256: string;
  readonly type: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: number;
  readonly link: string | undefined;
  readonly packedSize: number;
}

/** The rows of a batch. */
export function rowsOf(batch: EntryBatch): Row[] {
  return Array.from({ length: batch.count }, (_, i) => {
    const hash = Buffer.from(batch.hashes.subarray(32 * i, 32 * (i + 1)));
    return {
      path: batch.paths[i]!,
      kind: ENTRY_KINDS[batch.kinds[i]!]!,
      size: batch.sizes[i]!,
      sha256: hash.every((byte) => byte === 0) ? '' : hash.toString('hex'),
      type: TYPES[batch.types[i]!]!.type,
      mode: batch.modes[i]!,
      uid: batch.uids[i]!,
      gid: batch.gids[i]!,
      mtime: batch.mtimes[i]!,
      link: batch.links[i],
      packedSize: batch.packedSizes[i]!,
    };
  });
}

/** Bytes in pieces of one size; the first one is long enough to tell the format. */
export async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array, void> {
  const first = Math.max(size, 64 * 1024);
  if (bytes.length > 0) yield bytes.subarray(0, first);
  for (let at = first; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** What a scan gave. */
export interface Scanned {
  readonly scan: LayerScan;
  readonly rows: readonly Row[];
  /** Codes of its remarks with their counts. */
  readonly codes: Readonly<Record<string, number>>;
}

/** Scans a layer. */
export async function scanBytes(
  bytes: Uint8Array,
  options: {
    readonly pieceSize?: number;
    readonly hints?: LayerHints;
    readonly methods?: readonly ChunkMethod[];
  } = {},
): Promise<Scanned> {
  const { pieceSize = 256 * 1024, methods = [] } = options;
  const { hints = { mediaType: '', size: undefined } } = options;
  const rows: Row[] = [];
  const scan = await scanLayer({
    chunks: inPieces(bytes, pieceSize),
    hints,
    methods,
    async onEntries(batch) {
      if (batch.firstIndex !== rows.length) throw new Error('a gap between batches');
      rows.push(...rowsOf(batch));
    },
  });
  const codes = Object.fromEntries(scan.remarks.map(({ code, count }) => [code, count]));
  return { scan, rows, codes };
}
