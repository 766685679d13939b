import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createSample,
  medianInterval,
  seededRandom,
} from '../../bench/registry/measure/statistics.ts';

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

describe('a random sample', () => {
  it('holds everything until it is full, and then as many, none twice', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), fc.nat(200), fc.nat(), (size, count, seed) => {
        const sample = createSample<number>(size, seededRandom(seed));
        for (const item of range(count)) sample.add(item);
        expect(new Set(sample.items).size).toBe(Math.min(size, count));
        for (const item of sample.items) expect(item).toBeLessThan(count);
      }),
    );
  });

  it('takes each thing as often as any other', () => {
    const random = seededRandom(7);
    const taken = new Array<number>(50).fill(0);
    for (let run = 0; run < 5000; run++) {
      const sample = createSample<number>(10, random);
      for (const item of range(50)) sample.add(item);
      for (const item of sample.items) taken[item]!++;
    }
    // 1,000 expected of each; the standard deviation is 28.
    for (const count of taken) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });
});

describe('the interval of a median', () => {
  it('lies at the ranks of the tables of the sign test', () => {
    // Ranks of Conover, Practical Nonparametric Statistics: 4 and 12 of 15 at 95 % and at 90 %.
    expect(medianInterval(range(15), 0.9)).toEqual({ low: 3, high: 11 });
    expect(medianInterval(range(20), 0.95)).toEqual({ low: 5, high: 14 });
    expect(medianInterval(range(5), 0.9)).toEqual({ low: 0, high: 4 });
  });

  it('says nothing about values that are too few', () => {
    expect(medianInterval(range(4), 0.9)).toBeUndefined();
    expect(medianInterval([], 0.9)).toBeUndefined();
  });

  it('holds the median as often as promised', () => {
    const random = seededRandom(11);
    const rounds = 4000;
    let held = 0;
    for (let i = 0; i < rounds; i++) {
      const values = Array.from({ length: 17 }, () => -Math.log(1 - random()));
      const { low, high } = medianInterval(values, 0.9)!;
      if (low <= Math.LN2 && Math.LN2 <= high) held++;
    }
    // Of 17 values the ranks 5 and 13 cover 95.1 %; four standard deviations are 1.4 %.
    expect(held / rounds).toBeGreaterThan(0.9);
    expect(held / rounds).toBeLessThan(0.97);
  });
});
