/** Schedules: who does what, and in which order the disk does what it was asked for. */
import fc from 'fast-check';

/** Something that an owner of groups, an operator or the clock does. Picks are modulo what there is. */
export type Act =
  /** Stores a recipe of new groups, perhaps in the place of an older one. */
  | {
      readonly act: 'store';
      readonly lengths: readonly number[];
      /** Appends it in so many calls, syncing after each. */
      readonly calls: number;
      readonly replaces: number | null;
      /** Closes the writer without having entered anything. */
      readonly givesUp: boolean;
    }
  | { readonly act: 'remove' | 'read' | 'read-all'; readonly pick: number }
  | { readonly act: 'compact' | 'scrub' };

/** One step of a schedule. */
export type Step =
  | Act
  /** One of the gates opens; its work is done, or fails. */
  | { readonly act: 'release' | 'fail'; readonly pick: number }
  | { readonly act: 'advance'; readonly by: number }
  /** The process is stopped properly and started again. */
  | { readonly act: 'restart' }
  /** The process ends at once, perhaps with the power; perhaps one more gate has opened. */
  | { readonly act: 'crash'; readonly power: boolean; readonly pick: number | null };

/** Milliseconds that dead bytes may lie there. */
export const MAX_AGE = 1000;
/** Bytes of a segment: a few groups. */
export const SEGMENT = 600;

const pick = fc.nat(7);
const one = <const T extends string>(name: T) => fc.constant(name);
const rarely = (of: number) => fc.integer({ min: 1, max: of }).map((n) => n === 1);

/** Any step. */
export const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 60, arbitrary: fc.record({ act: one('release'), pick }) },
  { weight: 3, arbitrary: fc.record({ act: one('fail'), pick }) },
  { weight: 4, arbitrary: fc.record({ act: one('advance'), by: fc.constantFrom(1, 500, 1000) }) },
  { weight: 1, arbitrary: fc.record({ act: one('restart') }) },
  {
    weight: 2,
    arbitrary: fc.record({ act: one('crash'), power: fc.boolean(), pick: fc.option(pick) }),
  },
  {
    weight: 14,
    arbitrary: fc.record({
      act: one('store'),
      lengths: fc.array(fc.integer({ min: 1, max: 250 }), { minLength: 1, maxLength: 6 }),
      calls: fc.integer({ min: 1, max: 3 }),
      replaces: fc.option(pick, { freq: 3 }),
      givesUp: rarely(6),
    }),
  },
  { weight: 8, arbitrary: fc.record({ act: one('remove'), pick }) },
  { weight: 8, arbitrary: fc.record({ act: one('read'), pick }) },
  { weight: 4, arbitrary: fc.record({ act: one('read-all'), pick }) },
  { weight: 8, arbitrary: fc.record({ act: one('compact') }) },
  { weight: 2, arbitrary: fc.record({ act: one('scrub') }) },
);
