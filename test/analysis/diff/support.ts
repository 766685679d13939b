/** Entries of layers, from archives and by hand. */
import { createHash } from 'node:crypto';
import type { LayerEntries } from '../../../src/analysis/diff/image-tree.ts';
import { ENTRY_KINDS, type EntryBatch, type EntryKind } from '../../../src/analysis/scan/types.ts';
import type { TarEntry } from '../../../src/codec/tar/entry.ts';
import { TarWalker } from '../../../src/codec/tar/walker.ts';
import { cleanPath } from '../../../src/dedup/files/paths.ts';

export const { signal: GO_ON } = new AbortController();

/** An entry by hand; a file has the bytes of `content`. */
export interface Row {
  readonly path: string;
  readonly kind?: EntryKind;
  readonly content?: string;
  /** Bytes, where not those of the content count. */
  readonly size?: number;
  readonly mode?: number;
  readonly uid?: number;
  readonly mtime?: number;
  readonly link?: string;
}

const digests = new Map<string, Uint8Array>();

function digestOf(content: string): Uint8Array {
  let digest = digests.get(content);
  if (digest === undefined) {
    digest = createHash('sha256').update(content).digest();
    digests.set(content, digest);
  }
  return digest;
}

function batchOf(rows: readonly Row[], firstIndex: number): EntryBatch {
  const hashes = new Uint8Array(32 * rows.length);
  for (const [i, { kind = 'file', content = '' }] of rows.entries()) {
    if (kind === 'file') hashes.set(digestOf(content), 32 * i);
  }
  const sizes = rows.map(({ kind = 'file', content = '', size = Buffer.byteLength(content) }) =>
    kind === 'file' ? size : 0,
  );
  return {
    count: rows.length,
    firstIndex,
    paths: rows.map(({ path }) => path),
    kinds: Uint8Array.from(rows, ({ kind = 'file' }) => ENTRY_KINDS.indexOf(kind)),
    sizes: Float64Array.from(sizes),
    hashes,
    types: new Uint16Array(rows.length),
    modes: Uint16Array.from(rows, ({ mode = 0o644 }) => mode),
    uids: Float64Array.from(rows, ({ uid = 0 }) => uid),
    gids: new Float64Array(rows.length),
    mtimes: Float64Array.from(rows, ({ mtime = 0 }) => mtime),
    links: rows.map(({ link }) => link),
    packedSizes: Float64Array.from(sizes),
  };
}

/** A layer of rows, in batches of two; many rows in larger ones. */
export function layerOf(id: string, rows: readonly Row[]): LayerEntries {
  const batches: EntryBatch[] = [];
  const size = rows.length < 1000 ? 2 : 1000;
  for (let at = 0; at < rows.length; at += size)
    batches.push(batchOf(rows.slice(at, at + size), at));
  return { id, batches };
}

/** Layers of rows, named by their numbers. */
export function layersOf(...layers: readonly (readonly Row[])[]): LayerEntries[] {
  return layers.map((rows, i) => layerOf(String(i), rows));
}

/** The entries of an archive. */
export function rowsOf(tar: Uint8Array): Row[] {
  const rows: Row[] = [];
  let body: Uint8Array[] = [];
  const kindOf = ({ type, whiteout }: TarEntry): EntryKind =>
    whiteout === 'file' ? 'whiteout' : whiteout === 'opaque' ? 'opaque-whiteout' : type;
  const walker = new TarWalker({
    entry: () => {
      body = [];
    },
    bytes: (region, bytes) => {
      if (region === 'body') body.push(bytes.slice());
    },
    end: (entry) => {
      const kind = kindOf(entry);
      const link = kind === 'hardlink' ? cleanPath(entry.link)! : entry.link;
      rows.push({
        path: cleanPath(entry.path)!,
        kind,
        content: Buffer.concat(body).toString('latin1'),
        size: entry.size,
        mode: entry.mode,
        uid: entry.uid,
        mtime: entry.mtime.seconds,
        link,
      });
    },
  });
  walker.push(tar);
  walker.end();
  return rows;
}
