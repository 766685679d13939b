/**
 * What stored manifests refer to: the digests under which each has a `use` entry in its repository,
 * so that the collector can ask who needs a blob.
 */
import type { Digest } from '../oci/digest.ts';
import { type ParsedManifest, parseManifest } from '../oci/manifest.ts';
import { findContent, readContent } from './content.ts';
import type { StoreContext } from './context.ts';
import { StoreRefusal } from './errors.ts';
import type { Changes } from './metadata/changes.ts';
import { keys, lastPart, ranges } from './metadata/keys.ts';

/** All distinct digests that keep a blob or manifest in use; the subject does not. */
export function referencesOf(parsed: ParsedManifest): Set<Digest> {
  const digests = new Set<Digest>();
  for (const { digest } of parsed.required) digests.add(digest);
  for (const { digest } of parsed.optional) digests.add(digest);
  return digests;
}

/** What a manifest's bytes say when they are read as those of a media type. */
export interface Reading {
  readonly mediaType: string | undefined;
  /** Undefined when the bytes cannot be read. */
  readonly references: ReadonlySet<Digest> | undefined;
}

/** Reads a manifest ahead of a transaction, because bytes in a file cannot be read within one. */
export async function readReferences(
  context: StoreContext,
  digest: Digest,
  mediaType: string | undefined,
): Promise<Reading> {
  const content = findContent(context, digest);
  if (mediaType === undefined || content === undefined) return { mediaType, references: undefined };
  try {
    const bytes = await readContent(context, content);
    const references = bytes && referencesOf(parseManifest(bytes, mediaType));
    return { mediaType, references };
  } catch {
    return { mediaType, references: undefined };
  }
}

/** The entries that a manifest has, found the slow way. */
function usedBy(changes: Changes, repository: string, manifest: Digest): Set<Digest> {
  const found = new Set<Digest>();
  for (const key of changes.tx.keys(ranges.allUsesIn(repository))) {
    if (lastPart(key) === manifest) found.add(key.split(' ')[2]!);
  }
  return found;
}

/**
 * Removes the entries of a manifest, as part of a transaction.
 * @param mediaType - what the manifest's record says
 * @param reading - of no use when it was made of another record, or before the push was durable
 */
export function removeUses(
  changes: Changes,
  repository: string,
  manifest: { readonly digest: Digest; readonly mediaType: string },
  reading: Reading,
): void {
  const { digest, mediaType } = manifest;
  const known = reading.mediaType === mediaType ? reading.references : undefined;
  for (const target of known ?? usedBy(changes, repository, digest)) {
    changes.tx.remove(keys.use(repository, target, digest));
  }
}

/** Manifests named in a refusal; there may be thousands. */
const MAX_NAMED = 20;

/**
 * Makes sure that no manifest of the repository refers to a digest; deleted ones do not count.
 * @throws StoreRefusal `in-use`
 */
export function requireUnused(changes: Changes, repository: string, digest: Digest): void {
  const { tx } = changes;
  const users = tx
    .keys(ranges.uses(repository, digest))
    .map(lastPart)
    .filter((manifest) => tx.has(keys.manifest(repository, manifest)));
  if (users.length === 0) return;
  throw new StoreRefusal('in-use', 'manifests refer to it', users.slice(0, MAX_NAMED));
}
