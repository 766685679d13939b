/**
 * Walks a stream as a tar archive, in pieces of any size. Nothing is refused: each byte is told to
 * belong to a header, a body, padding, or to be opaque, which is whatever makes no sense as a tar.
 */
import { bodySizeOf, type Description, describeEntry, placeEntry } from './describe.ts';
import type { SparseExtent, TarEntry } from './entry.ts';
import { type ExtensionFlag, Extensions, extensionOf, MAX_EXTENSION } from './extensions.ts';
import { BLOCK_SIZE, isZeroBlock, paddingOf, parseHeader } from './header.ts';
import {
  MAX_EXTENTS,
  parseRealSize,
  parseSparseExtension,
  parseSparseHeader,
  type SparseBlock,
  SparseMapReader,
} from './sparse.ts';

/**
 * What a byte is. `header`: header blocks, extension headers, sparse maps. `body`: what a file
 * holds. `padding`: what fills a body up to a whole block, and blocks of zeros between and after
 * archives. `opaque`: anything else.
 */
export type TarRegion = 'header' | 'body' | 'padding' | 'opaque';

/** Hears what is found in a stream. */
export interface TarVisitor {
  /** All headers of an entry have been read; its body comes next, if it has one. */
  entry(entry: TarEntry): void;
  /**
   * Bytes of the stream: all of them, in order, each once. They may be overwritten after the call.
   * @param position - of the first of them in the stream
   */
  bytes(region: TarRegion, bytes: Uint8Array, position: number): void;
  /**
   * The body of an entry is over; called once for each, also when it has none.
   * @param isComplete - false when the stream ended before the body did
   */
  end(entry: TarEntry, isComplete: boolean): void;
}

const NO_BYTES = new Uint8Array(0);
/** Type flag of a sparse file in the old GNU format. */
const OLD_SPARSE = 0x53;

/** Bytes that all go the same way, and what comes after them. */
interface Run {
  readonly region: TarRegion;
  left: number;
  readonly then: () => void;
}

/** What a block is, and what to do when that has been told. */
type Step = readonly [region: TarRegion, then: () => void];

/**
 * The walker. Its memory is bounded: a block, one extension header of each kind (1 MiB at most,
 * longer ones are opaque and so is the entry after them), the global records (1 MiB), and one
 * sparse map.
 */
export class TarWalker {
  readonly #visitor: TarVisitor;
  readonly #extensions = new Extensions();
  readonly #block = new Uint8Array(BLOCK_SIZE);
  /** Bytes of an unfinished block. */
  #held = 0;
  #position = 0;
  #run: Run | undefined;
  #readBlock: (block: Uint8Array) => Step = this.#readHeader;
  /** The entry whose body is being read. */
  #open: TarEntry | undefined;
  /** Where one extension header after the other is gathered; as long as the longest so far. */
  #room = NO_BYTES;
  /** Body of the extension header that is being read, and how much of it is there. */
  #extension = NO_BYTES;
  #filled = 0;
  #archive = 0;
  /** Position of the first header block of the next entry. */
  #headerStart: number | undefined;
  /** Zeros or opaque bytes came before: whatever follows is another archive. */
  #isOver = false;
  /** The last block was no tar: only what calls itself ustar is believed to be one again. */
  #isLost = false;

  constructor(visitor: TarVisitor) {
    this.#visitor = visitor;
  }

