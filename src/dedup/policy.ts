/** Which layers may be taken apart, by their size and the repositories that hold them. */
import type { Digest } from '../oci/digest.ts';
import type { KeyRange } from '../storage/kv/types.ts';
import { lastPart, ranges } from '../storage/metadata/keys.ts';

/** What an operator can set. */
export interface DedupPolicy {
  /** Bytes below which a layer stays as it is. */
  readonly minSize: number;
  /** Milliseconds that an intact copy stays after its last push or pull. */
  readonly minAge: number;
  /** Bytes that all intact copies of layers with recipes may take. */
  readonly intactBudget: number;
  /** Whether layers of a repository may be taken apart. */
  readonly allows: (repository: string) => boolean;
  /** Whether {@link allows} is the same for all repositories, and which. */
  readonly everywhere: boolean | undefined;
}

/** What owners are read from: the store, or a transaction. */
interface OwnerSource {
  keys(range: KeyRange): Iterable<string>;
}

function isEmpty(found: Iterable<string>): boolean {
  for (const _ of found) return false;
  return true;
}

/**
 * Whether a layer may be taken apart: every repository that holds it allows that, and none holds it
 * as a manifest. What nobody holds may as well.
 */
export function mayTakeApart(policy: DedupPolicy, source: OwnerSource, digest: Digest): boolean {
  if (policy.everywhere === false) return false;
  if (!isEmpty(source.keys({ ...ranges.manifestOwners(digest), limit: 1 }))) return false;
  if (policy.everywhere === true) return true;
  for (const key of source.keys(ranges.blobOwners(digest))) {
    if (!policy.allows(lastPart(key))) return false;
  }
  return true;
}
