/** A report of a small set. */
import { openDataset } from '../../../src/analysis/dataset/dataset.ts';
import { buildReport } from '../../../src/analysis/metrics/report.ts';
import type { AnalysisReport } from '../../../src/analysis/metrics/schema.ts';
import type { Fact } from '../../../src/analysis/sources/types.ts';
import { makeTemporary, removeTemporary } from '../../support/temporary.ts';
import { type PlainSet, TYPES, writeSet } from './sets.ts';

/** Sets by the facts that their source cannot tell, put into one dataset. */
export async function reportOf(
  ...sets: readonly (readonly [set: PlainSet, unknown?: ReadonlyMap<Fact, string>])[]
): Promise<AnalysisReport> {
  const folder = await makeTemporary('metrics');
  const dataset = await openDataset(folder, { types: TYPES, threads: 1 });
  try {
    for (const [set, unknown] of sets) {
      await writeSet(dataset, set, unknown, unknown === undefined ? 'registry' : 'docker-archive');
    }
    return await buildReport(dataset, {
      version: 'test',
      createdAt: new Date(0),
      problems: [],
      leftOut: [],
      timings: { scanSeconds: 0, scanCpuSeconds: 0, bytesRead: 0, bytesUnpacked: 0, files: 0 },
      signal: new AbortController().signal,
    });
  } finally {
    await dataset.close();
    await removeTemporary(folder);
  }
}
