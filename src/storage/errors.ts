/** What the store refuses to do. Each has an answer in the protocol; the floor above picks it. */
import type { Digest } from '../oci/digest.ts';

/** Why the store refused. */
export type RefusalReason =
  | 'repository-unknown'
  | 'manifest-unknown'
  | 'tag-unknown'
  | 'blob-unknown'
  | 'in-use'
  | 'references-missing'
  | 'digest-mismatch'
  | 'upload-unknown'
  | 'upload-busy'
  | 'upload-too-large'
  | 'too-many-uploads'
  | 'nothing-to-restore';

/** A request that cannot be fulfilled in the present state. Nothing was changed. */
export class StoreRefusal extends Error {
  override readonly name = 'StoreRefusal';
  readonly reason: RefusalReason;
  /** Digests that the refusal is about: missing references, or manifests that use what was to be deleted. */
  readonly digests: readonly Digest[];

  constructor(reason: RefusalReason, message: string, digests: readonly Digest[] = []) {
    super(message);
    this.reason = reason;
    this.digests = digests;
  }
}
