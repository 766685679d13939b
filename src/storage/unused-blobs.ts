/** Blobs that no manifest of their repository refers to: how they are found and removed. */
import { removeLink } from './blobs.ts';
import type { StoreContext } from './context.ts';
import type { TransactOptions } from './kv/types.ts';
import { change } from './metadata/changes.ts';
import { keys, lastPart, middlePart, ranges } from './metadata/keys.ts';
import { type ContentRecord, decode } from './metadata/records.ts';
import type { FileId } from './target/types.ts';

/** Entries passed over one by one before it is cheaper to begin a new range further on. */
const MAX_PASSED = 8;

/** The references of a registry, in the order of what they refer to. */
interface UseCursor {
  /** Whether there is one in a half-open range; later ranges must not begin before earlier ones. */
  reaches(from: string, to: string): boolean;
  close(): void;
}

/** An iterator need not say that it is not done. */
const isFound = (step: IteratorResult<string> | undefined): step is IteratorYieldResult<string> =>
  step !== undefined && step.done !== true;

function openUses({ kv }: StoreContext): UseCursor {
  const { to: end } = ranges.allUses();
  let entries: Iterator<string> | undefined;
  let current: IteratorResult<string> | undefined;

  function begin(from: string): void {
    entries?.return?.();
    entries = kv.keys({ from, to: end })[Symbol.iterator]();
    current = entries.next();
  }

  return {
    reaches(from, to) {
      if (entries === undefined) begin(from);
      for (let passed = 0; isFound(current) && current.value < from; passed++) {
        // One blob may be used by thousands of manifests.
        if (passed === MAX_PASSED) begin(from);
        else current = entries!.next();
      }
      return isFound(current) && current.value < to;
    },
    close: () => void entries?.return?.(),
  };
}

/**
 * Those of some links that nothing keeps: no manifest refers to the blob, and nobody has a lease.
 * Links and references stand in the same order, so one walk along both is enough (a merge join); a
 * range of its own for each blob costs five times as much.
 * @param links - keys of links, ascending
 */
export function findUnused(context: StoreContext, links: readonly string[]): string[] {
  const uses = openUses(context);
  try {
    return links.filter((link) => {
      const digest = lastPart(link);
      const { from, to } = ranges.uses(middlePart(link), digest);
      return !uses.reaches(from, to) && !context.leases.holds(digest);
    });
  } finally {
    uses.close();
  }
}

/** What went with a blob that was removed. */
export interface Removal {
  /** Bytes of content. */
  readonly bytes: number;
  /** Files that hold nothing any more. */
  readonly freed: readonly FileId[];
}

/**
 * Removes a blob from its repository, unless something has come to keep it meanwhile; resolves when
 * that is durable. Its file is left for the caller to remove.
 * @param link - key of its link
 * @returns undefined when it stays
 */
export async function removeUnused(
  { kv, leases }: StoreContext,
  link: string,
  options?: TransactOptions,
): Promise<Removal | undefined> {
  const { result: bytes, freed } = await change(
    kv,
    (changes) => {
      const repository = middlePart(link);
      const digest = lastPart(link);
      if (!changes.tx.has(link) || leases.holds(digest)) return undefined;
      const uses = changes.tx.keys({ ...ranges.uses(repository, digest), limit: 1 });
      return uses.length > 0 ? undefined : removeLink(changes, repository, digest);
    },
    options,
  );
  return bytes === undefined ? undefined : { bytes, freed };
}

/** Bytes of content that would go with a blob. */
export function bytesFreedBy({ kv }: StoreContext, link: string): number {
  const digest = lastPart(link);
  const owners = [...kv.keys({ ...ranges.owners(digest), limit: 2 })];
  if (owners.length > 1) return 0;
  return kv.read(keys.content(digest), decode<ContentRecord>)?.size ?? 0;
}
