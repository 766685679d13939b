/** What operators do to repositories and tags, done on a store. */
import { setImmediate as turn } from 'node:timers/promises';
import { isDigest } from '../../oci/digest.ts';
import { OciError } from '../../oci/errors.ts';
import { parseManifest } from '../../oci/manifest.ts';
import { readContent } from '../../storage/content.ts';
import type { StoreContext } from '../../storage/context.ts';
import { StoreRefusal } from '../../storage/errors.ts';
import {
  type DeletedEntry,
  listDeleted,
  listManifests,
  listRepositories,
  listTagEntries,
  listTags,
  type Page as StorePage,
  type PageRequest as StorePageRequest,
  type TagEntry,
} from '../../storage/listing.ts';
import {
  deleteManifest,
  deleteTag,
  findManifest,
  findTag,
  hasRepository,
  restoreManifest,
  restoreTag,
} from '../../storage/manifests.ts';
import { ranges } from '../../storage/metadata/keys.ts';
import { isoTime } from './job-fields.ts';
import type {
  DeletedItem,
  DeletionResult,
  Operations,
  Page,
  PageRequest,
  RestorationResult,
  TagSummary,
} from './operations.ts';
import { DEFAULT_LIMIT } from './parameters.ts';
import { translated } from './refusals.ts';

/** Entries taken from the database in one go, so that requests get their turn in between. */
const STEP = 200;
/** Deletions that wait for their commit together. */
const TOGETHER = 32;
/** Deleted things looked at, and shown. */
const MAX_LOOKED_AT = 5000;
const MAX_SHOWN = 1000;

function requireRepository(context: StoreContext, repository: string): void {
  if (!hasRepository(context, repository)) throw new OciError('NAME_UNKNOWN');
}

/** All entries of a list, with a pause for others after each step. */
async function* inSteps<T>(
  list: (request: StorePageRequest) => StorePage<T>,
  nameOf: (item: T) => string,
): AsyncGenerator<readonly T[]> {
  let last: string | undefined;
  for (;;) {
    const page: StorePage<T> = list({ limit: STEP, last });
    yield page.items;
    if (!page.more) return;
    last = nameOf(page.items.at(-1)!);
    await turn();
  }
}

async function countAll(list: (request: StorePageRequest) => StorePage<string>): Promise<number> {
  let count = 0;
  for await (const names of inSteps(list, (name) => name)) count += names.length;
  return count;
}

/** Bytes of a manifest and of what it refers to itself. */
async function imageSize(
  context: StoreContext,
  repository: string,
  { digest, manifest }: TagEntry,
): Promise<number | null> {
  const stored = findManifest(context, repository, digest);
  const bytes = stored && (await readContent(context, stored.content).catch(() => undefined));
  if (bytes === undefined) return null;
  const parsed = parseManifest(bytes, manifest?.mediaType);
  const sizes = new Map<string, number>();
  for (const part of [...parsed.required, ...parsed.optional]) sizes.set(part.digest, part.size);
  let sum = bytes.length;
  for (const size of sizes.values()) sum += size;
  return sum;
}

async function summaryOf(
  context: StoreContext,
  repository: string,
  entry: TagEntry,
): Promise<TagSummary> {
  return {
    name: entry.tag,
    digest: entry.digest,
    mediaType: entry.manifest?.mediaType ?? null,
    bytes: await imageSize(context, repository, entry),
    pushedAt: isoTime(entry.at),
  };
}

function toDeletedItem({ tag, digest, tags, at, until }: DeletedEntry): DeletedItem {
  return {
    kind: tag === undefined ? 'manifest' : 'tag',
    reference: tag ?? digest,
    digest,
    tags,
    deletedAt: isoTime(at),
    restorableUntil: isoTime(until),
  };
}

/** Deleted things of a repository, the latest first. */
function latestDeleted(context: StoreContext, repository: string): DeletedEntry[] {
  const found: DeletedEntry[] = [];
  for (const entry of listDeleted(context, repository)) {
    if (entry.until > context.clock()) found.push(entry);
    if (found.length === MAX_LOOKED_AT) break;
  }
  return found.sort((a, b) => b.at - a.at);
}

async function restoreManifestWithTags(
  context: StoreContext,
  repository: string,
  { digest, tags }: Pick<DeletedEntry, 'digest' | 'tags'>,
): Promise<RestorationResult> {
  await translated(restoreManifest(context, repository, digest));
  // A tag that has been set again meanwhile stays where it is.
  const back = tags.filter((tag) => findTag(context, repository, tag)?.digest === digest);
  return { tags: back.length, manifests: 1 };
}

