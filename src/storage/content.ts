/**
 * Reads the intact bytes of a digest, wherever they lie, and takes damaged ones out of service. What is
 * kept as a recipe only is read by the floor above.
 */
import type { Digest } from '../oci/digest.ts';
import type { StoreContext } from './context.ts';
import { type Changes, change, keepRecipeOnly } from './metadata/changes.ts';
import { keys } from './metadata/keys.ts';
import { type ContentRecord, decode, type QuarantineRecord } from './metadata/records.ts';
import { readFully } from './target/read.ts';
import { FileMissingError, type FileReader } from './target/types.ts';

/** Content above this size is not kept in memory. */
const MAX_CACHED = 256 * 1024;

/** Why content is quarantined, in the words of the log and of the operators' interface. */
export const DAMAGE = {
  missingFile: 'its file is missing',
  missingBytes: 'its bytes are missing',
  shortFile: 'its file is short',
  wrongLength: 'its file has another length',
  wrongBytes: 'its bytes have another digest',
} as const;

/** Why it is when the system cannot read it. */
export function unreadable(error: unknown): string {
  return `it cannot be read: ${error instanceof Error ? error.message : error}`;
}

/**
 * Errors of the system that speak of the disk. Whatever else keeps a file from being opened, such as
 * too many open files, says nothing about its bytes.
 */
const MEDIUM_ERRORS: ReadonlySet<string | undefined> = new Set(['EIO', 'EUCLEAN', 'EBADMSG']);

/** Content that can be read. */
export interface Content {
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  readonly record: ContentRecord;
}

/** The content of a digest, or undefined when there is none or it is quarantined. */
export function findContent(context: StoreContext, digest: Digest): Content | undefined {
  const record = context.kv.read<ContentRecord>(keys.content(digest), decode<ContentRecord>);
  if (record === undefined || record.damaged !== undefined) return undefined;
  return { digest, size: record.size, record };
}

/** Whether two records are about the same bytes; those of a digest may have come anew. */
export function sameContent(a: ContentRecord | undefined, b: ContentRecord): boolean {
  return a !== undefined && a.file === b.file && a.recipe === b.recipe && a.at === b.at;
}

/** Content could not be read as it should be: the answer has to be cut, and it was quarantined. */
export class ContentDamagedError extends Error {
  override readonly name = 'ContentDamagedError';
  readonly digest: Digest;

  constructor(digest: Digest, reason: string) {
    super(`content ${digest} is damaged: ${reason}`);
    this.digest = digest;
  }
}

/** Bytes that are at hand without waiting; undefined when they lie in a file or a recipe. */
export function contentInMemory(context: StoreContext, content: Content): Buffer | undefined {
  const { file, recipe } = content.record;
  const cached = context.contentCache.get(content.digest);
  if (cached !== undefined || file !== undefined || recipe === true) return cached;
  const bytes = context.kv.bytes(keys.inline(content.digest));
  if (bytes !== undefined) context.contentCache.set(content.digest, bytes);
  return bytes;
}

/**
 * Opens content that lies in a file. When the file has just been removed because the content came
 * anew, the new file is opened.
 * @returns undefined when the content is gone, has been found damaged, or is kept as a recipe only
 */
export async function openContent(
  context: StoreContext,
  content: Content,
): Promise<FileReader | undefined> {
  let now: Content | undefined = content;
  for (let attempt = 0; now?.record.file !== undefined; attempt++) {
    try {
      return await context.target.open(now.record.file);
    } catch (error) {
      if (MEDIUM_ERRORS.has((error as NodeJS.ErrnoException).code)) {
        await quarantine(context, now, unreadable(error));
        return undefined;
      }
      if (!(error instanceof FileMissingError)) throw error;
      const before: number = now.record.file;
      now = findContent(context, content.digest);
      if (attempt > 0 || now?.record.file === before) {
        await quarantine(context, content, DAMAGE.missingFile);
        return undefined;
      }
    }
  }
  return undefined;
}

/** Fills a buffer from a file's start; returns what is wrong with the file, if anything. */
async function fill(reader: FileReader, bytes: Buffer): Promise<string | undefined> {
  try {
    const read = await readFully(reader, bytes, 0);
    return read < bytes.length ? DAMAGE.shortFile : undefined;
  } catch (error) {
    return unreadable(error);
  }
}

/**
 * Reads all of a content; only for what is known to be small, such as manifests.
 * @returns undefined when it is gone
 * @throws ContentDamagedError
 */
export async function readContent(
  context: StoreContext,
  content: Content,
): Promise<Buffer | undefined> {
  const ready = contentInMemory(context, content);
  if (ready !== undefined) return ready;
  const reader = await openContent(context, content);
  if (reader === undefined) return undefined;
  try {
    const bytes = Buffer.allocUnsafeSlow(content.size);
    const damage = await fill(reader, bytes);
    if (damage !== undefined) {
      await quarantine(context, content, damage);
      throw new ContentDamagedError(content.digest, damage);
    }
    // Not when it was quarantined meanwhile, else it would be served once it has been healed.
    const isCurrent = sameContent(findContent(context, content.digest)?.record, content.record);
    if (isCurrent && bytes.length <= MAX_CACHED) context.contentCache.set(content.digest, bytes);
    return bytes;
  } finally {
    reader.release();
  }
}

/**
 * Marks content as damaged, as a part of a transaction, if it is still the one that was looked at.
 * @returns false when it is not, or was marked before
 */
export function markDamaged(
  { clock }: StoreContext,
  changes: Changes,
  { digest, record }: Content,
  reason: string,
): boolean {
  const key = keys.content(digest);
  const now = changes.record<ContentRecord>(key);
  // It may have been pushed anew meanwhile.
  if (now === undefined || !sameContent(now, record) || now.damaged !== undefined) return false;
  changes.put(key, { ...now, damaged: reason } satisfies ContentRecord);
  changes.put(keys.quarantined(digest), { reason, at: clock() } satisfies QuarantineRecord);
  return true;
}

/**
 * Takes content out of service: it counts as absent from now on, until the same digest is pushed
 * again (decisions 1). Its bytes stay for whoever wants to look at them. A layer that has a recipe
 * as well goes on with that.
 */
export async function quarantine(
  context: StoreContext,
  content: Content,
  reason: string,
): Promise<void> {
  const { digest } = content;
  const { result, freed } = await change(context.kv, (changes) => {
    if (!changes.tx.has(keys.recipe(digest)) || content.record.recipe === true) {
      return markDamaged(context, changes, content, reason) ? 'quarantined' : undefined;
    }
    const now = changes.record<ContentRecord>(keys.content(digest));
    if (now === undefined || !sameContent(now, content.record)) return undefined;
    keepRecipeOnly(changes, digest, now);
    return 'left to its recipe';
  });
  // Only now that nobody puts it back into memory.
  context.contentCache.delete(digest);
  if (freed.length > 0) await context.removeFiles(freed);
  if (result !== undefined) context.logger.error({ digest, reason }, `content ${result}`);
}
