/** Manifests, tags and referrers of repositories: reading, pushing, deleting, restoring. */
import type { Digest } from '../oci/digest.ts';
import type { Descriptor, ParsedManifest } from '../oci/manifest.ts';
import { parseManifest } from '../oci/manifest.ts';
import { type Content, findContent } from './content.ts';
import { commit, type StoreContext } from './context.ts';
import { StoreRefusal } from './errors.ts';
import {
  addContent,
  type Changes,
  type ContentSource,
  releaseContent,
  soundContent,
} from './metadata/changes.ts';
import { keys, lastPart, ranges } from './metadata/keys.ts';
import {
  type DeletedManifestRecord,
  type DeletedTagRecord,
  decode,
  encode,
  type ManifestRecord,
  type TagRecord,
} from './metadata/records.ts';
import {
  type Reading,
  readReferences,
  referencesOf,
  removeUses,
  requireUnused,
} from './references.ts';
import type { FileId } from './target/types.ts';

/** A manifest that can be served. */
export interface StoredManifest {
  readonly digest: Digest;
  readonly record: ManifestRecord;
  readonly content: Content;
}

/** Whether anything was ever pushed to the repository and is still there. */
export function hasRepository(context: StoreContext, repository: string): boolean {
  return context.kv.has(keys.repository(repository));
}

/** A tag, or undefined. */
export function findTag(
  context: StoreContext,
  repository: string,
  tag: string,
): TagRecord | undefined {
  return context.kv.read<TagRecord>(keys.tag(repository, tag), decode<TagRecord>);
}

/**
 * A manifest by digest, or undefined. Where manifests go by age, whoever was told of one may put it
 * into an index: its lease is renewed, as that of a blob is (decisions 3).
 */
export function findManifest(
  context: StoreContext,
  repository: string,
  digest: Digest,
): StoredManifest | undefined {
  const key = keys.manifest(repository, digest);
  const record = context.kv.read<ManifestRecord>(key, decode<ManifestRecord>);
  if (record === undefined) return undefined;
  const content = findContent(context, digest);
  if (content === undefined) return undefined;
  if (context.settings.untaggedAfter > 0) context.leases.renew(digest);
  return { digest, record, content };
}

/** A manifest to be stored. */
export interface ManifestPush {
  readonly repository: string;
  readonly digest: Digest;
  readonly bytes: Buffer;
  readonly parsed: ParsedManifest;
  readonly tags: readonly string[];
  /** Take it although things that it refers to are missing. */
  readonly allowMissing: boolean;
}

/** How the manifest describes itself to those who ask for the referrers of its subject (REF-4). */
function referrerEntry(push: ManifestPush): Buffer {
  const { mediaType, artifactType, annotations } = push.parsed;
  return encode({
    mediaType,
    digest: push.digest,
    size: push.bytes.length,
    ...(artifactType !== undefined && { artifactType }),
    ...(annotations !== undefined && { annotations }),
  });
}

function isPresent(changes: Changes, repository: string, { digest }: Descriptor): boolean {
  const { tx } = changes;
  const known = tx.has(keys.link(repository, digest)) || tx.has(keys.manifest(repository, digest));
  return known && soundContent(changes, digest) !== undefined;
}

function setTag(changes: Changes, repository: string, tag: string, record: TagRecord): void {
  const { tx } = changes;
  const key = keys.tag(repository, tag);
  const old = changes.record<TagRecord>(key);
  if (old === undefined) changes.count('tags', 1);
  else if (old.digest !== record.digest) tx.remove(keys.tagOf(repository, old.digest, tag));
  changes.put(key, record);
  changes.mark(keys.tagOf(repository, record.digest, tag));
  tx.remove(keys.deletedTag(repository, tag));
}

function removeTag(changes: Changes, repository: string, tag: string, digest: Digest): void {
  changes.tx.remove(keys.tag(repository, tag));
  changes.tx.remove(keys.tagOf(repository, digest, tag));
  changes.count('tags', -1);
}

/** Bytes too large for the metadata store are made durable in a file before the transaction. */
async function storeBytes(context: StoreContext, bytes: Buffer): Promise<ContentSource> {
  if (bytes.length <= context.settings.inlineMax) return { inline: bytes };
  const writer = await context.target.create();
  try {
    await writer.write([bytes], 0);
    await writer.sync();
  } catch (error) {
    await writer.close();
    await context.target.remove(writer.id);
    throw error;
  }
  await writer.close();
  await context.faultPoint('manifest.synced');
  return { file: writer.id, size: bytes.length };
}

