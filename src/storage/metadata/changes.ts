/**
 * A transaction in the terms of the registry's records. It gathers how the totals change, because a
 * transaction may write each key only once.
 */
import type { Digest } from '../../oci/digest.ts';
import type { KeyValueStore, Transaction, TransactOptions } from '../kv/types.ts';
import type { FileId } from '../target/types.ts';
import { keys, ranges } from './keys.ts';
import {
  type ContentRecord,
  decode,
  encode,
  type MarkRecord,
  NO_TOTALS,
  PRESENT,
  type Totals,
} from './records.ts';

/** Where new content lies: inline bytes, or a synced file. */
export type ContentSource =
  | { readonly inline: Uint8Array }
  | { readonly file: FileId; readonly size: number };

/** A transaction under way. */
export interface Changes {
  readonly tx: Transaction;
  /** Files that hold nothing any more once the transaction is durable. */
  readonly freed: FileId[];
  record<T>(key: string): T | undefined;
  put(key: string, record: object): void;
  mark(key: string): void;
  count(name: keyof Totals, change: number): void;
  /** Makes sure that the repository exists. */
  addRepository(repository: string, at: number): void;
  /** Runs `act` when the work is over: writes what had to be summed up, each key once. */
  atEnd(act: () => void): void;
  /** Runs `act` once all of it is durable, before {@link change} resolves. It must not reject. */
  afterwards(act: () => Promise<void>): void;
}

/** Runs `work` as one transaction; resolves when it is durable. */
export async function change<T>(
  kv: KeyValueStore,
  work: (changes: Changes) => T,
  options?: TransactOptions,
): Promise<{ readonly result: T; readonly freed: readonly FileId[] }> {
  const freed: FileId[] = [];
  const ends: (() => void)[] = [];
  const followers: (() => Promise<void>)[] = [];
  const result = await kv.transact((tx) => {
    const totals = { ...NO_TOTALS };
    const changes: Changes = {
      tx,
      freed,
      record<R>(key: string): R | undefined {
        const bytes = tx.get(key);
        return bytes === undefined ? undefined : decode<R>(bytes);
      },
      put: (key, record) => tx.put(key, encode(record)),
      mark: (key) => tx.put(key, PRESENT),
      count(name, amount) {
        totals[name] += amount;
      },
      addRepository(repository, at) {
        const key = keys.repository(repository);
        if (tx.has(key)) return;
        tx.put(key, encode({ at } satisfies MarkRecord));
        totals.repositories++;
      },
      atEnd: (act) => void ends.push(act),
      afterwards: (act) => void followers.push(act),
    };
    const value = work(changes);
    for (const act of ends) act();
    if (Object.values(totals).some((amount) => amount !== 0)) {
      const old = { ...NO_TOTALS, ...changes.record<Partial<Totals>>(keys.totals) };
      changes.put(keys.totals, {
        repositories: old.repositories + totals.repositories,
        tags: old.tags + totals.tags,
        manifests: old.manifests + totals.manifests,
        contents: old.contents + totals.contents,
        bytes: old.bytes + totals.bytes,
        recipeContents: old.recipeContents + totals.recipeContents,
        recipeBytes: old.recipeBytes + totals.recipeBytes,
      } satisfies Totals);
    }
    return value;
  }, options);
  for (const act of followers) await act();
  return { result, freed };
}

/** Content that may be served: known and not quarantined. */
export function soundContent(changes: Changes, digest: Digest): ContentRecord | undefined {
  const content = changes.record<ContentRecord>(keys.content(digest));
  return content === undefined || content.damaged !== undefined ? undefined : content;
}

/**
 * Gives a digest its content, unless it has some that is sound.
 * @returns false when the new bytes are not needed
 */
export function addContent(
  changes: Changes,
  digest: Digest,
  source: ContentSource,
  at: number,
): boolean {
  const { tx } = changes;
  const key = keys.content(digest);
  const old = changes.record<ContentRecord>(key);
  if (old !== undefined && old.damaged === undefined) return false;
  const size = 'inline' in source ? source.inline.length : source.size;
  if (old === undefined) changes.count('contents', 1);
  changes.count('bytes', size - (old?.size ?? 0));
  if (old !== undefined) {
    tx.remove(keys.quarantined(digest));
    freeBytes(changes, digest, old);
  }
  placeBytes(changes, digest, { source, size, at });
  return true;
}

/** Enters where the bytes of a digest lie from now on. */
function placeBytes(
  { tx, put }: Changes,
  digest: Digest,
  { source, size, at }: { readonly source: ContentSource; readonly size: number; at: number },
): void {
  if ('inline' in source) {
    tx.put(keys.inline(digest), source.inline);
    put(keys.content(digest), { size, at } satisfies ContentRecord);
  } else {
    tx.put(keys.file(source.file), Buffer.from(digest));
    put(keys.content(digest), { size, at, file: source.file } satisfies ContentRecord);
  }
}

/** Lets the bytes of a content go from wherever they lie; those of recipes are not counted as such any more. */
function freeBytes(changes: Changes, digest: Digest, { file, recipe, size }: ContentRecord): void {
  if (file !== undefined) freeFile(changes, file);
  else if (recipe !== true) changes.tx.remove(keys.inline(digest));
  else {
    changes.count('recipeContents', -1);
    changes.count('recipeBytes', -size);
  }
}

/** Lets the intact bytes of a content go, because its recipe gives them back. */
export function keepRecipeOnly(changes: Changes, digest: Digest, record: ContentRecord): void {
  const { size, at } = record;
  freeBytes(changes, digest, record);
  changes.count('recipeContents', 1);
  changes.count('recipeBytes', size);
  if (record.damaged !== undefined) changes.tx.remove(keys.quarantined(digest));
  changes.put(keys.content(digest), { size, at, recipe: true } satisfies ContentRecord);
}

/** Gives intact bytes to a content that was kept as a recipe only. */
export function keepIntact(
  changes: Changes,
  digest: Digest,
  { record, source }: { readonly record: ContentRecord; readonly source: ContentSource },
): void {
  const { size, at } = record;
  freeBytes(changes, digest, record);
  placeBytes(changes, digest, { source, size, at });
}

function freeFile(changes: Changes, id: FileId): void {
  changes.tx.remove(keys.file(id));
  changes.mark(keys.deadFile(id));
  changes.freed.push(id);
}

/**
 * Takes content from a repository; with its last owner the content itself goes.
 * @param role - what the content was to the repository
 * @returns bytes of content that went with it
 */
export function releaseContent(
  changes: Changes,
  digest: Digest,
  role: 'blob' | 'manifest',
  repository: string,
): number {
  const { tx } = changes;
  const owner = keys.owner(digest, role, repository);
  tx.remove(owner);
  const others = tx.keys({ ...ranges.owners(digest), limit: 2 }).filter((key) => key !== owner);
  if (others.length > 0) return 0;
  const content = changes.record<ContentRecord>(keys.content(digest));
  if (content === undefined) return 0;
  tx.remove(keys.content(digest));
  if (content.damaged !== undefined) tx.remove(keys.quarantined(digest));
  freeBytes(changes, digest, content);
  changes.count('contents', -1);
  changes.count('bytes', -content.size);
  return content.size;
}
