/**
 * The files of an image as a container sees them: its layers laid over one another (OCI image
 * specification, "Applying Changesets"). Nothing is unpacked; trees are read where they are looked at.
 */
import type { LayerFiles } from './layer-files.ts';
import type { TreeEntry } from './model.ts';
import { comparePaths, endOf, isBelow, joinPath } from './paths.ts';
import type { TreeCursor, TreeNode } from './tree.ts';

/** Symbolic links, and hard links, that are followed for one path (that many Linux follows). */
const MAX_LINKS = 40;
/** Components that are looked up for one path, those of links included. */
const MAX_STEPS = 2048;

/** Links that lead in a circle, or too far. */
export class LinkLoopError extends Error {
  override readonly name = 'LinkLoopError';

  constructor(path: string) {
    super(`too many links on the way to ${path}`);
  }
}

/** Something in an image. */
export interface ViewEntry {
  readonly path: string;
  readonly entry: TreeEntry;
  /** Number of the layer that it comes from; undefined for a directory that no layer has an entry for. */
  readonly layer: number | undefined;
  /** Of a single layer: what layers below have in the directory is gone. */
  readonly isOpaque: boolean;
}

/** Something that was looked up. */
export interface FoundEntry extends ViewEntry {
  /** Of a directory: the lowest layer whose entries in it are seen. */
  readonly floor: number;
}

/** A directory that is being walked through. */
interface Frame {
  readonly path: string;
  readonly floor: number;
  isShown: boolean;
}

/** A directory of which only what is in it is known. */
function impliedDirectory(path: string): TreeEntry {
  const type = 'directory';
  const numbers = { uid: 0, gid: 0, size: 0, mtime: 0, deviceMajor: 0, deviceMinor: 0 };
  return { path, type, mode: 0o755, link: '', ...numbers };
}

/** Nothing below is seen. */
const NONE = Number.POSITIVE_INFINITY;

/**
 * What the layers make of one path.
 * @param nodes - what each layer says, the lowest one first
 * @param floor - the lowest layer whose entries in the directory of the path are seen
 */
function overlay(nodes: readonly (TreeNode | undefined)[], floor: number) {
  let found: { readonly entry: TreeEntry; readonly layer: number } | undefined;
  let contents = floor;
  /** The lowest layer so far that has a directory there. */
  let lowest = floor;
  for (let layer = nodes.length - 1; layer >= floor; layer--) {
    const node = nodes[layer];
    if (node === undefined) continue;
    const { entry } = node;
    if (found === undefined && entry !== undefined) {
      found = { entry, layer };
      if (entry.type !== 'directory') return { found, contents: NONE };
    } else if (entry !== undefined && entry.type !== 'directory') {
      // A directory took the place of something else, in which there was nothing.
      return { found, contents: Math.max(contents, lowest) };
    }
    if (entry !== undefined) lowest = layer;
    if (node.isOpaque || node.isWhiteout) contents = Math.max(contents, layer);
    if (node.isWhiteout) break;
  }
  return { found, contents };
}

/** The layers of an image, or a single one. */
export class ImageView {
  readonly layers: readonly LayerFiles[];

  /** @param layers - the lowest one first; they stay lent as long as the view is used */
  constructor(layers: readonly LayerFiles[]) {
    this.layers = layers;
  }

  /** The root directory. */
  async root(): Promise<FoundEntry> {
    const nodes = await this.#nodesAt('', 0);
    const { found, contents } = overlay(nodes, 0);
    const isDirectory = found?.entry.type === 'directory';
    return {
      path: '',
      entry: isDirectory ? found.entry : impliedDirectory(''),
      layer: isDirectory ? found.layer : undefined,
      isOpaque: false,
      floor: isDirectory || found === undefined ? contents : 0,
    };
  }

