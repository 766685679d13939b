/**
 * When layers were pushed or pulled last. This is for choosing which intact copies go first, so it
 * need not outlive the process, and need not be exact for those that nobody has asked for in a long
 * time: of these only a bound is remembered.
 */
import type { Digest } from '../../oci/digest.ts';
import type { Clock } from '../../storage/leases.ts';

/** Layers that are remembered by themselves; about 10 MB. */
const MAX_KNOWN = 50_000;

/** When layers were used last. */
export interface LastUse {
  note(digest: Digest): void;
  /** Milliseconds since 1970, never too early. */
  of(digest: Digest): number;
  /** Whether its time is known exactly; those of which it is not were used before all others. */
  isKnown(digest: Digest): boolean;
  /** Those that are known, the one first that was used longest ago. */
  known(): Iterable<Digest>;
}

/** Begins with everything counted as used at this moment. */
export function createLastUse(clock: Clock, maxKnown = MAX_KNOWN): LastUse {
  /** In the order of their times. */
  const times = new Map<Digest, number>();
  let bound = clock();
  return {
    note(digest) {
      times.delete(digest);
      times.set(digest, clock());
      if (times.size <= maxKnown) return;
      const [[oldest, time] = ['', bound]] = times;
      times.delete(oldest);
      bound = time;
    },
    of: (digest) => times.get(digest) ?? bound,
    isKnown: (digest) => times.has(digest),
    known: () => times.keys(),
  };
}
