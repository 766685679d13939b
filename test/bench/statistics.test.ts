import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSample, seededRandom } from '../../bench/registry/measure/statistics.ts';

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
