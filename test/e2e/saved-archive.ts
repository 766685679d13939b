/** What the analysis finds in an archive that an engine saves, beside one of the same image made here. */
import { join } from 'node:path';
import { expect } from 'vitest';
import type { AnalysisReport } from '../../src/analysis/metrics/schema.ts';
import { openSources } from '../../src/analysis/sources/open.ts';
import { run } from '../analysis/run/support.ts';
import { type TestImage, writeDockerArchive } from '../support/images.ts';
import { makeTemporary, removeTemporary } from '../support/temporary.ts';

async function reportOf(archive: string, folder: string): Promise<AnalysisReport> {
  const sources = await openSources([archive], { folder }, new AbortController().signal);
  try {
    return await run(sources, folder);
  } finally {
    await Promise.all(sources.map((source) => source.close()));
  }
}

/**
 * All figures of an archive are those of the image, and nothing in it was odd (issue 5, shows 1).
 * @param reference - name and tag of the image
 * @param save - `docker save` or `podman save` into a file that is not there yet
 */
export async function expectFiguresOfSaved(
  image: TestImage,
  reference: string,
  save: (path: string) => Promise<unknown>,
): Promise<void> {
  const folder = await makeTemporary('saved');
  try {
    const [saved, own] = [join(folder, 'saved.tar'), join(folder, 'own.tar')];
    await save(saved);
    await writeDockerArchive(own, image, reference);
    const found = await reportOf(saved, join(folder, 'saved'));
    const { correct, paper, unknown } = await reportOf(own, join(folder, 'own'));
    expect(found.problems).toEqual([]);
    expect(found.remarks).toEqual([]);
    expect(found.sources[0]!.kind).toBe('docker-archive');
    expect(found.correct.layers.count).toBe(image.layers.length);
    expect(found.correct.dedup.overall.files).toBeGreaterThan(0);
    expect(found).toMatchObject({ correct, paper });
    // The reasons name the file.
    expect(found.unknown.map(({ figure }) => figure)).toEqual(unknown.map(({ figure }) => figure));
  } finally {
    await removeTemporary(folder);
  }
}
