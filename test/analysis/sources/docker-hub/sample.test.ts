import fc from 'fast-check';
import { expect, test } from 'vitest';
import { drawSample } from '../../../../src/analysis/sources/docker-hub/sample.ts';

const frame = fc.uniqueArray(
  fc.record({
    name: fc.string({ minLength: 1, maxLength: 6 }),
    pulls: fc.nat(1e9),
    stars: fc.nat(9),
  }),
  { selector: ({ name }) => name, maxLength: 60 },
);
const options = fc.record({
  size: fc.nat(80),
  seed: fc.nat(),
  method: fc.constantFrom('uniform' as const, 'by-pulls' as const),
});

test('as many as asked for, each once, all of the frame, whatever the order of the listing', () => {
  fc.assert(
    fc.property(frame, options, (names, how) => {
      const { names: sample, strata } = drawSample(names, how);
      expect(sample).toHaveLength(Math.min(how.size, names.length));
      expect(new Set(sample.map(({ name }) => name)).size).toBe(sample.length);
      expect(names).toEqual(expect.arrayContaining([...sample]));
      expect(drawSample([...names].reverse(), how).names).toEqual(sample);
      for (const { from, to, names: all, sampled } of strata) {
        const inIt = (list: typeof sample) =>
          list.filter(({ pulls }) => pulls >= from && pulls <= to);
        expect(inIt(names)).toHaveLength(all);
        expect(inIt(sample)).toHaveLength(sampled);
      }
    }),
  );
});

test('uniform: a smaller sample is the begin of a larger one', () => {
  fc.assert(
    fc.property(frame, fc.nat(), (names, seed) => {
      const all = drawSample(names, { size: names.length, seed, method: 'uniform' }).names;
      const some = drawSample(names, { size: 5, seed, method: 'uniform' }).names;
      expect(some).toEqual(all.slice(0, 5));
    }),
  );
});

test('uniform: each name is taken about as often as any other over many seeds', () => {
  const names = Array.from({ length: 20 }, (_, i) => ({ name: `n${i}`, pulls: 0, stars: 0 }));
  const taken = new Map<string, number>();
  for (let seed = 0; seed < 2000; seed++) {
    for (const { name } of drawSample(names, { size: 5, seed, method: 'uniform' }).names) {
      taken.set(name, (taken.get(name) ?? 0) + 1);
    }
  }
  // 500 each is expected, with a standard deviation of 19.4: six of them.
  for (const count of taken.values()) expect(Math.abs(count - 500)).toBeLessThan(117);
});

test('by pulls: equal shares, and the rest from strata that have it', () => {
  const of = (count: number, pulls: number) =>
    Array.from({ length: count }, (_, i) => ({ name: `p${pulls}-${i}`, pulls, stars: 0 }));
  const { strata } = drawSample(
    [...of(100, 5), ...of(2, 1_000_000), ...of(100, 0), ...of(100, 50)],
    {
      size: 32,
      seed: 1,
      method: 'by-pulls',
    },
  );
  expect(strata).toEqual([
    { from: 0, to: 0, names: 100, sampled: 10 },
    { from: 1, to: 9, names: 100, sampled: 10 },
    { from: 10, to: 99, names: 100, sampled: 10 },
    { from: 1_000_000, to: 9_999_999, names: 2, sampled: 2 },
  ]);
});
