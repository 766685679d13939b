/** How two images differ, file by file. */
import type { ImageView, ViewEntry } from './image-view.ts';
import { comparePaths } from './paths.ts';

/** What differs of a path that both images have. */
export type Difference = 'type' | 'content' | 'mode' | 'owner' | 'link';

/** A path that is not the same in both. */
export interface Change {
  readonly path: string;
  readonly kind: 'added' | 'removed' | 'changed';
  /** In the first image, and in the second; undefined where it is not there. */
  readonly from: ViewEntry | undefined;
  readonly to: ViewEntry | undefined;
  /** Of a changed one: in what. */
  readonly differences: readonly Difference[];
}

/** SHA-256 of the bytes of a file; undefined for what has none. */
async function contentDigest(view: ImageView, found: ViewEntry): Promise<string | undefined> {
  const { type } = found.entry;
  if (type !== 'file' && type !== 'hardlink') return undefined;
  return (await view.contentOf(found))?.entry.content?.digest;
}

/** Compares two entries of one path. A hard link is the file that it leads to. */
async function compare(
  [fromView, from]: readonly [ImageView, ViewEntry],
  [toView, to]: readonly [ImageView, ViewEntry],
): Promise<Difference[]> {
  const [a, b] = [from.entry, to.entry];
  const kindOf = (type: string): string => (type === 'hardlink' ? 'file' : type);
  if (kindOf(a.type) !== kindOf(b.type)) return ['type'];
  const found: Difference[] = [];
  const [x, y] = [await contentDigest(fromView, from), await contentDigest(toView, to)];
  const isSameSize = a.type !== b.type || a.size === b.size;
  const isSameDevice = a.deviceMajor === b.deviceMajor && a.deviceMinor === b.deviceMinor;
  if (x !== y || !isSameSize || !isSameDevice) found.push('content');
  // Nobody knows what a directory without an entry would say.
  if (from.layer === undefined || to.layer === undefined) return found;
  if (a.mode !== b.mode) found.push('mode');
  if (a.uid !== b.uid || a.gid !== b.gid) found.push('owner');
  if (a.type === 'symlink' && a.link !== b.link) found.push('link');
  return found;
}

/**
 * What differs between two images, in the order of paths. Times of files do not count.
 * @param after - path after which to go on
 * @yields also undefined now and then, where nothing differs: whoever reads may stop there, at `path`
 * @throws LinkLoopError, what reading trees throws
 */
export async function* diffImages(
  from: ImageView,
  to: ImageView,
  { after }: { readonly after?: string | undefined } = {},
): AsyncGenerator<{ readonly path: string; readonly change: Change | undefined }, void> {
  const left = from.walk(await from.root(), { after });
  const right = to.walk(await to.root(), { after });
  try {
    let a = (await left.next()).value ?? undefined;
    let b = (await right.next()).value ?? undefined;
    while (a !== undefined || b !== undefined) {
      const order = a === undefined ? 1 : b === undefined ? -1 : comparePaths(a.path, b.path);
      const { path } = (order <= 0 ? a : b)!;
      const own = { from: order <= 0 ? a : undefined, to: order >= 0 ? b : undefined };
      const kind = order < 0 ? 'removed' : order > 0 ? 'added' : 'changed';
      const differences = order === 0 ? await compare([from, a!], [to, b!]) : [];
      const isSame = order === 0 && differences.length === 0;
      yield { path, change: isSame ? undefined : { path, kind, ...own, differences } };
      if (order <= 0) a = (await left.next()).value ?? undefined;
      if (order >= 0) b = (await right.next()).value ?? undefined;
    }
  } finally {
    await left.return();
    await right.return();
  }
}
