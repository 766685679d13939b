/** Blobs of repositories: which are there, mounts and deletes. */
import type { Digest } from '../oci/digest.ts';
import { type Content, findContent } from './content.ts';
import { commit, type StoreContext } from './context.ts';
import { StoreRefusal } from './errors.ts';
import { type Changes, releaseContent, soundContent } from './metadata/changes.ts';
import { keys, lastPart, ranges } from './metadata/keys.ts';
import type { MarkRecord } from './metadata/records.ts';
import { requireUnused } from './references.ts';

/** Repositories looked at for an anonymous mount. */
const MAX_OWNERS = 100;

/** A blob of a repository, undefined when it is not there. Renews the blob's lease. */
export function findBlob(
  context: StoreContext,
  repository: string,
  digest: Digest,
): Content | undefined {
  if (!context.kv.has(keys.link(repository, digest))) return undefined;
  const content = findContent(context, digest);
  if (content !== undefined) touch(context, digest, content.size);
  return content;
}

/** Notes that somebody relies on a blob, and renews its lease. */
function touch({ leases, hooks }: StoreContext, digest: Digest, size: number): void {
  leases.renew(digest);
  hooks.blobUsed?.(digest, size);
}

/** Enters a blob whose content is there into a repository, as part of a transaction. */
export function addLink(
  context: StoreContext,
  changes: Changes,
  repository: string,
  { digest, size }: { readonly digest: Digest; readonly size: number },
): void {
  const at = context.clock();
  const key = keys.link(repository, digest);
  touch(context, digest, size);
  if (changes.tx.has(key)) return;
  changes.put(key, { at } satisfies MarkRecord);
  changes.mark(keys.owner(digest, 'blob', repository));
  changes.addRepository(repository, at);
}

/** A mount: from which repositories, in order of preference, to which. */
export interface MountRequest {
  readonly digest: Digest;
  readonly from: readonly string[];
  readonly to: string;
}

/**
 * Enters a blob of one repository into another; resolves when that is durable.
 * @returns false when none of the sources holds it
 */
export async function mountBlob(context: StoreContext, request: MountRequest): Promise<boolean> {
  const { digest, from, to } = request;
  return await commit(context, (changes) => {
    const content = soundContent(changes, digest);
    if (content === undefined) return false;
    if (!from.some((repository) => changes.tx.has(keys.link(repository, digest)))) return false;
    addLink(context, changes, to, { digest, size: content.size });
    return true;
  });
}

/** Some repositories that hold a blob; which of them a caller may see is for the caller to say. */
export function repositoriesWithBlob(context: StoreContext, digest: Digest): string[] {
  const found: string[] = [];
  for (const key of context.kv.keys({ ...ranges.blobOwners(digest), limit: MAX_OWNERS })) {
    found.push(lastPart(key));
  }
  return found;
}

/**
 * Removes a blob from a repository, at once for all readers; resolves when that is durable.
 * @throws StoreRefusal `blob-unknown`, or `in-use` where referenced blobs are protected
 */
export async function deleteBlob(
  context: StoreContext,
  repository: string,
  digest: Digest,
): Promise<void> {
  await commit(context, (changes) => {
    const { tx } = changes;
    if (!tx.has(keys.link(repository, digest))) {
      throw new StoreRefusal('blob-unknown', `no blob ${digest} in ${repository}`);
    }
    if (context.settings.protectReferenced) requireUnused(changes, repository, digest);
    removeLink(changes, repository, digest);
  });
  await context.faultPoint('delete.committed');
}

/**
 * Takes a blob out of a repository, as part of a transaction.
 * @returns bytes of content that went with it, when this was the last repository to hold it
 */
export function removeLink(changes: Changes, repository: string, digest: Digest): number {
  changes.tx.remove(keys.link(repository, digest));
  return releaseContent(changes, digest, 'blob', repository);
}
