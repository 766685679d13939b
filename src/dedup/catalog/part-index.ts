/** Which parts of files are known, and where their tokens are kept. */
import type { KeyValueStore } from '../../storage/kv/types.ts';
import type { Changes } from '../../storage/metadata/changes.ts';
import { keys } from '../../storage/metadata/keys.ts';
import { decode } from '../../storage/metadata/records.ts';
import type { GroupId } from '../../storage/segments/types.ts';
import type { BasePlace } from '../section/model.ts';
import type { PartRecord, Variant } from './records.ts';

/** Occurrences of one part that are kept, for layers whose compressors differ. */
export const MAX_VARIANTS = 3;
/** With the one that a plain layer has brought, which compressors have little use for. */
const MAX_PLACES = MAX_VARIANTS + 1;

/** Bytes of a SHA-256. */
const HASH_SIZE = 32;

/** Where the tokens of a part are kept; nothing when it is not known. */
export function findPart(kv: KeyValueStore, hash: string): readonly BasePlace[] {
  const record = kv.read(keys.part(hash), decode<PartRecord>);
  return record?.variants.map(([group, index]) => ({ group, index })) ?? [];
}

/** Notes which parts a base group has, so that they can be taken out of the index with it. */
export function noteParts(changes: Changes, group: GroupId, hashes: readonly string[]): void {
  const bytes = Buffer.concat(hashes.map((hash) => Buffer.from(hash, 'base64url')));
  changes.tx.put(keys.baseParts(group), bytes);
}

/** A part with the place where it is kept. */
export interface PlacedPart {
  readonly hash: string;
  readonly variant: Variant;
}

/** Enters parts in the index. One that has its number of places gets no more. */
export function enterParts(changes: Changes, parts: readonly PlacedPart[]): void {
  const found = new Map<string, readonly Variant[]>();
  for (const { hash, variant } of parts) {
    const known = found.get(hash) ?? changes.record<PartRecord>(keys.part(hash))?.variants ?? [];
    if (known.length < MAX_PLACES) found.set(hash, [...known, variant]);
  }
  for (const [hash, variants] of found) {
    changes.put(keys.part(hash), { variants } satisfies PartRecord);
  }
}

/** Takes the parts of a base group out of the index. */
export function forgetParts(changes: Changes, group: GroupId): void {
  const bytes = changes.tx.get(keys.baseParts(group));
  if (bytes === undefined) return;
  const hashes = new Set<string>();
  for (let at = 0; at < bytes.length; at += HASH_SIZE) {
    hashes.add(Buffer.from(bytes.subarray(at, at + HASH_SIZE)).toString('base64url'));
  }
  for (const hash of hashes) {
    const known = changes.record<PartRecord>(keys.part(hash))?.variants ?? [];
    const variants = known.filter(([other]) => other !== group);
    if (variants.length === known.length) continue;
    if (variants.length === 0) changes.tx.remove(keys.part(hash));
    else changes.put(keys.part(hash), { variants } satisfies PartRecord);
  }
  changes.tx.remove(keys.baseParts(group));
}
