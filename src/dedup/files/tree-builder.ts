/** Makes the tree of a layer while it is taken apart. */
import { createHash, type Hash, hash } from 'node:crypto';
import type { TarEntry } from '../../codec/tar/entry.ts';
import type { PackOptions } from '../../codec/tokens/group.ts';
import { PART_SIZE } from '../../codec/tokens/part.ts';
import { type FileContent, SUM_SIZE, type TreeEntry, type TreePiece } from './model.ts';
import { cleanPath, comparePaths, joinPath, MAX_PATH, nameOf, parentOf } from './paths.ts';
import { MAX_ENTRIES, MAX_FILE_PARTS, MAX_WEIGHT, packPiece, weightOf } from './piece-format.ts';
import { keysOf } from './search-key.ts';

/** Entries, and characters of paths and links, that are sorted at once: about 40 MB. */
const RUN_ENTRIES = 100_000;
const RUN_TEXT = 16 * 1024 * 1024;

const WHITEOUT = '.wh.';
const NO_SUMS = new Uint8Array(0);
/** SHA-256 of nothing. */
const EMPTY_DIGEST = hash('sha256', '', 'base64url');

/** Where a part was found. */
export interface FoundPart {
  /** SHA-256 of its bytes, base64url. */
  readonly hash: string;
  /** Position of its first byte in the plain content of the layer. */
  readonly start: number;
  readonly section: number;
  /** Number of the part in the section. */
  readonly part: number;
  /** Its bytes; only asked for when the file has further parts. */
  readonly bytes: () => Uint8Array;
}

/** A file of which not all parts have come. */
interface OpenFile {
  readonly entry: TreeEntry;
  left: number;
  first: FoundPart | undefined;
  readonly whole: Hash | undefined;
  readonly sums: Uint8Array[];
}

/** Whether the bytes of an entry can be had later. */
function isReadable({ type, size, bodySize, sparse }: TarEntry): boolean {
  if (type !== 'file' || sparse !== undefined || size !== bodySize) return false;
  return Math.ceil(size / PART_SIZE) <= MAX_FILE_PARTS;
}

/** What a tree says of an entry of the archive; undefined when it has no place in one. */
function toTreeEntry(entry: TarEntry): TreeEntry | undefined {
  // Engines unpack the first archive of a layer only.
  if (entry.archive > 0 || entry.whiteout === 'metadata') return undefined;
  let path = cleanPath(entry.path);
  if (path === undefined) return undefined;
  let type: TreeEntry['type'] = entry.type;
  let link = '';
  if (entry.whiteout === 'opaque') {
    type = 'opaque';
    path = parentOf(path);
  } else if (entry.whiteout === 'file') {
    type = 'whiteout';
    path = joinPath(parentOf(path), nameOf(path).slice(WHITEOUT.length));
    if (nameOf(path) === '' || nameOf(path) === '.' || nameOf(path) === '..') return undefined;
  } else if (entry.type === 'hardlink') {
    const target = cleanPath(entry.link);
    if (target === undefined) return undefined;
    link = target;
  } else if (entry.type === 'symlink') {
    link = entry.link;
    if (link.length > MAX_PATH || link.includes('\0')) return undefined;
  }
  const { mode, uid, gid, mtime, deviceMajor, deviceMinor } = entry;
  const size = type === 'file' || type === 'other' ? entry.size : 0;
  // What no file system keeps is no number of a tree either.
  const numbers = [mode, uid, gid, size, deviceMajor, deviceMinor];
  if (!numbers.every((n) => Number.isSafeInteger(n) && n >= 0)) return undefined;
  const seconds = Number.isSafeInteger(2 * mtime.seconds) ? mtime.seconds : 0;
  return { path, type, mode, uid, gid, size, mtime: seconds, link, deviceMajor, deviceMinor };
}

/** Where an entry stands among those of its path; a later one of the same place replaces it. */
function slotOf({ type }: TreeEntry): number {
  if (type === 'opaque') return 0;
  return type === 'whiteout' ? 1 : 2;
}

