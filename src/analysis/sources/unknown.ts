/** What sources cannot tell, in words that several of them use. */
import type { Fact } from './types.ts';

/** Only a registry counts pulls, and not all do. */
export const NO_PULLS: readonly [Fact, string] = [
  'pull-counts',
  'pulls are not counted where the images were read from',
];