/** Removes a file that nothing has come to refer to; the push is judged without it. */
async function removeUnused(context: StoreContext, file: FileId): Promise<void> {
  await context.target.remove(file).catch((error: unknown) => {
    // The first collection after the next start finds it.
    context.logger.warn({ err: error, file }, 'file not removed');
  });
}

/**
 * Stores a manifest and its tags in one transaction with the check of what it refers to; resolves
 * when that is durable.
 * @throws StoreRefusal `references-missing`
 */
export async function putManifest(context: StoreContext, push: ManifestPush): Promise<void> {
  const { repository, digest, parsed } = push;
  const source = await storeBytes(context, push.bytes);
  let used = false;
  try {
    used = await commit(context, (changes) => {
      const { tx } = changes;
      const at = context.clock();
      if (!push.allowMissing) {
        const missing = parsed.required.filter((one) => !isPresent(changes, repository, one));
        if (missing.length > 0) {
          const digests = [...new Set(missing.map((one) => one.digest))];
          throw new StoreRefusal('references-missing', 'references are missing', digests);
        }
      }
      const added = addContent(changes, digest, source, at);
      const key = keys.manifest(repository, digest);
      const old = changes.record<ManifestRecord>(key);
      if (old === undefined) changes.count('manifests', 1);
      forgetOtherReading(changes, push, old);
      changes.put(key, {
        mediaType: parsed.mediaType,
        size: push.bytes.length,
        at: old?.at ?? at,
        ...(old?.keptUntil !== undefined && { keptUntil: old.keptUntil }),
        ...(parsed.subject !== undefined && { subject: parsed.subject.digest }),
      } satisfies ManifestRecord);
      changes.mark(keys.owner(digest, 'manifest', repository));
      for (const target of referencesOf(parsed)) changes.mark(keys.use(repository, target, digest));
      if (parsed.subject !== undefined) {
        tx.put(keys.referrer(repository, parsed.subject.digest, digest), referrerEntry(push));
      }
      for (const tag of new Set(push.tags)) setTag(changes, repository, tag, { digest, at });
      tx.remove(keys.deletedManifest(repository, digest));
      changes.addRepository(repository, at);
      return added;
    });
  } finally {
    if (!used && 'file' in source) await removeUnused(context, source.file);
  }
  context.leases.renew(digest);
  await context.faultPoint('manifest.committed');
}

/**
 * Without a mediaType field the same bytes can be pushed as another type, and then refer to other
 * things: those they referred to before are not in use any more.
 */
function forgetOtherReading(
  changes: Changes,
  { repository, digest, bytes, parsed }: ManifestPush,
  old: ManifestRecord | undefined,
): void {
  const key = keys.deletedManifest(repository, digest);
  const before = old ?? changes.record<DeletedManifestRecord>(key)?.record;
  if (before === undefined || before.mediaType === parsed.mediaType) return;
  for (const target of referencesOf(parseManifest(bytes, before.mediaType))) {
    changes.tx.remove(keys.use(repository, target, digest));
  }
}

/** Takes away for good what is left of a manifest that has no record any more. */
function purge(
  changes: Changes,
  repository: string,
  manifest: { readonly digest: Digest; readonly mediaType: string },
  reading: Reading,
): void {
  removeUses(changes, repository, manifest, reading);
  releaseContent(changes, manifest.digest, 'manifest', repository);
}

/** How a manifest is deleted. */
export interface ManifestDeletion {
  /** A last look within the transaction; false leaves everything as it is. */
  readonly only?: (changes: Changes) => boolean;
  /** Also when it is part of an index and such manifests are protected. */
  readonly evenIfUsed?: boolean;
}

/**
 * Deletes a manifest and all tags on it, at once for all readers; resolves when that is durable.
 * @throws StoreRefusal `manifest-unknown`, or `in-use` where what manifests refer to is protected
 */
