/** Every figure against brute force, in both modes. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { openDataset } from '../../../src/analysis/dataset/dataset.ts';
import { buildReport } from '../../../src/analysis/metrics/report.ts';
import { type AnalysisReport, analysisReport } from '../../../src/analysis/metrics/schema.ts';
import { makeTemporary, removeTemporary } from '../../support/temporary.ts';
import { figuresOf, wasteOf } from '../support/oracle.ts';
import { plainSet } from '../support/random-sets.ts';
import { type PlainSet, TYPES, writeSet } from '../support/sets.ts';

/** Sums of fractions depend on their order in the last digits. */
function rounded<T>(value: T): T {
  const text = JSON.stringify(value, (_, v: unknown) =>
    typeof v === 'number' && !Number.isInteger(v) ? Number(v.toPrecision(12)) : v,
  );
  return JSON.parse(text) as T;
}

async function reportOf(set: PlainSet): Promise<AnalysisReport> {
  const folder = await makeTemporary('metrics');
  const dataset = await openDataset(folder, { types: TYPES, threads: 1 });
  try {
    await writeSet(dataset, set);
    return await buildReport(dataset, {
      version: 'test',
      createdAt: new Date(0),
      problems: [],
      timings: { scanSeconds: 0, scanCpuSeconds: 0, bytesRead: 0, bytesUnpacked: 0, files: 0 },
      signal: new AbortController().signal,
    });
  } finally {
    await dataset.close();
    await removeTemporary(folder);
  }
}

const byName = <T extends { image: string }>(some: readonly T[]) =>
  [...some].sort((a, b) => (a.image < b.image ? -1 : 1));

test('every figure equals brute force over a random set, in both modes', async () => {
  await fc.assert(
    fc.asyncProperty(plainSet, async (set) => {
      const report = await reportOf(set);
      expect(analysisReport.parse(report)).toEqual(report);
      expect(report.unknown).toEqual([]);
      for (const mode of ['correct', 'paper'] as const) {
        expect(rounded(report[mode]), mode).toEqual(rounded(figuresOf(set, mode)));
      }
      const waste = set.images.map((image) => wasteOf(set, image));
      expect(rounded(byName(report.waste.images))).toEqual(rounded(byName(waste)));
      const { overall } = report.correct.dedup;
      expect(report.waste.duplicateBytes).toBe(overall.bytes - overall.distinctBytes);
      const rewrites = report.waste.largestRewrites.map(({ bytes }) => bytes);
      expect(rewrites).toEqual([...rewrites].sort((a, b) => b - a));
    }),
    { numRuns: process.env.STOWAGE_LONG === 'true' ? 500 : 12 },
  );
}, 240_000);
