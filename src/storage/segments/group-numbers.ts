/** Numbers for new groups, reserved ahead so that an append seldom waits for a commit. */
import type { KeyValueStore } from '../kv/types.ts';
import { takeNumbers } from '../metadata/counters.ts';
import { keys } from '../metadata/keys.ts';
import type { GroupId } from './types.ts';

/** Numbers reserved at a time; what is left of them at the end of a run is never used. */
const STOCK = 4096;

/** Hands out numbers. */
export interface GroupNumbers {
  /** Takes `count` numbers in a row, none of which any group ever had. */
  take(count: number): Promise<GroupId>;
}

/** Creates the numbers of one run. */
export function createGroupNumbers(kv: KeyValueStore): GroupNumbers {
  let next = 0;
  let end = 0;
  return {
    async take(count) {
      if (next + count > end) {
        const reserved = Math.max(count, STOCK);
        const first = await takeNumbers(kv, keys.groupCounter, reserved);
        // When they follow on those that are left, those are used up first.
        if (first !== end) next = first;
        end = first + reserved;
      }
      next += count;
      return next - count;
    },
  };
}
