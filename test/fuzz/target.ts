/** What can be fuzzed. */
import type { Input } from './input.ts';
import type { MutationRules } from './mutate.ts';

/** A target. What it says of an input depends on nothing else. */
export interface FuzzTarget extends MutationRules {
  /** Inputs to begin with, all with as many pieces. */
  seeds(): readonly Input[];
  /** Whether the coverage of a script steers the search. */
  covers(url: string): boolean;
  /** Makes an input pass the checks that chance never passes, such as checksums. */
  repair?(input: Input): Input;
  /** Runs what is written in TypeScript. @throws Error when something is wrong with it */
  run(input: Input): void;
  /** Runs what is compiled, and compares. @throws Error when something is wrong with it */
  replay(input: Input): void;
}
