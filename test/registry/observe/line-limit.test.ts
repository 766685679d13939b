import { describe, expect, it } from 'vitest';
import { createLineLimit } from '../../../src/registry/observe/line-limit.ts';

describe('room for lines that anybody can cause', () => {
  it('is 60 at once, then one a second, and tells how many were left out', () => {
    let now = 5000;
    const limit = createLineLimit(() => now);
    const ask = (count: number) => Array.from({ length: count }, () => limit.take());
    expect(ask(60)).toEqual(Array(60).fill(0));
    expect(ask(25)).toEqual(Array(25).fill(undefined));
    now += 999;
    expect(limit.take()).toBeUndefined();
    now += 1;
    expect(ask(2)).toEqual([26, undefined]);
    now += 3000;
    expect(ask(4)).toEqual([1, 0, 0, undefined]);
  });

  it('does not add up to more than 60', () => {
    let now = 0;
    const limit = createLineLimit(() => now);
    now += 3_600_000;
    expect(Array.from({ length: 61 }, () => limit.take()).at(-1)).toBeUndefined();
  });
});
