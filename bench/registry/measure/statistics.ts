/** The few statistics that the tables need. */

/** Value at fraction `q` (0 to 1) of a list, by nearest rank. NaN for an empty list. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? Number.NaN;
}

/** Middle value; the mean of both middle ones when their number is even. NaN for an empty list. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  if (sorted.length === 0) return Number.NaN;
  if (sorted.length % 2 === 1) return sorted[Math.floor(middle)]!;
  return (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** An interval that holds what is looked for with a given confidence. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/**
 * Interval of the median from ranks, without an assumption about the distribution (W. R. Thompson,
 * On Confidence Ranges for the Median, 1936): the number of values below the median is binomial.
 * @param confidence - for example 0.9; at least so much, because ranks are whole
 * @returns undefined when there are too few values for it
 */
export function medianInterval(
  values: readonly number[],
  confidence: number,
): Interval | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  const count = sorted.length;
  // The chance that at most `below` values lie below the median.
  let term = 0.5 ** count;
  let tail = term;
  let below = -1;
  while (tail <= (1 - confidence) / 2 && below < count) {
    below++;
    term *= (count - below) / (below + 1);
    tail += term;
  }
  if (below < 0) return undefined;
  return { low: sorted[below]!, high: sorted[count - 1 - below]! };
}

/** A generator of numbers in [0, 1) that gives the same sequence for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** A copy in random order (Fisher-Yates). */
export function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const result = [...items];
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [result[i], result[j]] = [result[j]!, result[i]!];
  }
  return result;
}

/** A random sample of things that come one by one. */
export interface Sample<T> {
  add(item: T): void;
  /** What is in it now, in no order. */
  readonly items: readonly T[];
}

/**
 * Takes a sample in which each thing is as likely as any other, however many come (Algorithm R:
 * J. S. Vitter, Random Sampling with a Reservoir, 1985).
 * @param size - things kept at most
 */
export function createSample<T>(size: number, random: () => number = Math.random): Sample<T> {
  const items: T[] = [];
  let seen = 0;
  return {
    add(item) {
      seen++;
      if (items.length < size) items.push(item);
      else {
        const place = Math.floor(random() * seen);
        if (place < size) items[place] = item;
      }
    },
    items,
  };
}
