/** What a report comes down to: the figures that every form of it begins with. */
import type { AnalysisReport } from '../metrics/schema.ts';
import { shareOf, showCount, showNumberOf } from './units.ts';

/** The figures at the top. Bytes are of files, in all distinct layers. */
export interface Headline {
  readonly bytes: number;
  readonly copyBytes: number;
  /** From 0 to 1; null when there is nothing. */
  readonly copyShare: number | null;
  /** Bytes as stored; null when the sources cannot tell. */
  readonly storedBytes: number | null;
  /** What Stowage would store; null when that is not known. */
  readonly dedupBytes: number | null;
  /** What that saves of `storedBytes`, from 0 to 1; below 0 when it takes more. */
  readonly saving: number | null;
}

/** The headline of a report. */
export function headlineOf({ correct, waste, estimate }: AnalysisReport): Headline {
  const { bytes } = correct.dedup.overall;
  const { off, dedup } = estimate;
  return {
    bytes,
    copyBytes: waste.duplicateBytes,
    copyShare: shareOf(waste.duplicateBytes, bytes),
    storedBytes: off,
    dedupBytes: dedup,
    saving: off === null || dedup === null || off === 0 ? null : 1 - dedup / off,
  };
}

/** Images with most to save first. */
export function worstImages({ waste }: AnalysisReport) {
  return waste.images.toSorted((a, b) => b.wastedBytes - a.wastedBytes);
}

/** Contents that take most bytes beyond their first copy, first. */
export function costliestFiles({ correct }: AnalysisReport) {
  return correct.dedup.mostBytes
    .map((file) => ({ ...file, spare: (file.copies - 1) * file.size }))
    .sort((a, b) => b.spare - a.spare);
}

/** What is missing in the figures, in short. */
export interface Missing {
  readonly count: number;
  /** `These figures are not of all: 3 problems`. */
  readonly title: string;
  /** `1 with layers, 2 with images, or names or lists of them`. */
  readonly kinds: string;
  readonly first: AnalysisReport['problems'];
}

const FIRST_PROBLEMS = 3;

/** What could not be read, to be said before any figure; undefined when all could. */
export function missingOf({ problems }: AnalysisReport): Missing | undefined {
  const count = problems.length;
  if (count === 0) return undefined;
  const layers = problems.filter(({ what }) => what.startsWith('layer ')).length;
  const others = count - layers;
  return {
    count,
    title: `These figures are not of all: ${showNumberOf(count, 'problem')}`,
    kinds: [
      ...(layers === 0 ? [] : [`${showCount(layers)} with layers`]),
      ...(others === 0 ? [] : [`${showCount(others)} with images, or names or lists of them`]),
    ].join(', '),
    first: problems.slice(0, FIRST_PROBLEMS),
  };
}
