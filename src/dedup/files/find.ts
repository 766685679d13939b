/**
 * Finds files in all layers that have a tree: by their digest or name through the index of keys, by a
 * pattern by going over all trees. Long searches are done in pieces, each of which ends after a while
 * and says where to go on.
 */
import { createBreather } from '../../lib/breather.ts';
import type { Glob } from '../../lib/glob.ts';
import type { Digest } from '../../oci/digest.ts';
import { after, type KeyRange, type KeyValueStore } from '../../storage/kv/types.ts';
import { keys, lastPart, numberOf, ranges } from '../../storage/metadata/keys.ts';
import { decode } from '../../storage/metadata/records.ts';
import type { FileKeyRecord, TreePieceRecord, TreeRecord } from '../catalog/records.ts';
import { isDamage } from '../restore/damage.ts';
import type { TreeEntry } from './model.ts';
import { nameOf } from './paths.ts';
import { contentKey, isFound, nameKey } from './search-key.ts';
import type { StoredFiles } from './stored-layer.ts';

/** What is looked for. */
export type FileQuery =
  /** Files with these bytes: their SHA-256 in base64url. */
  | { readonly kind: 'digest'; readonly digest: string }
  /** Entries with this name, in any directory. */
  | { readonly kind: 'name'; readonly name: string }
  /** Entries whose path fits; only their name is looked at when the pattern has no slash. */
  | { readonly kind: 'glob'; readonly matches: Glob; readonly isName: boolean };

/** Where a search has come to: everything before, and this itself, has been told of. */
export interface FindPosition {
  /** Key of the piece. */
  readonly key: string;
  /** Number of the entry in it; absent when the whole piece has been gone over. */
  readonly entry?: number | undefined;
  readonly repository?: string | undefined;
  readonly manifest?: string | undefined;
}

/** A file in an image. */
export interface FoundFile {
  readonly repository: string;
  /** Digest of the image's manifest. */
  readonly manifest: Digest;
  /** Tags of it, and of indexes that it is in; at most 100. */
  readonly tags: readonly string[];
  readonly layer: Digest;
  readonly entry: TreeEntry;
}

/** How a search is done. */
export interface FindOptions {
  /** Files at most. */
  readonly limit: number;
  /** Milliseconds after which it ends. */
  readonly time: number;
  readonly from?: FindPosition | undefined;
  /** Whether a repository may be shown. */
  readonly mayRead: (repository: string) => boolean;
  readonly signal: AbortSignal;
}

/** A part of what is found. */
export interface FoundPage {
  readonly files: readonly FoundFile[];
  /** Where to go on; undefined at the end. */
  readonly next: FindPosition | undefined;
  /** The time was up before the page was full. */
  readonly isTimeUp: boolean;
}

/** Tags of one manifest that are told. */
const MAX_TAGS = 100;
/** Keys taken from the database at a time. */
const STEP = 64;

/** A piece in which there may be something. */
interface Candidate {
  readonly key: string;
  readonly recipe: number;
  readonly group: number;
}

/** The entries of a range from a position on, a few at a time, each read when it is come to. */
function* entriesFrom<T>(
  kv: KeyValueStore,
  range: KeyRange,
  from: string | undefined,
  read: (value: Uint8Array) => T,
): Generator<readonly [key: string, record: T], void> {
  let start = from ?? range.from;
  for (;;) {
    const found: (readonly [string, T])[] = [];
    // Values hold until the next one is taken.
    for (const [key, value] of kv.entries({ from: start, to: range.to, limit: STEP })) {
      found.push([key, read(value)]);
    }
    yield* found;
    if (found.length < STEP) return;
    start = after(found.at(-1)![0]);
  }
}

function* keysFrom(
  kv: KeyValueStore,
  range: KeyRange,
  from: string | undefined,
): Generator<string, void> {
  for (const [key] of entriesFrom(kv, range, from, () => undefined)) yield key;
}

function rangeOf(query: FileQuery): KeyRange {
  if (query.kind === 'glob') return ranges.allTreePieces();
  return ranges.fileKeys(query.kind === 'digest' ? contentKey(query.digest) : nameKey(query.name));
}

/** Whether a position is one of this search; others come from somewhere else. */
export function isPositionOf(query: FileQuery, { key }: FindPosition): boolean {
  const { from, to } = rangeOf(query);
  return key >= from && key < to;
}

function* candidates(
  kv: KeyValueStore,
  query: FileQuery,
  from?: FindPosition,
): Generator<Candidate> {
  const start = from && (from.entry === undefined ? after(from.key) : from.key);
  const range = rangeOf(query);
  if (query.kind === 'glob') {
    for (const [key, { group }] of entriesFrom(kv, range, start, decode<TreePieceRecord>)) {
      yield { key, recipe: numberOf(key.slice(0, key.lastIndexOf(' '))), group };
    }
  } else {
    for (const [key, { recipe }] of entriesFrom(kv, range, start, decode<FileKeyRecord>)) {
      yield { key, recipe, group: numberOf(key) };
    }
  }
}

