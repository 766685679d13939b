/** Schedules: which clients do what, and in which order the disk does what it was asked for. */
import fc from 'fast-check';
import { BLOBS, MANIFESTS, REPOSITORIES, TAGS } from './universe.ts';

/** Something that a client, an operator or the clock does. Picks are taken modulo what there is. */
export type Act =
  | {
      readonly act: 'head' | 'get' | 'push' | 'push-wrongly' | 'remove-blob' | 'start-upload';
      readonly repository: number;
      readonly blob: number;
    }
  | { readonly act: 'patch' | 'finish-upload' | 'cancel-upload'; readonly upload: number }
  | { readonly act: 'mount'; readonly blob: number; readonly from: number; readonly to: number }
  | {
      readonly act: 'put-manifest' | 'push-image';
      readonly repository: number;
      readonly manifest: number;
      readonly tag: number;
    }
  | {
      readonly act: 'remove-manifest' | 'restore';
      readonly repository: number;
      readonly manifest: number;
    }
  | { readonly act: 'remove-tag'; readonly repository: number; readonly tag: number }
  | { readonly act: 'collect'; readonly dryRun: boolean };

/** One step of a schedule. */
export type Step =
  | Act
  /** One of the gates opens; its work is done, or fails. */
  | { readonly act: 'release' | 'fail'; readonly pick: number }
  | { readonly act: 'advance'; readonly by: number }
  /** The process is stopped properly and started again. */
  | { readonly act: 'restart' }
  /** The process ends at once, perhaps together with the power; perhaps one more gate has opened. */
  | {
      readonly act: 'crash';
      readonly power: boolean;
      readonly keepSidecars: boolean;
      readonly pick: number | null;
    };

/** Milliseconds; times that add up to just below, at and above the limits. */
export const TIMES = { lease: 1000, undo: 600, expire: 1500 } as const;

const repository = fc.nat(REPOSITORIES.length - 1);
const blob = fc.nat(BLOBS.length - 1);
const manifest = fc.nat(MANIFESTS.length - 1);
const tag = fc.nat(TAGS.length - 1);
const pick = fc.nat(5);
const one = <const T extends string>(name: T) => fc.constant(name);

/** Any step. */
export const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 60, arbitrary: fc.record({ act: one('release'), pick }) },
  { weight: 4, arbitrary: fc.record({ act: one('fail'), pick }) },
  {
    weight: 6,
    arbitrary: fc.record({
      act: one('advance'),
      by: fc.constantFrom(1, 300, 600, 999, 1000, 1250),
    }),
  },
  { weight: 1, arbitrary: fc.record({ act: one('restart') }) },
  {
    weight: 2,
    arbitrary: fc.record({
      act: one('crash'),
      power: fc.boolean(),
      keepSidecars: fc.boolean(),
      pick: fc.option(pick),
    }),
  },
  { weight: 10, arbitrary: fc.record({ act: one('push'), repository, blob }) },
  { weight: 1, arbitrary: fc.record({ act: one('push-wrongly'), repository, blob }) },
  { weight: 6, arbitrary: fc.record({ act: one('head'), repository, blob }) },
  { weight: 3, arbitrary: fc.record({ act: one('get'), repository, blob }) },
  { weight: 5, arbitrary: fc.record({ act: one('remove-blob'), repository, blob }) },
  { weight: 3, arbitrary: fc.record({ act: one('start-upload'), repository, blob }) },
  { weight: 3, arbitrary: fc.record({ act: one('patch'), upload: pick }) },
  { weight: 3, arbitrary: fc.record({ act: one('finish-upload'), upload: pick }) },
  { weight: 2, arbitrary: fc.record({ act: one('cancel-upload'), upload: pick }) },
  {
    weight: 5,
    arbitrary: fc.record({ act: one('mount'), blob, from: repository, to: repository }),
  },
  { weight: 10, arbitrary: fc.record({ act: one('put-manifest'), repository, manifest, tag }) },
  { weight: 8, arbitrary: fc.record({ act: one('push-image'), repository, manifest, tag }) },
  { weight: 6, arbitrary: fc.record({ act: one('remove-manifest'), repository, manifest }) },
  { weight: 2, arbitrary: fc.record({ act: one('restore'), repository, manifest }) },
  { weight: 2, arbitrary: fc.record({ act: one('remove-tag'), repository, tag }) },
  {
    weight: 12,
    arbitrary: fc.record({
      act: one('collect'),
      dryRun: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
    }),
  },
);
