/** What can be asked about the files inside of images, on a store in this process. */
import { diffImages } from '../../dedup/files/diff.ts';
import { tarOf } from '../../dedup/files/directory-tar.ts';
import {
  type FileQuery,
  type FindPosition,
  findFiles,
  isPositionOf,
} from '../../dedup/files/find.ts';
import type { FoundEntry, ViewEntry } from '../../dedup/files/image-view.ts';
import { type ImageReference, type LentImage, openImage } from '../../dedup/files/images.ts';
import { FilesError, readFile } from '../../dedup/files/layer-files.ts';
import type { TreeEntry } from '../../dedup/files/model.ts';
import { cleanPath, nameOf } from '../../dedup/files/paths.ts';
import type { LayerStore } from '../../dedup/layer-store.ts';
import { compileGlob } from '../../lib/glob.ts';
import { OciError } from '../../oci/errors.ts';
import { hasRepository } from '../../storage/manifests.ts';
import type { Store } from '../../storage/store.ts';
import type {
  FileChange,
  FileDownload,
  FileOperations,
  FileSummary,
  FileTarget,
  FindRequest,
  FoundFileSummary,
} from './file-operations.ts';
import { fileRefusal } from './file-refusals.ts';
import { findCursor, readFindCursor } from './find-cursor.ts';
import { createTurns } from './in-turn.ts';
import { DEFAULT_LIMIT } from './parameters.ts';

/**
 * Lists, searches and comparisons at a time, and files that are being opened: each may hold the trees
 * of an image in memory.
 */
const TURNS = { atOnce: 16, patience: 10_000 };
/** Milliseconds for opening an image and listing a page of it. */
const LIST_TIME = 60_000;
/** Milliseconds after which a page of a search or a comparison ends. */
const SEARCH_TIME = 1000;
/** The last millisecond that has a date. */
const MAX_DATE = 8.64e15;

function timeOf(seconds: number): string | null {
  const time = seconds * 1000;
  return Math.abs(time) > MAX_DATE ? null : new Date(time).toISOString();
}

/** A digest as the protocol writes it. */
function digestText(base64url: string): string {
  return `sha256:${Buffer.from(base64url, 'base64url').toString('hex')}`;
}

function summaryOf(entry: TreeEntry, layer: string | null, isOpaque = false): FileSummary {
  const { path, type, mode, uid, gid, size, mtime, link, content } = entry;
  return {
    path,
    type,
    mode,
    uid,
    gid,
    size,
    modifiedAt: layer === null ? null : timeOf(mtime),
    link,
    digest: content === undefined ? null : digestText(content.digest),
    layer,
    opaque: isOpaque,
  };
}

/** A seen entry; its path is the one by which it is seen. */
function seenSummary({ view }: LentImage, found: ViewEntry): FileSummary {
  const layer = found.layer === undefined ? null : view.layers[found.layer]!.digest;
  return summaryOf({ ...found.entry, path: found.path }, layer, found.isOpaque);
}

function toQuery({ digest, name, glob }: FindRequest): FileQuery {
  if ([digest, name, glob].filter((value) => value !== undefined).length !== 1) {
    const message = 'one of digest, name and glob has to be given';
    throw new OciError('UNSUPPORTED', { status: 400, message });
  }
  if (digest !== undefined) {
    if (!digest.startsWith('sha256:')) {
      throw new OciError('DIGEST_INVALID', { message: 'files are known by SHA-256' });
    }
    const hex = digest.slice('sha256:'.length);
    return { kind: 'digest', digest: Buffer.from(hex, 'hex').toString('base64url') };
  }
  if (name !== undefined) return { kind: 'name', name };
  const pattern = glob!.replace(/^\//, '');
  return { kind: 'glob', matches: compileGlob(pattern), isName: !glob!.includes('/') };
}

async function* translatedBytes(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* bytes;
  } catch (error) {
    throw fileRefusal(error);
  }
}

