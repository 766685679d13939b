/** Reads trees piece by piece: one path, or all from some path on in their order. */
import { createBreather } from '../../lib/breather.ts';
import type { TreeEntry, TreePiece } from './model.ts';
import { comparePaths } from './paths.ts';

/** What a layer says of a path. */
export interface TreeNode {
  readonly path: string;
  readonly entry: TreeEntry | undefined;
  /** What layers below have at the path is gone. */
  readonly isWhiteout: boolean;
  /** What layers below have in the directory of the path is gone. */
  readonly isOpaque: boolean;
}

/** A piece that can be read. */
export type PiecePlace = Pick<TreePiece, 'first' | 'run'>;

/** Gives the entries of a piece by its number. */
export type ReadPiece = (number: number) => Promise<readonly TreeEntry[]>;

/** Position of the first of some sorted items for which `isBehind` holds. */
function lowerBound<T>(items: readonly T[], isBehind: (item: T) => boolean): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isBehind(items[middle]!)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The pieces of one run, gone through in order. */
class RunCursor {
  readonly #read: ReadPiece;
  /** Numbers of the pieces, and the path with which each begins. */
  readonly #pieces: readonly { readonly number: number; readonly first: string }[];
  #piece = -1;
  #entries: readonly TreeEntry[] = [];
  #at = 0;

  constructor(pieces: readonly { number: number; first: string }[], read: ReadPiece) {
    this.#pieces = pieces;
    this.#read = read;
  }

  get entry(): TreeEntry | undefined {
    return this.#entries[this.#at];
  }

  async seek(path: string): Promise<void> {
    // Entries of one path may lie on both sides of a bound.
    const behind = lowerBound(this.#pieces, ({ first }) => comparePaths(first, path) >= 0);
    await this.#load(Math.max(0, behind - 1));
    this.#at = lowerBound(this.#entries, (entry) => comparePaths(entry.path, path) >= 0);
    if (this.#at === this.#entries.length) await this.#load(this.#piece + 1);
  }

  async next(): Promise<void> {
    if (++this.#at >= this.#entries.length) await this.#load(this.#piece + 1);
  }

  async #load(piece: number): Promise<void> {
    this.#at = 0;
    if (piece === this.#piece) return;
    this.#piece = piece;
    const place = this.#pieces[piece];
    this.#entries = place === undefined ? [] : await this.#read(place.number);
  }
}

/** Goes through a tree in the order of its paths; later runs win over earlier ones. */
export class TreeCursor {
  readonly #runs: readonly RunCursor[];
  #node: TreeNode | undefined;

  constructor(runs: readonly RunCursor[]) {
    this.#runs = runs;
  }

  /** What was come to; undefined at the end, and before the first {@link seek}. */
  get node(): TreeNode | undefined {
    return this.#node;
  }

  /** Goes to the first node at or behind a path. */
  async seek(path: string): Promise<void> {
    for (const run of this.#runs) await run.seek(path);
    await this.next();
  }

  /** Goes to the node behind. */
  async next(): Promise<void> {
    let path: string | undefined;
    for (const { entry } of this.#runs) {
      if (entry === undefined) continue;
      if (path === undefined || comparePaths(entry.path, path) < 0) path = entry.path;
    }
    this.#node = path === undefined ? undefined : await this.#take(path);
  }

  async #take(path: string): Promise<TreeNode> {
    const node = { path, entry: undefined as TreeEntry | undefined };
    let isWhiteout = false;
    let isOpaque = false;
    for (const run of this.#runs) {
      for (let entry = run.entry; entry?.path === path; entry = run.entry) {
        if (entry.type === 'whiteout') isWhiteout = true;
        else if (entry.type === 'opaque') isOpaque = true;
        else node.entry = entry;
        await run.next();
      }
    }
    return { ...node, isWhiteout, isOpaque };
  }
}

/** The tree of a layer. */
export class Tree {
  readonly #runs: (readonly { readonly number: number; readonly first: string }[])[];
  readonly #read: ReadPiece;

  /** @param pieces - in the order of their numbers, from 0 */
  constructor(pieces: readonly PiecePlace[], read: ReadPiece) {
    const numbered = pieces.map(({ first, run }, number) => ({ number, first, run }));
    this.#runs = [...Map.groupBy(numbered, ({ run }) => run).values()];
    const breathe = createBreather();
    this.#read = async (number) => {
      // What is in memory comes without waiting, however much of it is gone over.
      await breathe();
      return await read(number);
    };
  }

  /** A cursor, which has to be set somewhere first. */
  cursor(): TreeCursor {
    return new TreeCursor(this.#runs.map((pieces) => new RunCursor(pieces, this.#read)));
  }

  /**
   * What the layer says of a path.
   * @throws what reading a piece throws
   */
  async node(path: string): Promise<TreeNode | undefined> {
    const cursor = this.cursor();
    await cursor.seek(path);
    return cursor.node?.path === path ? cursor.node : undefined;
  }
}
