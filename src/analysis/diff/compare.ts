/** How two images differ, file by file: each is laid together first, so it is what a container would see. */
import {
  type FileKind,
  type Inode,
  inOrder,
  type LayerEntries,
  mergeLayers,
  type TreeNode,
} from './image-tree.ts';

/**
 * What differs of a path that both images have. `time` stands alone: where anything else differs the time
 * says nothing. Times of directories do not count, for they change with what is in them.
 */
export type Difference = 'type' | 'content' | 'mode' | 'owner' | 'link' | 'time';

/** A file, directory or link of one image. */
export interface FileState {
  readonly kind: FileKind;
  /** Bytes of a file; 0 for others. */
  readonly size: number;
  /** Of a file, in hexadecimal; undefined for others. */
  readonly sha256: string | undefined;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds since 1970. */
  readonly mtime: number;
  /** Target of a symbolic link; '' for others. */
  readonly link: string;
  /** As the source names the layer that ships it. */
  readonly layer: string;
  /** A directory of which no layer says anything but what is in it: mode, owner and time are made up. */
  readonly isImplied: boolean;
}

/** A path that is not the same in both images. */
export interface FileChange {
  readonly path: string;
  readonly kind: 'added' | 'removed' | 'changed';
  /** Undefined where the path is not there. */
  readonly from: FileState | undefined;
  readonly to: FileState | undefined;
  /** Of a changed one: in what. */
  readonly differences: readonly Difference[];
}

/**
 * Paths of one outcome, directories and links included, and the bytes of their files in the first and in
 * the second image. What several hard links of an image lead to counts once, with the first of them.
 */
export interface DiffTotals {
  readonly paths: number;
  readonly fromBytes: number;
  readonly toBytes: number;
}

/** The outcome of a comparison. */
export interface ImageDiff {
  /** In the order of paths, what is in a directory right behind it. */
  readonly changes: readonly FileChange[];
  readonly added: DiffTotals;
  readonly removed: DiffTotals;
  readonly changed: DiffTotals;
  readonly same: DiffTotals;
  /** Changed paths by what differs of them; one may count several times. */
  readonly differences: Readonly<Record<Difference, number>>;
}

class Totals implements DiffTotals {
  paths = 0;
  fromBytes = 0;
  toBytes = 0;
}

function stateOf(
  node: TreeNode | undefined,
  layers: readonly LayerEntries[],
): FileState | undefined {
  if (node === undefined) return undefined;
  const { kind, size, hash, mode, uid, gid, mtime, link, layer, isImplied } = node.inode;
  return {
    kind,
    size,
    sha256: kind === 'file' ? Buffer.from(hash, 'latin1').toString('hex') : undefined,
    mode,
    uid,
    gid,
    mtime,
    link,
    layer: layers[layer]?.id ?? '',
    isImplied,
  };
}

function differencesOf(a: Inode, b: Inode): Difference[] {
  if (a.kind !== b.kind) return ['type'];
  const found: Difference[] = [];
  if (a.hash !== b.hash || a.size !== b.size) found.push('content');
  if (a.link !== b.link) found.push('link');
  // Nobody knows what a directory without an entry would say.
  if (a.isImplied || b.isImplied) return found;
  if (a.mode !== b.mode) found.push('mode');
  if (a.uid !== b.uid || a.gid !== b.gid) found.push('owner');
  if (found.length === 0 && a.kind !== 'directory' && a.mtime !== b.mtime) found.push('time');
  return found;
}

/** The nodes of two directories by name, in the order of names. */
function pairs(a: TreeNode | undefined, b: TreeNode | undefined) {
  const found: (readonly [TreeNode | undefined, TreeNode | undefined])[] = [];
  const left = a === undefined ? [] : inOrder(a);
  const right = b === undefined ? [] : inOrder(b);
  for (let i = 0, j = 0; i < left.length || j < right.length; ) {
    const x = left[i];
    const y = right[j];
    const isLeft = x !== undefined && (y === undefined || x.name <= y.name);
    const isRight = y !== undefined && (x === undefined || y.name <= x.name);
    found.push([isLeft ? x : undefined, isRight ? y : undefined]);
    if (isLeft) i++;
    if (isRight) j++;
  }
  return found;
}

/**
 * Compares two images.
 * @param from - layers of the first one, the lowest one first
 * @param to - layers of the second one
 * @throws what reading entries throws, the signal's reason
 */
export async function compareImages(
  from: readonly LayerEntries[],
  to: readonly LayerEntries[],
  signal: AbortSignal,
): Promise<ImageDiff> {
  const before = await mergeLayers(from, signal);
  const after = await mergeLayers(to, signal);
  const changes: FileChange[] = [];
  const totals = {
    added: new Totals(),
    removed: new Totals(),
    changed: new Totals(),
    same: new Totals(),
  };
  const differences = { type: 0, content: 0, mode: 0, owner: 0, link: 0, time: 0 };
  const counted = new Set<Inode>();

  /** Bytes of a file, the first time that it is met. */
  function charge(node: TreeNode | undefined): number {
    if (node === undefined || counted.has(node.inode)) return 0;
    counted.add(node.inode);
    return node.inode.size;
  }

  function compare(a: TreeNode | undefined, b: TreeNode | undefined): void {
    const found = a !== undefined && b !== undefined ? differencesOf(a.inode, b.inode) : [];
    const outcome =
      a === undefined
        ? 'added'
        : b === undefined
          ? 'removed'
          : found.length > 0
            ? 'changed'
            : 'same';
    const total = totals[outcome];
    total.paths++;
    total.fromBytes += charge(a);
    total.toBytes += charge(b);
    for (const difference of found) differences[difference]++;
    if (outcome === 'same') return;
    const { path } = (a ?? b)!;
    const own = { from: stateOf(a, from), to: stateOf(b, to) };
    changes.push({ path, kind: outcome, ...own, differences: found });
  }

  const left = pairs(before.root, after.root).reverse();
  for (let pair = left.pop(); pair !== undefined; pair = left.pop()) {
    compare(...pair);
    // One by one: a directory may have more entries than a call takes arguments.
    for (const below of pairs(...pair).reverse()) left.push(below);
  }
  return { changes, ...totals, differences };
}
