/**
 * The files of an image, made by laying its layers over one another in their order, as engines do when
 * they unpack them (OCI image specification, "Applying Changesets"). Unlike the views of
 * `dedup/files/image-view.ts`, which look paths up in sorted trees, it is built from entries in the order
 * of their archives. Memory grows with the number of paths.
 *
 * Where the specification leaves room:
 * - Whiteouts hide what lower layers have, wherever in their own layer they stand.
 * - Of two entries of one path in a layer the later one counts.
 * - What is not a directory hides all that was below its path; a directory keeps it.
 * - An entry below a path that is a file turns that into a directory. Below a symbolic link it leaves the
 *   link alone: engines write through it. The entry is shown under the path that it has in the archive.
 * - A hard link is the file that it leads to, also when that loses its own name later. One that leads
 *   nowhere is an entry without bytes.
 */
import { nameOf, parentOf } from '../../dedup/files/paths.ts';
import { ENTRY_KINDS, type EntryBatch, type EntryKind } from '../scan/types.ts';

/** The entries of a layer of an image. */
export interface LayerEntries {
  /** As the source names the layer; two of one name are the same. */
  readonly id: string;
  /** In the order of the archive. */
  readonly batches: AsyncIterable<EntryBatch> | Iterable<EntryBatch>;
}

/** What an entry can be when whiteouts have done their work. */
export type FileKind = Exclude<EntryKind, 'whiteout' | 'opaque-whiteout'>;

/** A file, directory or link as one layer ships it; what several hard links share. */
export interface Inode {
  readonly kind: FileKind;
  /** Bytes of a file. */
  readonly size: number;
  /** SHA-256 of a file, one character a byte; '' for others. */
  readonly hash: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds since 1970. */
  readonly mtime: number;
  /** Target of a link; '' for others. */
  readonly link: string;
  /** Number of the layer, the lowest one is 0. */
  readonly layer: number;
  /** Where the layer has it. */
  readonly path: string;
  /** A directory that no layer has an entry for, only entries below. */
  readonly isImplied: boolean;
}

/** A path, and what is below. */
export interface TreeNode {
  readonly name: string;
  readonly path: string;
  readonly parent: TreeNode | undefined;
  inode: Inode;
  /** The highest layer that has an entry for the path, or for one below that made it. */
  layer: number;
  /** Made when there is something: most paths are files. */
  children: Map<string, TreeNode> | undefined;
}

const WHITEOUT = '.wh.';
const OPAQUE = '.wh..wh..opq';

/** A directory that has no entry of its own. */
function implied(path: string, layer: number): Inode {
  const numbers = { size: 0, mode: 0o755, uid: 0, gid: 0, mtime: 0 };
  return {
    kind: 'directory',
    hash: '',
    link: '',
    path,
    layer,
    isImplied: true,
    ...numbers,
  };
}

/** The path that a whiteout hides, whether it is given as itself or by the name of the whiteout. */
function hiddenBy(path: string): string {
  const name = nameOf(path);
  if (!name.startsWith(WHITEOUT)) return path;
  const hidden = name.slice(WHITEOUT.length);
  return parentOf(path) === '' ? hidden : `${parentOf(path)}/${hidden}`;
}

/** The directory that an opaque whiteout empties, whether it is given as itself or by the whiteout. */
function emptiedBy(path: string): string {
  return nameOf(path) === OPAQUE ? parentOf(path) : path;
}

/** The image as it is so far. */
export class ImageTree {
  readonly root: TreeNode;

  constructor() {
    this.root = {
      name: '',
      path: '',
      parent: undefined,
      inode: implied('', 0),
      layer: 0,
      children: undefined,
    };
  }

  /** Lays the next entries of a layer over what is there. @param layer - its number */
  apply(batch: EntryBatch, layer: number): void {
    for (let row = 0; row < batch.count; row++) {
      const kind = ENTRY_KINDS[batch.kinds[row]!]!;
      const path = batch.paths[row]!;
      if (kind === 'whiteout') this.#hide(hiddenBy(path), layer);
      else if (kind === 'opaque-whiteout') this.#empty(emptiedBy(path), layer);
      else this.#put(path, layer, this.#inodeOf(batch, row, { kind, path, layer }));
    }
  }

  /** What stands at a path; links are not followed. */
  find(path: string): TreeNode | undefined {
    let node: TreeNode | undefined = this.root;
    if (path === '') return node;
    for (const name of path.split('/')) {
      node = node.children?.get(name);
      if (node === undefined) return undefined;
    }
    return node;
  }