  /** What a directory has under a name; undefined when it has nothing. */
  async child(directory: FoundEntry, name: string): Promise<FoundEntry | undefined> {
    const path = joinPath(directory.path, name);
    const { found, contents } = overlay(
      await this.#nodesAt(path, directory.floor),
      directory.floor,
    );
    if (found !== undefined) return { path, ...found, isOpaque: false, floor: contents };
    const implied = {
      path,
      entry: impliedDirectory(path),
      layer: undefined,
      isOpaque: false,
      floor: contents,
    };
    for await (const _ of this.list(implied)) return implied;
    return undefined;
  }

  /**
   * Looks a path up as a container does: links are followed, and never lead out of the root.
   * @param follow - whether a symbolic link at the end is followed as well; default true
   * @returns undefined when there is nothing
   * @throws LinkLoopError, what reading trees throws
   */
  async find(path: string, { follow = true } = {}): Promise<FoundEntry | undefined> {
    const way = [await this.root()];
    const left = path.split('/').reverse();
    let links = 0;
    for (let steps = 0; left.length > 0; steps++) {
      if (steps > MAX_STEPS) throw new LinkLoopError(path);
      const name = left.pop()!;
      if (name === '' || name === '.') continue;
      if (name === '..') {
        if (way.length > 1) way.pop();
        continue;
      }
      const directory = way.at(-1)!;
      if (directory.entry.type !== 'directory') return undefined;
      const found = await this.child(directory, name);
      if (found === undefined) return undefined;
      const { type, link } = found.entry;
      if (type !== 'symlink' || (left.length === 0 && !follow)) {
        way.push(found);
        continue;
      }
      if (++links > MAX_LINKS) throw new LinkLoopError(path);
      if (link.startsWith('/')) way.length = 1;
      left.push(...link.split('/').reverse());
    }
    return way.at(-1);
  }

  /**
   * The entry that holds the bytes of a file, and its layer: for a hard link those of what it is
   * linked to, as it was when the layer was made.
   * @returns undefined when there is none
   * @throws LinkLoopError, what reading trees throws
   */
  async contentOf({ entry, layer }: Pick<ViewEntry, 'entry' | 'layer'>) {
    let now = { entry, layer };
    for (let links = 0; now.entry.type === 'hardlink'; links++) {
      if (links > MAX_LINKS) throw new LinkLoopError(entry.path);
      const below = new ImageView(this.layers.slice(0, now.layer! + 1));
      const target = await below.find(now.entry.link, { follow: false });
      if (target === undefined) return undefined;
      now = target;
    }
    if (now.layer === undefined) return undefined;
    return { entry: now.entry, files: this.layers[now.layer]! };
  }

  /**
   * What is in a directory, in the order of names.
   * @param after - path of the entry after which the list begins
   */
  async *list(directory: FoundEntry, { after }: { readonly after?: string | undefined } = {}) {
    yield* this.#walk(directory, { isDeep: false, after });
  }

  /** Everything below a directory, each directory ahead of what is in it; see {@link list}. */
  async *walk(directory: FoundEntry, { after }: { readonly after?: string | undefined } = {}) {
    yield* this.#walk(directory, { isDeep: true, after });
  }

