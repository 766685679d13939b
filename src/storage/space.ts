/**
 * Watches free space. Below the reserve, pushes are refused so that deletes, collection and the
 * database itself still have room (decisions 2).
 */
import type { Clock } from './leases.ts';
import type { Space, Target } from './target/types.ts';

/** Milliseconds for which a look at the disk holds good. */
const FRESH_FOR = 1000;
const ONE_GIB = 1024 ** 3;
const SHARE = 0.05;

/** Free space of a target. */
export interface SpaceWatch {
  /** Whether a push of `bytes` may begin; looks at the disk again at most once a second. */
  allows(bytes: number): boolean | Promise<boolean>;
  /** The last look, bytes; undefined before the first. */
  readonly last: (Space & { readonly reserve: number }) | undefined;
  look(): Promise<Space & { readonly reserve: number }>;
}

/** @param reserve - bytes to be kept free; `auto`: the smaller of 1 GiB and 5 % of the device */
export function watchSpace(target: Target, reserve: number | 'auto', clock: Clock): SpaceWatch {
  let last: (Space & { readonly reserve: number }) | undefined;
  let lookedAt = Number.NEGATIVE_INFINITY;
  /** Bytes promised since the last look. */
  let promised = 0;

  async function look(): Promise<Space & { readonly reserve: number }> {
    const space = await target.space();
    const kept = reserve === 'auto' ? Math.min(ONE_GIB, space.total * SHARE) : reserve;
    last = { ...space, reserve: kept };
    lookedAt = clock();
    promised = 0;
    return last;
  }

  function fits(bytes: number): boolean {
    if (last!.free - promised - bytes < last!.reserve) return false;
    promised += bytes;
    return true;
  }

  return {
    allows(bytes) {
      if (last !== undefined && clock() - lookedAt < FRESH_FOR && fits(bytes)) return true;
      return look().then(() => fits(bytes));
    },
    get last() {
      return last;
    },
    look,
  };
}
