/** How two images differ, file by file: each is laid together first, so it is what a container would see. */
import {
  type Inode,
  inOrder,
  type LayerEntries,
  mergeLayers,
  type TreeNode,
} from './image-tree.ts';
import type { Difference, DiffTotals, FileChange, FileState, ImageDiff } from './schema.ts';

export type { FileChange, ImageDiff } from './schema.ts';

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
  return { format: 'stowage-image-diff/1', changes, ...totals, differences };
}