export async function deleteManifest(
  context: StoreContext,
  repository: string,
  digest: Digest,
  { only, evenIfUsed = false }: ManifestDeletion = {},
): Promise<void> {
  const { undo, protectReferenced } = context.settings;
  const key = keys.manifest(repository, digest);
  const seen = context.kv.read<ManifestRecord>(key, decode<ManifestRecord>);
  const reading = undo === 0 ? await readReferences(context, digest, seen?.mediaType) : undefined;
  await commit(context, (changes) => {
    const { tx } = changes;
    const record = changes.record<ManifestRecord>(key);
    if (record === undefined) {
      throw new StoreRefusal('manifest-unknown', `no manifest ${digest} in ${repository}`);
    }
    if (only !== undefined && !only(changes)) return;
    if (protectReferenced && !evenIfUsed) requireUnused(changes, repository, digest);
    const tags = tx.keys(ranges.tagsOf(repository, digest)).map(lastPart);
    for (const tag of tags) removeTag(changes, repository, tag, digest);
    tx.remove(key);
    changes.count('manifests', -1);
    let referrer: string | undefined;
    if (record.subject !== undefined) {
      const entry = keys.referrer(repository, record.subject, digest);
      referrer = Buffer.from(tx.get(entry) ?? []).toString();
      tx.remove(entry);
    }
    if (reading !== undefined) {
      purge(changes, repository, { digest, mediaType: record.mediaType }, reading);
      return;
    }
    const at = context.clock();
    changes.put(keys.deletedManifest(repository, digest), {
      record,
      tags,
      ...(referrer && { referrer }),
      at,
      until: at + undo,
    } satisfies DeletedManifestRecord);
  });
  await context.faultPoint('delete.committed');
}

/**
 * Deletes a tag; the manifest stays. Resolves when that is durable.
 * @throws StoreRefusal `tag-unknown`
 */
export async function deleteTag(
  context: StoreContext,
  repository: string,
  tag: string,
): Promise<void> {
  await commit(context, (changes) => {
    const record = changes.record<TagRecord>(keys.tag(repository, tag));
    if (record === undefined) {
      throw new StoreRefusal('tag-unknown', `no tag ${tag} in ${repository}`);
    }
    removeTag(changes, repository, tag, record.digest);
    if (context.settings.undo === 0) return;
    const at = context.clock();
    const until = at + context.settings.undo;
    const { digest } = record;
    changes.put(keys.deletedTag(repository, tag), { digest, at, until } satisfies DeletedTagRecord);
    // Without its manifest the tag could not come back.
    const key = keys.manifest(repository, digest);
    const manifest = changes.record<ManifestRecord>(key)!;
    changes.put(key, { ...manifest, keptUntil: until } satisfies ManifestRecord);
  });
  await context.faultPoint('delete.committed');
}

/**
 * Takes back the deletion of a manifest, with those of its tags that are free.
 * @throws StoreRefusal `nothing-to-restore`
 */
export async function restoreManifest(
  context: StoreContext,
  repository: string,
  digest: Digest,
): Promise<void> {
  await commit(context, (changes) => {
    const { tx } = changes;
    const key = keys.deletedManifest(repository, digest);
    const deleted = changes.record<DeletedManifestRecord>(key);
    if (deleted === undefined || soundContent(changes, digest) === undefined) {
      throw new StoreRefusal('nothing-to-restore', `no deleted manifest ${digest}`);
    }
    const { record, tags, referrer } = deleted;
    tx.remove(key);
    changes.put(keys.manifest(repository, digest), record);
    changes.count('manifests', 1);
    if (record.subject !== undefined && referrer !== undefined) {
      tx.put(keys.referrer(repository, record.subject, digest), Buffer.from(referrer));
    }
    const at = context.clock();
    for (const tag of tags) {
      if (!tx.has(keys.tag(repository, tag))) setTag(changes, repository, tag, { digest, at });
    }
    changes.addRepository(repository, at);
  });
}

/**
 * Takes back the deletion of a tag.
 * @throws StoreRefusal `nothing-to-restore`, also when the tag is in use again
 */
export async function restoreTag(
  context: StoreContext,
  repository: string,
  tag: string,
): Promise<void> {
  await commit(context, (changes) => {
    const { tx } = changes;
    const deleted = changes.record<DeletedTagRecord>(keys.deletedTag(repository, tag));
    if (
      deleted === undefined ||
      tx.has(keys.tag(repository, tag)) ||
      !tx.has(keys.manifest(repository, deleted.digest))
    ) {
      throw new StoreRefusal('nothing-to-restore', `no deleted tag ${tag} that could come back`);
    }
    setTag(changes, repository, tag, { digest: deleted.digest, at: context.clock() });
    changes.addRepository(repository, context.clock());
  });
}

/** Lets a deleted manifest go for good, if it is still deleted. */
export async function purgeDeletedManifest(
  context: StoreContext,
  repository: string,
  digest: Digest,
): Promise<void> {
  const key = keys.deletedManifest(repository, digest);
  const seen = context.kv.read(key, decode<DeletedManifestRecord>);
  const reading = await readReferences(context, digest, seen?.record.mediaType);
  await commit(context, (changes) => {
    const deleted = changes.record<DeletedManifestRecord>(key);
    if (deleted === undefined) return;
    changes.tx.remove(key);
    purge(changes, repository, { digest, mediaType: deleted.record.mediaType }, reading);
  });
}
