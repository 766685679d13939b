/** A directory of an image as an archive. */
import {
  type NewTarEntry,
  TYPE_FLAGS,
  tarEnd,
  tarHeader,
  tarPadding,
} from '../../codec/tar/write.ts';
import type { FoundEntry, ImageView, ViewEntry } from './image-view.ts';
import { FilesError, readFile } from './layer-files.ts';
import type { TreeEntry } from './model.ts';

function headerOf(path: string, entry: TreeEntry, size: number): Buffer | undefined {
  const { type } = entry;
  if (!Object.hasOwn(TYPE_FLAGS, type)) return undefined;
  const typeFlag = TYPE_FLAGS[type as keyof typeof TYPE_FLAGS];
  const named = type === 'directory' ? `${path}/` : path;
  return tarHeader({ ...entry, path: named, typeFlag, size } satisfies NewTarEntry);
}

/** One entry of the archive. */
async function* write(
  view: ImageView,
  path: string,
  found: ViewEntry,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void> {
  const { entry } = found;
  if (entry.type !== 'file' && entry.type !== 'hardlink') {
    const header = headerOf(path, entry, 0);
    if (header !== undefined) yield header;
    return;
  }
  const target = await view.contentOf(found);
  if (target?.entry.type === 'symlink') {
    yield headerOf(path, target.entry, 0)!;
    return;
  }
  if (target?.entry.content === undefined) {
    throw new FilesError('no-content', view.layers[found.layer ?? 0]!.digest);
  }
  const { size } = target.entry;
  // A hard link may lead out of the directory, so it is a file of its own.
  yield headerOf(path, { ...entry, type: 'file', link: '' }, size)!;
  yield* readFile(target.files, target.entry, { range: { start: 0, end: size }, signal });
  yield tarPadding(size);
}

/**
 * All that is in a directory and below, as a tar stream with paths relative to it. Hard links are files
 * of their own, entries of unknown types are left out.
 * @throws FilesError, LinkLoopError, what reading throws, the signal's reason: the archive is not whole
 *   then
 */
export async function* tarOf(
  view: ImageView,
  directory: FoundEntry,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void> {
  const skipped = directory.path === '' ? 0 : directory.path.length + 1;
  for await (const found of view.walk(directory)) {
    signal.throwIfAborted();
    yield* write(view, found.path.slice(skipped), found, signal);
  }
  yield tarEnd();
}
