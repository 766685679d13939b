/** How much a property is tried: a little each time, a lot in the long form. */

/** The long form, which takes minutes for each test (STOWAGE_LONG=true). */
export const isLong = process.env.STOWAGE_LONG === 'true';

/** Number of runs of a property; a hundred times as many in the long form. */
export function runs(count: number): { readonly numRuns: number } {
  return { numRuns: isLong ? count * 100 : count };
}

/** For tests that take long in the long form. */
export const PATIENT = { timeout: isLong ? 3_600_000 : 30_000 };
