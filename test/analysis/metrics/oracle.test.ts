/** Every figure against brute force, in both modes. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { analysisReport } from '../../../src/analysis/metrics/schema.ts';
import { figuresOf } from '../support/oracle.ts';
import { plainSet } from '../support/random-sets.ts';
import { reportOf } from '../support/report.ts';
import { wasteOf } from '../support/waste-oracle.ts';

/** Sums of fractions depend on their order in the last digits. */
function rounded<T>(value: T): T {
  const text = JSON.stringify(value, (_, v: unknown) =>
    typeof v === 'number' && !Number.isInteger(v) ? Number(v.toPrecision(12)) : v,
  );
  return JSON.parse(text) as T;
}

const byName = <T extends { image: string }>(some: readonly T[]) =>
  [...some].sort((a, b) => (a.image < b.image ? -1 : 1));

test('every figure equals brute force over random sets, in both modes', async () => {
  await fc.assert(
    fc.asyncProperty(plainSet, async (set) => {
      const report = await reportOf([set]);
      expect(analysisReport.parse(report)).toEqual(report);
      const without = set.layers.length > 0 ? [] : ['estimate.off', 'estimate.dedup'];
      expect(report.unknown.map(({ figure }) => figure)).toEqual(without);
      for (const mode of ['correct', 'paper'] as const) {
        expect(rounded(report[mode]), mode).toEqual(rounded(figuresOf(set, mode)));
      }
      const waste = set.images.map((image) => wasteOf(set, image));
      expect(rounded(byName(report.waste.images))).toEqual(rounded(byName(waste)));
      const { overall } = report.correct.dedup;
      expect(report.waste.duplicateBytes).toBe(overall.bytes - overall.distinctBytes);
    }),
    { numRuns: process.env.STOWAGE_LONG === 'true' ? 500 : 5 },
  );
}, 240_000);
