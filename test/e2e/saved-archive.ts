/** What the analysis finds in an archive that an engine saved, beside one of the same image made here. */
import { dirname, join } from 'node:path';
import { expect } from 'vitest';
import type { AnalysisReport } from '../../src/analysis/metrics/schema.ts';
import { analyze } from '../../src/analysis/run/analyze.ts';
import { openSources } from '../../src/analysis/sources/open.ts';
import { type TestImage, writeDockerArchive } from '../support/images.ts';
import { makeTemporary, removeTemporary } from '../support/temporary.ts';

async function reportOf(archive: string, folder: string): Promise<AnalysisReport> {
  const { signal } = new AbortController();
  const sources = await openSources([archive], { folder }, signal);
  try {
    return await analyze({ sources, folder, version: 'test', threads: 1, signal });
  } finally {
    await Promise.all(sources.map((source) => source.close()));
  }
}

/**
 * All figures of an archive are those of the image, and nothing in it was odd (issue 5, shows 1).
 * @param archive - what `docker save` or `podman save` wrote
 * @param reference - name and tag of the image
 */
export async function expectFiguresOf(
  archive: string,
  image: TestImage,
  reference: string,
): Promise<void> {
  const folder = await makeTemporary('saved');
  try {
    const own = join(dirname(archive), 'own-archive.tar');
    await writeDockerArchive(own, image, reference);
    const saved = await reportOf(archive, join(folder, 'saved'));
    const expected = await reportOf(own, join(folder, 'own'));
    expect(saved.problems).toEqual([]);
    expect(saved.remarks).toEqual([]);
    expect(saved.sources[0]!.kind).toBe('docker-archive');
    expect(saved.correct.layers.count).toBe(image.layers.length);
    const { correct, paper } = expected;
    expect(saved).toMatchObject({ correct, paper });
    const figures = ({ unknown }: AnalysisReport) => unknown.map(({ figure }) => figure);
    expect(figures(saved)).toEqual(figures(expected));
  } finally {
    await removeTemporary(folder);
  }
}