  #inodeOf(
    batch: EntryBatch,
    row: number,
    {
      kind,
      path,
      layer,
    }: { readonly kind: FileKind; readonly path: string; readonly layer: number },
  ): Inode {
    const link = batch.links[row] ?? '';
    if (kind === 'hardlink') {
      const target = this.find(link)?.inode;
      if (target !== undefined && target.kind !== 'directory') return target;
    }
    const isFile = kind === 'file';
    const { buffer, byteOffset } = batch.hashes;
    return {
      kind,
      size: isFile ? batch.sizes[row]! : 0,
      hash: isFile ? Buffer.from(buffer, byteOffset + 32 * row, 32).toString('latin1') : '',
      mode: batch.modes[row]!,
      uid: batch.uids[row]!,
      gid: batch.gids[row]!,
      mtime: batch.mtimes[row]!,
      link,
      layer,
      path,
      isImplied: false,
    };
  }

  /** The node of a path, made when it is missing, and the directories above. */
  #nodeAt(path: string, layer: number): TreeNode {
    let node = this.root;
    if (path === '') return node;
    for (let start = 0; start <= path.length; ) {
      const slash = path.indexOf('/', start);
      const end = slash < 0 ? path.length : slash;
      const name = path.slice(start, end);
      const above = path.slice(0, end);
      let child = node.children?.get(name);
      if (child === undefined) {
        child = {
          name,
          path: above,
          parent: node,
          inode: implied(above, layer),
          layer,
          children: undefined,
        };
        node.children ??= new Map();
        node.children.set(name, child);
      } else if (end < path.length && !['directory', 'symlink'].includes(child.inode.kind)) {
        this.#attach(child, implied(above, layer), layer);
      }
      node = child;
      start = end + 1;
    }
    return node;
  }

  #put(path: string, layer: number, inode: Inode): void {
    const node = this.#nodeAt(path, layer);
    if (inode.kind !== 'directory') {
      // The root stays a directory, whatever an archive says.
      if (node.parent === undefined) return;
      this.#prune(node, Number.POSITIVE_INFINITY);
    }
    this.#attach(node, inode, layer);
  }

  /** Makes a path lead somewhere else. */
  #attach(node: TreeNode, inode: Inode, layer: number): void {
    node.layer = layer;
    node.inode = inode;
  }

  /** A whiteout of a path. */
  #hide(path: string, layer: number): void {
    const node = this.find(path);
    if (node === undefined || node.parent === undefined) return;
    this.#prune(node, layer);
    this.#drop(node, layer);
  }

  /** A whiteout of all that is in a directory. */
  #empty(path: string, layer: number): void {
    const node = this.find(path);
    if (node !== undefined) this.#prune(node, layer);
  }

  /** Takes away what layers below a limit have under a path. */
  #prune({ children }: TreeNode, limit: number): void {
    if (children === undefined) return;
    // Paths may be deeper than the stack of calls.
    const below = [...children.values()];
    for (let i = 0; i < below.length; i++) {
      for (const node of below[i]!.children?.values() ?? []) below.push(node);
    }
    // Each directory behind what is in it.
    for (const node of below.reverse()) this.#drop(node, limit);
  }

  /** Takes away what layers below a limit have at a path, when nothing below it needs it. */
  #drop(node: TreeNode, limit: number): void {
    if (node.layer >= limit) return;
    if (node.children !== undefined && node.children.size > 0) {
      this.#attach(node, implied(node.path, limit), limit);
      return;
    }
    node.parent!.children!.delete(node.name);
  }
}

/**
 * Lays layers over one another, the lowest one first. One that comes several times is laid down once,
 * where it lies highest: that hides what is below just the same, and nothing is shipped twice.
 * @throws what reading entries throws, the signal's reason
 */
export async function mergeLayers(
  layers: readonly LayerEntries[],
  signal: AbortSignal,
): Promise<ImageTree> {
  const tree = new ImageTree();
  const highest = new Map(layers.map(({ id }, number) => [id, number]));
  for (const [number, { id, batches }] of layers.entries()) {
    if (highest.get(id) !== number) continue;
    for await (const batch of batches) {
      signal.throwIfAborted();
      tree.apply(batch, number);
    }
  }
  return tree;
}

/** What is in a directory, in the order of names by UTF-16 code units. */
export function inOrder({ children }: TreeNode): TreeNode[] {
  if (children === undefined) return [];
  return [...children.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}
