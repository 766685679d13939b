/** Random choices that come again with the same seed. */

/** A source of choices. */
export interface Random {
  /** A whole number from 0 on, below `limit`. */
  below(limit: number): number;
  /** A whole number from `low` to `high`, both included. */
  between(low: number, high: number): number;
  /** True with the given probability. */
  chance(probability: number): boolean;
  /** One of the items, undefined when there is none. */
  pick<T>(items: readonly T[]): T | undefined;
  /** Another source, whose choices do not depend on how often this one is asked. */
  fork(): Random;
}

/**
 * Starts a sequence: a Weyl sequence passed through the finaliser of MurmurHash3 (A. Appleby), which
 * is good enough to choose what a test does.
 * @param seed - 32 bits
 */
export function startRandom(seed: number): Random {
  let state = seed >>> 0;

  function next(): number {
    state = (state + 0x9e3779b9) >>> 0;
    let bits = state;
    bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
    bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
    return (bits ^ (bits >>> 16)) >>> 0;
  }

  const below = (limit: number): number => Math.floor((next() / 2 ** 32) * limit);
  return {
    below,
    between: (low, high) => low + below(high - low + 1),
    chance: (probability) => next() / 2 ** 32 < probability,
    pick: (items) => items[below(items.length)],
    fork: () => startRandom(next()),
  };
}