/** The operations on files. */
export function localFiles(
  { context }: Store,
  { files }: Pick<LayerStore, 'files'>,
): FileOperations {
  const parts = { store: context, files };
  const inTurn = createTurns(TURNS);

  /** Opens an image and does something; what is lent stays so only if `use` keeps it. */
  async function withImage<T>(
    wanted: ImageReference & { readonly layer?: string | undefined },
    use: (lent: LentImage, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    if (!hasRepository(context, wanted.repository)) throw new OciError('NAME_UNKNOWN');
    const signal = AbortSignal.timeout(LIST_TIME);
    try {
      const lent = await openImage(parts, wanted, signal);
      try {
        return await use(lent, signal);
      } catch (error) {
        lent.release();
        throw error;
      }
    } catch (error) {
      throw fileRefusal(error);
    }
  }

  async function requireEntry({ view }: LentImage, { path }: FileTarget): Promise<FoundEntry> {
    const clean = cleanPath(path);
    const found = clean === undefined ? undefined : await view.find(path);
    if (found !== undefined) return found;
    throw new OciError('BLOB_UNKNOWN', { message: 'the image has no such file', detail: { path } });
  }

  function archive(lent: LentImage, directory: FoundEntry): FileDownload {
    return {
      kind: 'tar',
      name: nameOf(directory.path),
      size: null,
      digest: null,
      bytes: ({ signal }) => translatedBytes(tarOf(lent.view, directory, signal)),
      close: lent.release,
    };
  }

  async function file(lent: LentImage, found: FoundEntry): Promise<FileDownload> {
    const target = await lent.view.contentOf(found);
    const { content, size } = target?.entry ?? {};
    if (target === undefined || content === undefined) {
      throw new FilesError('no-content', lent.view.layers[found.layer ?? 0]!.digest);
    }
    return {
      kind: 'file',
      name: nameOf(found.path),
      size: size!,
      digest: digestText(content.digest),
      bytes({ stretch = { start: 0, end: size! }, signal }) {
        return translatedBytes(readFile(target.files, target.entry, { range: stretch, signal }));
      },
      close: lent.release,
    };
  }

  const operations: FileOperations = {
    list(target, { limit = DEFAULT_LIMIT, after, recursive = false } = {}) {
      return withImage(target, async (lent, signal) => {
        const { view, image } = lent;
        const found = await requireEntry(lent, target);
        const items: FileSummary[] = [];
        let next: string | null = null;
        if (found.entry.type === 'directory') {
          const all = recursive ? view.walk(found, { after }) : view.list(found, { after });
          for await (const entry of all) {
            signal.throwIfAborted();
            if (items.length === limit) {
              next = items.at(-1)!.path;
              break;
            }
            items.push(seenSummary(lent, entry));
          }
        }
        const entry = seenSummary(lent, found);
        lent.release();
        return { manifest: image.manifest, entry, items, next };
      });
    },

    open(target, { tar }) {
      return withImage(target, async (lent) => {
        const found = await requireEntry(lent, target);
        if (found.entry.type !== 'directory') return await file(lent, found);
        if (tar) return archive(lent, found);
        lent.release();
        return undefined;
      });
    },

    async find(request, mayRead = () => true) {
      const query = toQuery(request);
      let from: FindPosition | undefined;
      if (request.cursor !== undefined) {
        from = readFindCursor(request.cursor);
        if (from === undefined || !isPositionOf(query, from)) {
          const message = 'the cursor is none of this search';
          throw new OciError('UNSUPPORTED', { status: 400, message });
        }
      }
      const found = await findFiles({ kv: context.kv, stored: files.stored }, query, {
        limit: request.limit ?? DEFAULT_LIMIT,
        time: SEARCH_TIME,
        from,
        mayRead,
        signal: AbortSignal.timeout(LIST_TIME),
      });
      const items = found.files.map(({ repository, manifest, tags, layer, entry }) => {
        return {
          ...summaryOf(entry, layer),
          repository,
          manifest,
          tags,
        } satisfies FoundFileSummary;
      });
      const next = found.next === undefined ? null : findCursor(found.next);
      return { items, next, timeUp: found.isTimeUp };
    },

    diff({ repository, from, to, platform, limit = DEFAULT_LIMIT, after }) {
      const image = (reference: string) => ({ repository, reference, platform });
      return withImage(image(from), (left) =>
        withImage(image(to), async (right, signal) => {
          const began = performance.now();
          const items: FileChange[] = [];
          let next: string | null = null;
          let timeUp = false;
          for await (const { path, change } of diffImages(left.view, right.view, { after })) {
            signal.throwIfAborted();
            if (change !== undefined) {
              items.push({
                path,
                kind: change.kind,
                differences: change.differences,
                from: change.from === undefined ? null : seenSummary(left, change.from),
                to: change.to === undefined ? null : seenSummary(right, change.to),
              });
            }
            timeUp = performance.now() - began >= SEARCH_TIME;
            if (items.length < limit && !timeUp) continue;
            next = path;
            break;
          }
          left.release();
          right.release();
          return { items, next, timeUp };
        }),
      );
    },
  };
  const { list, open, find, diff } = operations;
  return {
    list: (...request) => inTurn(() => list(...request)),
    open: (...request) => inTurn(() => open(...request)),
    find: (...request) => inTurn(() => find(...request)),
    diff: (...request) => inTurn(() => diff(...request)),
  };
}
