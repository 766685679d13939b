/**
 * Draws a sample that comes again with the same seed. Each name gets a key, the SHA-256 of seed and
 * name, and those with the smallest keys are taken ("bottom-k" sampling): each set of names is as
 * likely as any other, and the order in which the names were listed does not matter. The sample is
 * in the order of the keys, so whatever was had of it when a crawl ends early is a sample too.
 */
import { createHash } from 'node:crypto';
import type { ListedName } from './listing.ts';

/** How a sample is drawn. */
export interface SampleOptions {
  /** Names; all when there are not so many. */
  readonly size: number;
  readonly seed: number;
  /** `by-pulls`: the same number from each power of ten of pull counts, as far as they reach. */
  readonly method: 'uniform' | 'by-pulls';
}

/** Names of similar pull counts. Weights of an estimate are names / sampled. */
export interface Stratum {
  /** Pull counts from here on ... */
  readonly from: number;
  /** ... to here, both included. */
  readonly to: number;
  /** In the frame. */
  readonly names: number;
  readonly sampled: number;
}

/** A sample and how the frame looked. */
export interface Sample {
  readonly names: readonly ListedName[];
  /** From the least pulled on; one for a uniform sample. */
  readonly strata: readonly Stratum[];
}

interface Keyed {
  readonly key: string;
  readonly listed: ListedName;
}

/** The power of ten: 0, then 1 to 9, 10 to 99 and so on. */
function decadeOf(pulls: number): number {
  return pulls === 0 ? 0 : String(pulls).length;
}

function boundsOf(decade: number): { readonly from: number; readonly to: number } {
  return decade === 0 ? { from: 0, to: 0 } : { from: 10 ** (decade - 1), to: 10 ** decade - 1 };
}

/** How many to take of each group: equal shares, and what small ones cannot give goes to the others. */
function allocate(sizes: readonly number[], total: number): number[] {
  const shares = sizes.map(() => 0);
  const order = sizes.map((_, i) => i).sort((a, b) => sizes[a]! - sizes[b]! || a - b);
  let rest = total;
  order.forEach((group, done) => {
    const share = Math.min(sizes[group]!, Math.floor(rest / (order.length - done)));
    shares[group] = share;
    rest -= share;
  });
  return shares;
}

/**
 * Draws a sample.
 * @param frame - each name once
 */
export function drawSample(frame: readonly ListedName[], options: SampleOptions): Sample {
  const { size, seed, method } = options;
  const keyOf = (name: string): string =>
    createHash('sha256').update(`${seed}\n${name}`).digest('hex');
  const keyed = frame
    .map((listed): Keyed => ({ key: keyOf(listed.name), listed }))
    .sort((a, b) => (a.key < b.key ? -1 : 1));
  const groups = new Map<number, Keyed[]>();
  for (const one of keyed) {
    const group = method === 'uniform' ? 0 : decadeOf(one.listed.pulls);
    const members = groups.get(group);
    if (members === undefined) groups.set(group, [one]);
    else members.push(one);
  }
  const sorted = [...groups].sort(([a], [b]) => a - b);
  const sizes = sorted.map(([, members]) => members.length);
  const shares = allocate(sizes, Math.min(size, frame.length));
  const taken = sorted
    .flatMap(([, members], i) => members.slice(0, shares[i]))
    .sort((a, b) => (a.key < b.key ? -1 : 1));
  const most = frame.reduce((max, { pulls }) => Math.max(max, pulls), 0);
  const strata = sorted.map(([decade, members], i) => ({
    ...(method === 'uniform' ? { from: 0, to: most } : boundsOf(decade)),
    names: members.length,
    sampled: shares[i]!,
  }));
  return { names: taken.map(({ listed }) => listed), strata };
}
