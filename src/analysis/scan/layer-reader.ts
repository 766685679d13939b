/** Makes rows of the entries of a layer's archive as they come. */
import type { TarEntry } from '../../codec/tar/entry.ts';
import { BLOCK_SIZE } from '../../codec/tar/header.ts';
import { type TarRegion, type TarVisitor, TarWalker } from '../../codec/tar/walker.ts';
import type { Mutable } from '../../lib/mutable.ts';
import { BatchBuilder, type EntryRow, KIND_NUMBERS } from './batch-builder.ts';
import type { ChunkCutter } from './chunks/cutter.ts';
import { escapeText, MAX_PATH, readPath } from './entry-path.ts';
import { FileContent } from './file-content.ts';
import { PathSet } from './path-set.ts';
import type { Remarks } from './remarks.ts';

/** Of what tar's types are in batches, but for whiteouts. */
function kindOf({ type, whiteout }: TarEntry): number {
  if (whiteout === undefined) return KIND_NUMBERS[type];
  if (whiteout === 'metadata') return KIND_NUMBERS.other;
  return KIND_NUMBERS[whiteout === 'opaque' ? 'opaque-whiteout' : 'whiteout'];
}

/** Reads the plain bytes of one layer. */
export class LayerReader implements TarVisitor {
  readonly batches = new BatchBuilder();
  readonly #remarks: Remarks;
  readonly #content: FileContent;
  readonly #walker: TarWalker;
  readonly #paths = new PathSet();
  /** The entry whose body is being read. */
  #open: Mutable<EntryRow> | undefined;
  /** Compressed bytes for each plain byte of the piece that is read now. */
  #packedShare = 0;
  #hasEnd = false;
  #isOpaque = false;
  #opaqueBytes = 0;

  constructor(remarks: Remarks, cutters: readonly ChunkCutter[]) {
    this.#remarks = remarks;
    this.#content = new FileContent(cutters);
    this.#walker = new TarWalker(this);
  }

  /**
   * Takes the next plain bytes.
   * @param packed - compressed bytes that they were made of
   */
  push(bytes: Uint8Array, packed: number): void {
    this.#packedShare = packed / bytes.length;
    this.#walker.push(bytes);
  }

  entry(entry: TarEntry): void {
    this.#isOpaque = false;
    if (entry.archive > 0) {
      this.#remarks.add('after-end', entry.path);
      return;
    }
    const kind = kindOf(entry);
    const path = this.#pathOf(entry.pathBytes, entry.path);
    this.#open = {
      path,
      kind,
      mode: entry.mode,
      uid: entry.uid,
      gid: entry.gid,
      mtime: entry.mtime.seconds,
      link: this.#linkOf(entry, path),
      size: 0,
      type: 0,
      packedSize: 0,
    };
    if (this.#paths.isFull) this.#remarks.add('paths-not-compared', path);
    // A directory is often named before its content and after it: that says nothing new.
    if (this.#paths.add(path) && entry.type !== 'directory') {
      this.#remarks.add('duplicate-path', path);
    }
    if (entry.whiteout === 'metadata') this.#remarks.add('aufs-metadata', path);
    else if (entry.type === 'other') this.#remarks.add('unknown-entry-type', path);
    if (kind !== KIND_NUMBERS.file) return;
    const odd = this.#content.begin(path, entry.size, entry.bodySize, entry.sparse);
    if (odd !== undefined) this.#remarks.add(odd, path);
  }

  bytes(region: TarRegion, bytes: Uint8Array): void {
    if (region === 'body') {
      const row = this.#open;
      if (row?.kind !== KIND_NUMBERS.file) return;
      row.packedSize += bytes.length * this.#packedShare;
      this.#content.push(bytes);
    } else if (region === 'opaque') {
      this.#opaqueBytes += bytes.length;
      if (!this.#isOpaque) this.#remarks.add('not-tar', `after ${this.batches.total} entries`);
      this.#isOpaque = true;
    } else if (region === 'padding' && bytes.length === BLOCK_SIZE) {
      // Only the end of an archive is padded by a whole block.
      this.#hasEnd = true;
    }
  }

  end(entry: TarEntry, isComplete: boolean): void {
    const row = this.#open;
    if (row === undefined || entry.archive > 0) return;
    this.#open = undefined;
    if (!isComplete) this.#remarks.add('truncated', row.path);
    if (row.kind !== KIND_NUMBERS.file) {
      this.batches.add(row, '');
      return;
    }
    const hash = this.#content.end(isComplete);
    row.size = this.#content.length;
    row.type = this.#content.type;
    this.batches.add(row, hash);
  }

  /** No more bytes come. */
  finish(): void {
    this.#walker.end();
    if (this.batches.total === 0 && this.#opaqueBytes > 0) this.#remarks.add('not-an-archive');
    else if (!this.#hasEnd && this.batches.total > 0) this.#remarks.add('no-end');
  }

  #pathOf(bytes: Uint8Array, text: string): string {
    const { path, leadsUp, isUtf8, isCut } = readPath(bytes, text);
    if (leadsUp) this.#remarks.add('dotdot-path', text);
    if (!isUtf8) this.#remarks.add('not-utf8', path);
    if (isCut) this.#remarks.add('path-too-long', path);
    return path;
  }

  #linkOf(entry: TarEntry, path: string): string | undefined {
    if (entry.type === 'symlink') {
      const { linkBytes, link } = entry;
      if (linkBytes.length <= MAX_PATH) return escapeText(linkBytes, link);
      this.#remarks.add('path-too-long', path);
      const kept = linkBytes.subarray(0, MAX_PATH);
      return escapeText(kept, Buffer.from(kept).toString('utf8'));
    }
    if (entry.type !== 'hardlink') return undefined;
    const target = this.#pathOf(entry.linkBytes, entry.link);
    if (!this.#paths.has(target) && !this.#paths.isFull) {
      this.#remarks.add('hardlink-without-target', `${path} -> ${target}`);
    }
    return target;
  }
}
