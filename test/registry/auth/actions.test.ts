import { describe, expect, it } from 'vitest';
import {
  ALL_ACTIONS,
  bitOf,
  maskOf,
  NO_ACTIONS,
  namesOf,
} from '../../../src/registry/auth/actions.ts';

describe('decisions 5: sets of actions', () => {
  it('gives each action a bit of its own', () => {
    const bits = (['pull', 'push', 'delete'] as const).map(bitOf);
    expect(new Set(bits).size).toBe(3);
    expect(bits.reduce((sum, bit) => sum | bit)).toBe(ALL_ACTIONS);
  });

  it('reads * as all actions and unknown names as none', () => {
    expect(maskOf(['*'])).toBe(ALL_ACTIONS);
    expect(maskOf(['Pull', 'pul', '', 'constructor'])).toBe(NO_ACTIONS);
    expect(maskOf(['pull', 'frob'])).toBe(bitOf('pull'));
  });

  it('names every set in the order of clients, and reads its own names back', () => {
    for (let mask = NO_ACTIONS; mask <= ALL_ACTIONS; mask++) {
      expect(maskOf(namesOf(mask))).toBe(mask);
    }
    expect(namesOf(ALL_ACTIONS)).toEqual(['pull', 'push', 'delete']);
  });
});
