/**
 * What an image ships in vain. Definitions, for all of which a file is an entry of a layer with a body;
 * hard links have none, and a layer that an image holds twice counts once:
 *
 * - A copy is a file of one layer. It is seen when a path of the finished image leads to it, its own or a
 *   hard link's. All other copies are wasted: `bytes = visibleBytes + wastedBytes`.
 * - `metadataOnlyBytes`: wasted copies whose path was given a file of the same content next, of another
 *   mode, owner or time.
 * - `deletedBytes`: wasted copies at whose path there is nothing in the end. A copy may count in both.
 * - `efficiency` is the score of dive: over all paths, the sum of the smallest size that each had, by the
 *   sum of all sizes that it had. Links have the size 0, hard links too, and so has a path that is gone,
 *   or a directory where a file was. (dive itself takes a deleted directory as one path with the size of
 *   all below it, which leaves the score as it was; and its wasted bytes count the copy that is needed as
 *   well, wagoodman/dive issue 684.)
 */
import { type Inode, type LayerEntries, mergeLayers } from './image-tree.ts';

/** A copy that takes much room. */
export interface Offender {
  /** As the source names the layer that ships it. */
  readonly layer: string;
  readonly path: string;
  /** Bytes. */
  readonly bytes: number;
}

/** The waste of one image, in bytes of files. */
export interface ImageWaste {
  /** Of all files in all layers. */
  readonly bytes: number;
  readonly visibleBytes: number;
  readonly wastedBytes: number;
  readonly metadataOnlyBytes: number;
  readonly deletedBytes: number;
  /** From 0 to 1; 1 when nothing is wasted. */
  readonly efficiency: number;
  /** The largest first, then by path. */
  readonly largestFiles: readonly Offender[];
  /** Wasted copies whose path something else has in the end. */
  readonly largestRewrites: readonly Offender[];
  /** Wasted copies whose path is gone in the end. */
  readonly largestDeleted: readonly Offender[];
}

/** Whether a file has the bytes of another one, and differs in what a directory says about it. */
function isMetadataChange(from: Inode, to: Inode): boolean {
  if (from.kind !== 'file' || to.kind !== 'file' || from.hash !== to.hash) return false;
  const isSame = from.mode === to.mode && from.uid === to.uid && from.gid === to.gid;
  return !isSame || from.mtime !== to.mtime;
}

/** The sizes that each path had. */
class PathSizes {
  readonly #paths = new Map<string, { least: number; sum: number }>();

  add(path: string, size: number): void {
    const sizes = this.#paths.get(path);
    if (sizes === undefined) {
      this.#paths.set(path, { least: size, sum: size });
      return;
    }
    sizes.least = Math.min(sizes.least, size);
    sizes.sum += size;
  }

  /** 1 without a byte. */
  efficiency(): number {
    let least = 0;
    let sum = 0;
    for (const sizes of this.#paths.values()) {
      least += sizes.least;
      sum += sizes.sum;
    }
    return sum === 0 ? 1 : least / sum;
  }
}

function compareCopies(a: Inode, b: Inode): number {
  if (a.size !== b.size) return b.size - a.size;
  if (a.path !== b.path) return a.path < b.path ? -1 : 1;
  return a.layer - b.layer;
}

/**
 * Finds what an image ships in vain.
 * @param layers - its layers, the lowest one first
 * @param top - how many of the largest are wanted
 * @throws what reading entries throws, the signal's reason
 */
export async function mergeImage(
  layers: readonly LayerEntries[],
  { top = 20, signal }: { readonly top?: number; readonly signal: AbortSignal },
): Promise<ImageWaste> {
  const copies: Inode[] = [];
  const rewritten = new Set<Inode>();
  const sizes = new PathSizes();
  const tree = await mergeLayers(layers, signal, {
    shipped(inode) {
      if (inode.kind !== 'file') return;
      copies.push(inode);
      sizes.add(inode.path, inode.size);
    },
    detached(inode, path, by) {
      const isDirectory = by === undefined || by.kind === 'directory';
      // A file that is shipped here was entered with its size.
      const hasNoBytes = isDirectory
        ? inode.kind === 'file'
        : by.kind !== 'file' || by.path !== path;
      if (hasNoBytes) sizes.add(path, 0);
      if (inode.path === path && by !== undefined && isMetadataChange(inode, by)) {
        rewritten.add(inode);
      }
    },
  });

  const wasted = copies.filter(({ names }) => names === 0);
  const deleted = wasted.filter(({ path }) => tree.find(path) === undefined);
  const gone = new Set(deleted);
  const sum = (inodes: readonly Inode[]): number => inodes.reduce((n, { size }) => n + size, 0);
  const largest = (inodes: readonly Inode[]): Offender[] =>
    inodes
      .filter(({ size }) => size > 0)
      .sort(compareCopies)
      .slice(0, top)
      .map(({ layer, path, size }) => ({ layer: layers[layer]!.id, path, bytes: size }));
  const bytes = sum(copies);
  const wastedBytes = sum(wasted);
  return {
    bytes,
    visibleBytes: bytes - wastedBytes,
    wastedBytes,
    metadataOnlyBytes: sum(wasted.filter((inode) => rewritten.has(inode))),
    deletedBytes: sum(deleted),
    efficiency: sizes.efficiency(),
    largestFiles: largest(copies),
    largestRewrites: largest(wasted.filter((inode) => !gone.has(inode))),
    largestDeleted: largest(deleted),
  };
}
