/** Where the files of an image archive lie in its tar. */
import type { TarEntry } from '../../../codec/tar/entry.ts';
import { TarWalker } from '../../../codec/tar/walker.ts';
import { cleanPath, nameOf, parentOf } from '../../../dedup/files/paths.ts';
import { SourceError } from '../errors.ts';

/** Files that an image archive may have: an image has at most some hundred layers. */
const MAX_FILES = 100_000;
/** Links that are followed for one path. */
const MAX_LINKS = 40;

/** A file in the tar. */
export interface IndexedFile {
  /** Position of its first byte in the tar. */
  readonly start: number;
  /** Bytes. */
  readonly size: number;
  readonly damage: string | undefined;
}

type Indexed = IndexedFile | { readonly link: string };

/** Files beside the layer in the folders of `docker save` up to version 24. */
const LEGACY_NAMES: ReadonlySet<string> = new Set(['layer.tar', 'json', 'VERSION']);

/**
 * Whether a path may occur in an archive of images: blobs of an OCI layout, what `docker save` puts
 * into one folder for each layer, and files and folders at the top, of which each program has its own.
 */
function mayBeOfImages(path: string, { type }: TarEntry): boolean {
  const parent = parentOf(path);
  if (parent === '') return true;
  if (path.startsWith('blobs/')) return true;
  return !parent.includes('/') && type !== 'directory' && LEGACY_NAMES.has(nameOf(path));
}

/** What a hard or symbolic link stands for; undefined when it leads out of the archive. */
function targetOf(path: string, { type, link }: TarEntry): string | undefined {
  if (type === 'hardlink') return cleanPath(link);
  return link.startsWith('/') ? undefined : cleanPath(`${parentOf(path)}/${link}`);
}

/** Builds the index from the bytes of the tar. */
export class TarIndex {
  readonly #files = new Map<string, Indexed>();
  readonly #walker: TarWalker;
  /** Where the body ends in which the walker is, or was last. */
  #bodyEnd = 0;
  #position = 0;
  #isForeign = false;

  constructor() {
    this.#walker = new TarWalker({
      entry: (entry) => this.#enter(entry),
      // What begins with something else is no tar at all.
      bytes: (region) => {
        if (region === 'opaque' && this.#files.size === 0) this.#isForeign = true;
      },
      end: (entry, isComplete) => {
        if (!isComplete) this.#cut(entry);
      },
    });
  }

  /** There was something that no archive of images has: it is a layer. Nothing need be read any more. */
  get isForeign(): boolean {
    return this.#isForeign;
  }

  /** Bytes of the current body that have not come; their values do not matter. */
  get bodyLeft(): number {
    return Math.max(0, this.#bodyEnd - this.#position);
  }

  /**
   * Takes the next bytes of the tar.
   * @throws SourceError when there are too many files
   */
  push(bytes: Uint8Array): void {
    this.#walker.push(bytes);
    this.#position += bytes.length;
  }

  /** The tar is over. */
  end(): void {
    this.#walker.end();
  }

  /** Finds a file; undefined when there is none, or links lead in a circle. */
  find(path: string): IndexedFile | undefined {
    let at = path;
    for (let links = 0; links <= MAX_LINKS; links++) {
      const found = this.#files.get(at);
      if (found === undefined || !('link' in found)) return found;
      at = found.link;
    }
    return undefined;
  }

  #enter(entry: TarEntry): void {
    this.#bodyEnd = entry.bodyStart + entry.bodySize;
    if (this.#isForeign || entry.archive > 0) return;
    const path = cleanPath(entry.path);
    if (path === undefined || path === '') return;
    if (!mayBeOfImages(path, entry)) {
      this.#isForeign = true;
      return;
    }
    const { type, bodyStart: start, bodySize: size } = entry;
    if (type === 'file') {
      const damage = entry.sparse === undefined ? undefined : 'it is stored as a sparse file';
      this.#set(path, { start, size, damage });
    } else if (type === 'symlink' || type === 'hardlink') {
      const link = targetOf(path, entry);
      if (link !== undefined && link !== path) this.#set(path, { link });
    }
  }

  #set(path: string, file: Indexed): void {
    this.#files.set(path, file);
    if (this.#files.size > MAX_FILES) {
      throw new SourceError(
        `there are more than ${MAX_FILES} files in the archive: it holds no images`,
      );
    }
  }

  #cut(entry: TarEntry): void {
    const path = cleanPath(entry.path) ?? '';
    const file = this.#files.get(path);
    if (file === undefined || 'link' in file) return;
    this.#files.set(path, { ...file, damage: 'the archive ends in the middle of it' });
  }
}