/** A tag comes back from its own deletion, or from that of its manifest, whichever was later. */
async function restoreByTag(
  context: StoreContext,
  repository: string,
  tag: string,
): Promise<RestorationResult> {
  const deleted = latestDeleted(context, repository);
  const found = deleted.find((entry) => entry.tag === tag || entry.tags.includes(tag));
  if (found === undefined || findTag(context, repository, tag) !== undefined) {
    const message = `no deleted tag ${tag} that could come back`;
    throw new OciError('MANIFEST_UNKNOWN', { message });
  }
  if (found.tag === undefined) return await restoreManifestWithTags(context, repository, found);
  const lost = findManifest(context, repository, found.digest) === undefined;
  const manifest = deleted.find(
    ({ tag: of, digest }) => of === undefined && digest === found.digest,
  );
  let result: RestorationResult = { tags: 0, manifests: 0 };
  if (lost && manifest !== undefined) {
    result = await restoreManifestWithTags(context, repository, manifest);
  }
  await translated(restoreTag(context, repository, tag));
  return { ...result, tags: result.tags + 1 };
}

/** The part of {@link Operations} that is about repositories and tags. */
export function localRepositories(
  context: StoreContext,
): Omit<Operations, 'status' | 'collection' | 'scrub' | 'dedup' | 'files'> {
  function deletion(tags: number, manifests: number): DeletionResult {
    const { undo } = context.settings;
    const restorableUntil = undo > 0 ? isoTime(context.clock() + undo) : null;
    return { tags, manifests, restorableUntil };
  }

  function page<T>({ items, more }: StorePage<T>, nameOf: (item: T) => string): Page<T> {
    return { items, next: more ? nameOf(items.at(-1)!) : null };
  }

  function wanted({ limit = DEFAULT_LIMIT, last }: PageRequest = {}): StorePageRequest {
    return { limit, last };
  }

  async function deleteAllManifests(repository: string): Promise<number> {
    let count = 0;
    const digests = inSteps(
      (request) => listManifests(context, repository, request),
      (digest) => digest,
    );
    for await (const step of digests) {
      for (let i = 0; i < step.length; i += TOGETHER) {
        const some = step.slice(i, i + TOGETHER);
        const done = await Promise.allSettled(
          some.map((digest) => deleteManifest(context, repository, digest, { evenIfUsed: true })),
        );
        for (const outcome of done) {
          if (outcome.status === 'fulfilled') count++;
          // Gone meanwhile, or in quarantine: nothing that could be deleted.
          else if (!(outcome.reason instanceof StoreRefusal)) throw outcome.reason;
        }
      }
    }
    return count;
  }

  return {
    async repositories(request) {
      const names = page(listRepositories(context, wanted(request)), (name) => name);
      const items = [];
      for (const name of names.items) {
        const tags = await countAll((part) => listTags(context, name, part));
        const manifests = await countAll((part) => listManifests(context, name, part));
        items.push({ name, tags, manifests });
      }
      return { items, next: names.next };
    },

    async tags(repository, request) {
      requireRepository(context, repository);
      const entries = page(listTagEntries(context, repository, wanted(request)), ({ tag }) => tag);
      const items: TagSummary[] = [];
      for (const entry of entries.items) {
        items.push(await summaryOf(context, repository, entry));
        // Manifests that are in memory are read without waiting, one after the other.
        if (items.length % 32 === 0) await turn();
      }
      return { items, next: entries.next };
    },

    async deleteTag(repository, tag) {
      requireRepository(context, repository);
      await translated(deleteTag(context, repository, tag));
      return deletion(1, 0);
    },

    async deleteManifest(repository, digest) {
      requireRepository(context, repository);
      const tags = [...context.kv.keys(ranges.tagsOf(repository, digest))].length;
      await translated(deleteManifest(context, repository, digest));
      return deletion(tags, 1);
    },

    async deleteRepository(repository) {
      requireRepository(context, repository);
      const before = await countAll((part) => listTags(context, repository, part));
      const manifests = await deleteAllManifests(repository);
      // Tags of manifests that could not be deleted.
      const left = inSteps(
        (request) => listTags(context, repository, request),
        (tag) => tag,
      );
      for await (const tags of left) {
        await Promise.all(tags.map((tag) => translated(deleteTag(context, repository, tag))));
      }
      return deletion(before, manifests);
    },

    async deleted(repository) {
      requireRepository(context, repository);
      return latestDeleted(context, repository).slice(0, MAX_SHOWN).map(toDeletedItem);
    },

    async restore(repository, reference) {
      requireRepository(context, repository);
      if (!isDigest(reference)) return await restoreByTag(context, repository, reference);
      const entry = latestDeleted(context, repository).find(
        ({ tag, digest }) => tag === undefined && digest === reference,
      );
      const manifest = entry ?? { digest: reference, tags: [] };
      return await restoreManifestWithTags(context, repository, manifest);
    },
  };
}
