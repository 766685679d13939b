/** Pages of tags, repositories, referrers and deleted things, in byte order. */
import type { Digest } from '../oci/digest.ts';
import type { StoreContext } from './context.ts';
import { after, type KeyRange } from './kv/types.ts';
import { keys, lastPart, middlePart, ranges } from './metadata/keys.ts';
import {
  type DeletedManifestRecord,
  type DeletedTagRecord,
  decode,
  type ManifestRecord,
  type TagRecord,
} from './metadata/records.ts';

/** Which part of a list is wanted. */
export interface PageRequest {
  /** At most so many. */
  readonly limit: number;
  /** Only what sorts after this name, which need not exist. */
  readonly last?: string | undefined;
}

/** A part of a list. */
export interface Page<T> {
  readonly items: readonly T[];
  /** True when there is more after the last item. */
  readonly more: boolean;
}

function takePage<I, T>(source: Iterable<I>, limit: number, pick: (item: I) => T): Page<T> {
  const items: T[] = [];
  for (const item of source) {
    if (items.length === limit) return { items, more: true };
    items.push(pick(item));
  }
  return { items, more: false };
}

function from(range: KeyRange, key: string | undefined): KeyRange {
  return key === undefined ? range : { from: after(key), to: range.to };
}

/** A page of what follows the prefix that all keys of a range have. */
function takeNames(
  { kv }: StoreContext,
  range: KeyRange,
  start: string | undefined,
  limit: number,
): Page<string> {
  const { length } = range.from;
  return takePage(kv.keys(from(range, start)), limit, (key) => key.slice(length));
}

/** Names of the tags of a repository. */
export function listTags(
  context: StoreContext,
  repository: string,
  { limit, last }: PageRequest,
): Page<string> {
  const start = last === undefined ? undefined : keys.tag(repository, last);
  return takeNames(context, ranges.tags(repository), start, limit);
}

/** A tag with what it points to. */
export interface TagEntry {
  readonly tag: string;
  readonly digest: Digest;
  /** When it was set, milliseconds since 1970. */
  readonly at: number;
  /** The manifest, undefined when it is not there any more. */
  readonly manifest: ManifestRecord | undefined;
}

/** Tags of a repository with their manifests. */
export function listTagEntries(
  context: StoreContext,
  repository: string,
  { limit, last }: PageRequest,
): Page<TagEntry> {
  const start = last === undefined ? undefined : keys.tag(repository, last);
  const range = from(ranges.tags(repository), start);
  return takePage(context.kv.entries(range), limit, ([key, value]) => {
    const { digest, at } = decode<TagRecord>(value);
    const manifest = context.kv.read<ManifestRecord>(
      keys.manifest(repository, digest),
      decode<ManifestRecord>,
    );
    return { tag: lastPart(key), digest, at, manifest };
  });
}

/** Digests of the manifests of a repository. */
export function listManifests(
  context: StoreContext,
  repository: string,
  { limit, last }: PageRequest,
): Page<Digest> {
  const start = last === undefined ? undefined : keys.manifest(repository, last);
  return takeNames(context, ranges.manifests(repository), start, limit);
}

/** Digests of the blobs of a repository. */
export function listBlobs(
  context: StoreContext,
  repository: string,
  { limit, last }: PageRequest,
): Page<Digest> {
  const start = last === undefined ? undefined : keys.link(repository, last);
  return takeNames(context, ranges.links(repository), start, limit);
}

/** Names of repositories. */
export function listRepositories(
  context: StoreContext,
  { limit, last }: PageRequest,
): Page<string> {
  const start = last === undefined ? undefined : keys.repository(last);
  return takeNames(context, ranges.repositories(), start, limit);
}

/**
 * The descriptors of manifests that name a digest as their subject, as JSON text.
 * @param last - digest after which to go on
 */
export function* referrersOf(
  context: StoreContext,
  repository: string,
  { subject, last }: { readonly subject: Digest; readonly last?: Digest | undefined },
): Iterable<{ readonly digest: Digest; readonly json: string }> {
  const start = last === undefined ? undefined : keys.referrer(repository, subject, last);
  for (const [key, value] of context.kv.entries(
    from(ranges.referrers(repository, subject), start),
  )) {
    yield { digest: lastPart(key), json: Buffer.from(value).toString() };
  }
}

/** Something deleted that can be restored. */
export interface DeletedEntry {
  readonly repository: string;
  /** Present when a tag was deleted on its own. */
  readonly tag?: string;
  readonly digest: Digest;
  /** Tags that went with a manifest. */
  readonly tags: readonly string[];
  /** When it was deleted and when it goes for good, milliseconds since 1970. */
  readonly at: number;
  readonly until: number;
}

/** What was deleted and can be restored, in one repository or in all: manifests, then tags. */
export function* listDeleted(context: StoreContext, repository?: string): Iterable<DeletedEntry> {
  for (const [key, value] of context.kv.entries(ranges.deletedManifests(repository))) {
    const { tags, at, until } = decode<DeletedManifestRecord>(value);
    yield { repository: middlePart(key), digest: lastPart(key), tags, at, until };
  }
  for (const [key, value] of context.kv.entries(ranges.deletedTags(repository))) {
    const { digest, at, until } = decode<DeletedTagRecord>(value);
    yield { repository: middlePart(key), tag: lastPart(key), digest, tags: [], at, until };
  }
}
