/**
 * Leases: whoever was told that a blob is here may rely on it for a while, although nothing refers
 * to it yet (decisions 3).
 *
 * A lease is needed only by clients of this process, since all leases start anew at start-up; so
 * they live in memory, as Bloom filters (B. H. Bloom, CACM 1970) over the digests' own bits, which
 * are uniform already. A false positive keeps some bytes for one more round; there is no false
 * negative. The memory is fixed however many blobs are touched.
 */
import type { Digest } from '../oci/digest.ts';

/** Filters in a row; a lease lasts between its set time and a fourth more. */
const GENERATIONS = 5;
/** 2^23 bits, one MiB a filter: 1 % false positives at 875,000 digests in each. */
const BITS = 23;
const PROBES = 6;

/** Who was told of which blob. */
export interface Leases {
  /** Begins or renews the lease of a digest. */
  renew(digest: Digest): void;
  /** False only when the digest's lease has ended. */
  holds(digest: Digest): boolean;
}

/** Milliseconds since 1970. */
export type Clock = () => number;

/**
 * Starts with everything leased, as all leases start anew at start-up.
 * @param duration - milliseconds that a lease lasts at least; 0: none ever holds
 */
export function createLeases(duration: number, clock: Clock): Leases {
  const filters = Array.from({ length: GENERATIONS }, () => new Uint32Array(2 ** (BITS - 5)));
  const span = duration / (GENERATIONS - 1);
  const start = clock();
  let current = 0;

  function advance(): void {
    const generation = Math.floor((clock() - start) / span);
    const steps = Math.min(generation - current, GENERATIONS);
    for (let i = 1; i <= steps; i++) filters[(generation - steps + i) % GENERATIONS]!.fill(0);
    if (steps > 0) current = generation;
  }

  /** Two numbers of the digest, for double hashing (Kirsch and Mitzenmacher, 2006). */
  const first = (digest: Digest): number => Number.parseInt(digest.slice(7, 19), 16);
  const second = (digest: Digest): number => Number.parseInt(digest.slice(19, 31), 16);

  function probe(filter: Uint32Array, a: number, b: number, set: boolean): boolean {
    for (let i = 0; i < PROBES; i++) {
      const bit = (a + i * b) % 2 ** BITS;
      const word = Math.floor(bit / 32);
      const mask = 1 << (bit & 31);
      if (set) filter[word]! |= mask;
      else if ((filter[word]! & mask) === 0) return false;
    }
    return true;
  }

  return {
    renew(digest) {
      if (duration === 0) return;
      advance();
      probe(filters[current % GENERATIONS]!, first(digest), second(digest), true);
    },
    holds(digest) {
      if (duration === 0) return false;
      if (clock() - start < duration) return true;
      advance();
      const a = first(digest);
      const b = second(digest);
      return filters.some((filter) => probe(filter, a, b, false));
    },
  };
}