  async #nodesAt(path: string, floor: number): Promise<(TreeNode | undefined)[]> {
    return await Promise.all(
      this.layers.map(({ tree }, layer) => (layer < floor ? undefined : tree.node(path))),
    );
  }

  /** The directories on the way from one to a path below it, as a walk that has come there knows them. */
  async #framesTo({ path: from, floor }: FoundEntry, to: string): Promise<Frame[]> {
    const frames: Frame[] = [{ path: from, floor, isShown: true }];
    for (let path = nextBelow(to, from); path !== undefined; path = nextBelow(to, path)) {
      const above = frames.at(-1)!.floor;
      const { contents } = overlay(await this.#nodesAt(path, above), above);
      frames.push({ path, floor: contents, isShown: true });
    }
    return frames;
  }

  async *#walk(
    directory: FoundEntry,
    { isDeep, after }: { readonly isDeep: boolean; readonly after: string | undefined },
  ): AsyncGenerator<ViewEntry, void> {
    const { path: root, floor } = directory;
    const done = after === undefined ? undefined : nextBelow(after, root);
    if (after !== undefined && done === undefined) return;
    const cursors: (TreeCursor | undefined)[] = this.layers.map(({ tree }, layer) =>
      layer < floor ? undefined : tree.cursor(),
    );
    const frames =
      after === undefined || !isDeep
        ? [{ path: root, floor, isShown: true }]
        : await this.#framesTo(directory, after);
    for (const cursor of cursors) {
      await cursor?.seek(after === undefined ? root : isDeep ? after : endOf(done!));
    }

    async function skip(end: string): Promise<void> {
      for (const cursor of cursors) {
        const node = cursor?.node;
        if (node !== undefined && comparePaths(node.path, end) < 0) await cursor!.seek(end);
      }
    }

    for (;;) {
      const path = firstPath(cursors);
      if (path === undefined || (path !== root && !isBelow(path, root))) return;
      const nodes: (TreeNode | undefined)[] = [];
      for (const [layer, cursor] of cursors.entries()) {
        if (cursor?.node?.path !== path) continue;
        nodes[layer] = cursor.node;
        await cursor.next();
      }
      if (path === root || path === after) continue;
      while (!isBelow(path, frames.at(-1)!.path)) frames.pop();
      const above = frames.at(-1)!.floor;
      nodes.length = this.layers.length;
      const { found, contents } = overlay(nodes, above);
      const seen = found ?? this.#mark(nodes, path);
      if (seen === undefined) {
        frames.push({ path, floor: contents, isShown: false });
        continue;
      }
      for (const implied of showAbove(frames, path)) {
        yield {
          path: implied,
          entry: impliedDirectory(implied),
          layer: undefined,
          isOpaque: false,
        };
        if (!isDeep) break;
      }
      const child = nextBelow(path, root)!;
      if (isDeep || child === path) {
        const isOpaque = this.layers.length === 1 && nodes[0]?.isOpaque === true;
        yield { path, ...seen, isOpaque };
      }
      if (isDeep) frames.push({ path, floor: contents, isShown: true });
      else {
        frames.length = 1;
        await skip(endOf(child));
      }
    }
  }

  /** A single layer shows what it takes away as well. */
  #mark(nodes: readonly (TreeNode | undefined)[], path: string) {
    if (this.layers.length !== 1 || nodes[0]?.isWhiteout !== true) return undefined;
    return { entry: { ...impliedDirectory(path), type: 'whiteout' as const, mode: 0 }, layer: 0 };
  }
}

/** The path one component below a directory, on the way to another path; undefined when that is it. */
function nextBelow(path: string, directory: string): string | undefined {
  if (!isBelow(path, directory)) return undefined;
  const end = path.indexOf('/', directory === '' ? 0 : directory.length + 1);
  return end < 0 ? path : path.slice(0, end);
}

function firstPath(cursors: readonly (TreeCursor | undefined)[]): string | undefined {
  let first: string | undefined;
  for (const cursor of cursors) {
    const path = cursor?.node?.path;
    if (path === undefined) continue;
    if (first === undefined || comparePaths(path, first) < 0) first = path;
  }
  return first;
}

/**
 * The directories above a path that have not been shown, because no layer has an entry for them. They
 * count as shown then.
 */
function showAbove(frames: Frame[], path: string): string[] {
  const shown: string[] = [];
  let above = frames[0]!;
  for (let at = 1; ; at++) {
    const next = nextBelow(path, above.path)!;
    if (next === path) return shown;
    let frame = frames[at];
    if (frame?.path !== next) {
      frame = { path: next, floor: above.floor, isShown: false };
      frames.splice(at, 0, frame);
    }
    if (!frame.isShown) shown.push(next);
    frame.isShown = true;
    above = frame;
  }
}
