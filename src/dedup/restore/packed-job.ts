/**
 * A job on its way to another thread. Views are sent with the whole buffer that they lie in, so
 * everything is copied into one buffer, which is handed over.
 */
import type { GroupId } from '../../storage/segments/types.ts';
import type { BitRange } from '../section/model.ts';
import type { RebuildJob } from './rebuild-job.ts';

/** A job in one buffer: the section, and behind it the base groups. */
export interface PackedJob extends BitRange {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Bytes of the section. */
  readonly size: number;
  /** Base groups and their bytes, in order. */
  readonly bases: readonly (readonly [id: GroupId, size: number])[];
}

/** Copies a job. */
export function packJob({ section, bases, startBit, endBit }: RebuildJob): PackedJob {
  const sizes = bases.map(([id, { length }]) => [id, length] as const);
  const total = sizes.reduce((sum, [, size]) => sum + size, section.length);
  const bytes = new Uint8Array(total);
  bytes.set(section);
  let at = section.length;
  for (const [, base] of bases) {
    bytes.set(base, at);
    at += base.length;
  }
  return { bytes, size: section.length, bases: sizes, startBit, endBit };
}

/** The job again; its bytes are views. */
export function unpackJob({ bytes, size, bases, startBit, endBit }: PackedJob): RebuildJob {
  let at = size;
  const groups = bases.map(([id, length]) => {
    at += length;
    return [id, bytes.subarray(at - length, at)] as const;
  });
  return { section: bytes.subarray(0, size), bases: groups, startBit, endBit };
}