/** Sorts entries and leaves out those that later ones replace. */
function inOrder(entries: TreeEntry[]): TreeEntry[] {
  // Stable: of one path and place the last one is the last that came.
  entries.sort((a, b) => comparePaths(a.path, b.path) || slotOf(a) - slotOf(b));
  return entries.filter((entry, i) => {
    const next = entries[i + 1];
    return next === undefined || next.path !== entry.path || slotOf(next) !== slotOf(entry);
  });
}

/**
 * The builder. What it hears of the archive runs ahead of what it hears of parts. Memory: the entries of
 * one run, and the files whose parts have not come.
 */
export class TreeBuilder {
  readonly #options: PackOptions | undefined;
  /** By the number of the entry in the archive. */
  readonly #open = new Map<number, OpenFile>();
  #number = 0;
  #run = 0;
  #entries: TreeEntry[] = [];
  #text = 0;

  constructor(options?: PackOptions) {
    this.#options = options;
  }

  /** Takes the next entry of the archive. */
  entry(entry: TarEntry): void {
    const number = this.#number++;
    const own = toTreeEntry(entry);
    if (own === undefined) return;
    if (own.type !== 'file' || !isReadable(entry)) {
      this.#add(own);
      return;
    }
    if (own.size === 0) {
      const { bodyStart: start } = entry;
      const content = { digest: EMPTY_DIGEST, start, section: 0, part: 0, sums: NO_SUMS };
      this.#add({ ...own, content });
      return;
    }
    const whole = own.size > PART_SIZE ? createHash('sha256') : undefined;
    this.#open.set(number, { entry: own, left: own.size, first: undefined, whole, sums: [] });
  }

  /**
   * Takes the next part of a body.
   * @param number - of the entry in the archive, from 0
   * @param size - bytes of the part
   */
  part(number: number, size: number, part: FoundPart): void {
    const open = this.#open.get(number);
    if (open === undefined) return;
    open.first ??= part;
    open.left -= size;
    if (open.whole !== undefined) {
      open.whole.update(part.bytes());
      open.sums.push(Buffer.from(part.hash, 'base64url').subarray(0, SUM_SIZE));
    }
    if (open.left > 0) return;
    this.#open.delete(number);
    const { start, section, part: index } = open.first;
    const digest = open.whole?.digest('base64url') ?? part.hash;
    const sums = open.whole === undefined ? NO_SUMS : Buffer.concat(open.sums);
    const content: FileContent = { digest, start, section, part: index, sums };
    this.#add({ ...open.entry, content });
  }

  /** The pieces of a run that has enough entries; nothing before. */
  *full(): Generator<TreePiece, void> {
    if (this.#entries.length >= RUN_ENTRIES || this.#text >= RUN_TEXT) yield* this.#endRun();
  }

  /** The last pieces. Files whose parts have not all come have no content. */
  *finish(): Generator<TreePiece, void> {
    for (const { entry } of this.#open.values()) this.#add(entry);
    this.#open.clear();
    if (this.#entries.length > 0) yield* this.#endRun();
  }

  #add(entry: TreeEntry): void {
    this.#entries.push(entry);
    this.#text += entry.path.length + entry.link.length + (entry.content?.sums.length ?? 0);
  }

  *#endRun(): Generator<TreePiece, void> {
    const entries = inOrder(this.#entries);
    this.#entries = [];
    this.#text = 0;
    let first = 0;
    let weight = 0;
    for (const [i, entry] of entries.entries()) {
      const own = weightOf(entry);
      if (i - first === MAX_ENTRIES || (i > first && weight + own > MAX_WEIGHT)) {
        yield this.#pack(entries.slice(first, i));
        first = i;
        weight = 0;
      }
      weight += own;
    }
    yield this.#pack(entries.slice(first));
    this.#run++;
  }

  #pack(entries: readonly TreeEntry[]): TreePiece {
    return {
      bytes: packPiece(entries, this.#options),
      entries: entries.length,
      first: entries[0]!.path,
      run: this.#run,
      keys: keysOf(entries),
    };
  }
}