function matches(query: FileQuery, entry: TreeEntry): boolean {
  if (!isFound(entry)) return false;
  if (query.kind === 'digest') return entry.content?.digest === query.digest;
  if (query.kind === 'name') return nameOf(entry.path) === query.name;
  return query.matches(query.isName ? nameOf(entry.path) : entry.path);
}

/** The tags by which a manifest is reached, its own and those of indexes that name it. */
function tagsOf(kv: KeyValueStore, repository: string, manifest: Digest): string[] {
  const tags = new Set<string>();
  const add = (digest: Digest): void => {
    const range = { ...ranges.tagsOf(repository, digest), limit: MAX_TAGS };
    for (const key of kv.keys(range)) if (tags.size < MAX_TAGS) tags.add(lastPart(key));
  };
  add(manifest);
  for (const key of kv.keys({ ...ranges.uses(repository, manifest), limit: MAX_TAGS })) {
    add(lastPart(key));
  }
  return [...tags].sort();
}

/** What ends a page in the middle of a piece. */
type PageEnd = Required<Pick<FoundPage, 'next' | 'isTimeUp'>>;

/**
 * Searches until there are enough files, nothing is left, or the time is up.
 * @throws the signal's reason, errors of the disk
 */
export async function findFiles(
  { kv, stored }: { readonly kv: KeyValueStore; readonly stored: StoredFiles },
  query: FileQuery,
  { limit, time, from, mayRead, signal }: FindOptions,
): Promise<FoundPage> {
  const files: FoundFile[] = [];
  const began = performance.now();
  const breathe = createBreather();
  const isLate = (): boolean => performance.now() - began >= time;

  /** Tells of one entry in all images that may be shown. @returns where it had to stop */
  async function tell(
    at: FindPosition & { readonly entry: number },
    layer: Digest,
    entry: TreeEntry,
  ): Promise<PageEnd | undefined> {
    const owners = ranges.blobOwners(layer);
    const isSame = from?.key === at.key && from.entry === at.entry;
    const first = isSame && from.repository !== undefined ? from.repository : undefined;
    const start = first === undefined ? undefined : keys.owner(layer, 'blob', first);
    for (const owner of keysFrom(kv, owners, start)) {
      const repository = lastPart(owner);
      if (!mayRead(repository)) continue;
      const uses = ranges.uses(repository, layer);
      const last = repository === first ? from?.manifest : undefined;
      const goOn = last === undefined ? undefined : after(keys.use(repository, layer, last));
      for (const use of keysFrom(kv, uses, goOn)) {
        const manifest = lastPart(use);
        // One that was deleted and may come back has uses as well.
        if (!kv.has(keys.manifest(repository, manifest))) continue;
        files.push({ repository, manifest, tags: tagsOf(kv, repository, manifest), layer, entry });
        const here = { ...at, repository, manifest };
        if (files.length === limit) return { next: here, isTimeUp: false };
        if (isLate()) return { next: here, isTimeUp: true };
        await breathe();
        signal.throwIfAborted();
      }
    }
    return undefined;
  }

  /** Whether anybody may be told of a layer; saves reading what nobody will see. */
  function isShown(layer: Digest): boolean {
    const owners = [...kv.keys({ ...ranges.blobOwners(layer), limit: STEP })].map(lastPart);
    return owners.length === STEP || owners.some(mayRead);
  }

  /** Entries of a piece; none when it is damaged or goes just now. */
  async function entriesOf(group: number): Promise<readonly TreeEntry[]> {
    try {
      return await stored.readPiece(group);
    } catch (error) {
      if (isDamage(error)) return [];
      throw error;
    }
  }

  for (const { key, recipe, group } of candidates(kv, query, from)) {
    const tree = kv.read(keys.tree(recipe), decode<TreeRecord>);
    if (tree !== undefined && isShown(tree.digest)) {
      const entries = await entriesOf(group);
      const first = from?.key === key ? (from.entry ?? 0) : 0;
      for (let number = first; number < entries.length; number++) {
        const entry = entries[number]!;
        if (!matches(query, entry)) continue;
        const end = await tell({ key, entry: number }, tree.digest, entry);
        if (end !== undefined) return { files, ...end };
      }
    }
    await breathe();
    signal.throwIfAborted();
    if (isLate()) return { files, next: { key }, isTimeUp: true };
  }
  return { files, next: undefined, isTimeUp: false };
}