  /** Takes the next bytes of the stream. */
  push(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) {
      at += this.#run === undefined ? this.#takeBlock(chunk, at) : this.#takeRun(chunk, at);
    }
  }

  /** The stream has ended. */
  end(): void {
    if (this.#held > 0) this.#tell('opaque', this.#block.subarray(0, this.#held));
    this.#held = 0;
    if (this.#open !== undefined) this.#visitor.end(this.#open, false);
    this.#open = undefined;
  }

  #tell(region: TarRegion, bytes: Uint8Array): void {
    const position = this.#position;
    this.#position += bytes.length;
    this.#visitor.bytes(region, bytes, position);
  }

  /** Takes a whole block where it lies, or what there is of it into memory. */
  #takeBlock(chunk: Uint8Array, at: number): number {
    const piece = chunk.subarray(at, at + BLOCK_SIZE - this.#held);
    if (piece.length === BLOCK_SIZE) {
      this.#finishBlock(piece);
      return BLOCK_SIZE;
    }
    this.#block.set(piece, this.#held);
    this.#held += piece.length;
    if (this.#held === BLOCK_SIZE) {
      this.#held = 0;
      this.#finishBlock(this.#block);
    }
    return piece.length;
  }

  #finishBlock(block: Uint8Array): void {
    const [region, then] = this.#readBlock(block);
    this.#tell(region, block);
    then.call(this);
  }

  #takeRun(chunk: Uint8Array, at: number): number {
    const run = this.#run!;
    const piece = chunk.subarray(at, at + run.left);
    if (this.#filled < this.#extension.length) this.#fill(piece);
    run.left -= piece.length;
    this.#tell(run.region, piece);
    if (run.left === 0) {
      this.#run = undefined;
      run.then.call(this);
    }
    return piece.length;
  }

  #startRun(region: TarRegion, length: number, then: () => void): void {
    if (length === 0) then.call(this);
    else this.#run = { region, left: length, then };
  }

  #readHeader(block: Uint8Array): Step {
    if (isZeroBlock(block)) return ['padding', this.#endArchive];
    const header = parseHeader(block);
    if (header === undefined || (this.#isLost && header.format === 'v7')) {
      return ['opaque', this.#lose];
    }
    if (this.#isOver) this.#archive++;
    this.#isOver = false;
    this.#isLost = false;
    this.#headerStart ??= this.#position;
    const flag = extensionOf(header.typeFlag);
    if (flag !== undefined) return ['header', () => this.#beginExtension(flag, header.size)];
    const description = describeEntry(header, this.#extensions);
    if (description === undefined) {
      return ['opaque', () => this.#skipBody(bodySizeOf(header))];
    }
    if (header.typeFlag === OLD_SPARSE) return this.#readSparseHeader(block, description);
    const { storedSize, sparseMap } = description;
    return sparseMap === 'before-data'
      ? ['header', () => this.#beginSparseMap(description)]
      : ['header', () => this.#beginBody(description, storedSize, sparseMap)];
  }

  #endArchive(): void {
    this.#isOver = true;
    this.#isLost = false;
    this.#forgetArchive();
  }

  #lose(): void {
    this.#isOver = true;
    this.#isLost = true;
    this.#forgetArchive();
  }

  #forgetArchive(): void {
    this.#readBlock = this.#readHeader;
    this.#headerStart = undefined;
    this.#extensions.clearAll();
  }

  #beginExtension(flag: ExtensionFlag, size: number): void {
    const padding = paddingOf(size);
    if (size > MAX_EXTENSION) {
      this.#extensions.skip(flag);
      this.#startRun('opaque', size + padding, () => undefined);
      return;
    }
    if (size > this.#room.length) this.#room = new Uint8Array(size);
    this.#extension = this.#room.subarray(0, size);
    this.#filled = 0;
    this.#startRun('header', size + padding, () => {
      this.#extensions.add(flag, this.#extension);
      this.#extension = NO_BYTES;
      this.#filled = 0;
    });
  }

  /** Keeps the bytes of an extension header, its padding left out. */
  #fill(piece: Uint8Array): void {
    const wanted = piece.subarray(0, this.#extension.length - this.#filled);
    this.#extension.set(wanted, this.#filled);
    this.#filled += wanted.length;
  }

  #beginBody(
    description: Description,
    bodySize: number,
    sparse: readonly SparseExtent[] | undefined,
  ): void {
    this.#readBlock = this.#readHeader;
    const entry = placeEntry(
      description,
      {
        archive: this.#archive,
        headerStart: this.#headerStart!,
        bodyStart: this.#position,
        bodySize,
      },
      sparse,
    );
    if (entry === undefined) {
      this.#skipBody(bodySize);
      return;
    }
    this.#closeHeaders();
    this.#open = entry;
    this.#visitor.entry(entry);
    this.#startRun('body', bodySize, () => {
      this.#open = undefined;
      this.#visitor.end(entry, true);
      this.#startRun('padding', paddingOf(bodySize), () => undefined);
    });
  }

  /** Passes over what belongs to an entry that could not be understood. */
  #skipBody(bodySize: number): void {
    this.#readBlock = this.#readHeader;
    this.#closeHeaders();
    this.#startRun('opaque', bodySize + paddingOf(bodySize), () => undefined);
  }

  #closeHeaders(): void {
    this.#headerStart = undefined;
    this.#extensions.clear();
  }

  /** The old GNU format: the map stands in the header block, and in further blocks after it. */
  #readSparseHeader(block: Uint8Array, description: Description): Step {
    const realSize = parseRealSize(block) ?? -1;
    const extents: SparseExtent[] = [];
    const add = (part: SparseBlock | undefined): Step => {
      // Without the whole map it cannot be known where the map ends.
      if (part === undefined || extents.length > MAX_EXTENTS) return ['opaque', this.#lose];
      extents.push(...part.extents);
      if (part.isContinued) return ['header', () => undefined];
      description.entry.size = realSize;
      return ['header', () => this.#beginBody(description, description.storedSize, extents)];
    };
    this.#readBlock = (next) => add(parseSparseExtension(next));
    return add(parseSparseHeader(block));
  }

  /** Format 1.0: the map stands in front of the data, and counts as stored. */
  #beginSparseMap(description: Description): void {
    const map = new SparseMapReader();
    let left = description.storedSize;
    const fits = (): boolean => left >= BLOCK_SIZE;
    if (!fits()) {
      this.#skipBody(left);
      return;
    }
    this.#readBlock = (block) => {
      left -= BLOCK_SIZE;
      const extents = map.add(block);
      if (extents === 'more' && fits()) return ['header', () => undefined];
      if (extents === 'more' || extents === undefined) {
        return ['opaque', () => this.#skipBody(left)];
      }
      return ['header', () => this.#beginBody(description, left, extents)];
    };
  }
}
