/** `stowage/analysis` as whoever installs the package has it: everything is imported from its index. */
import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as api from '../../src/analysis/index.ts';
import {
  type AnalysisPhase,
  type AnalysisReport,
  analysisJsonSchema,
  analyze,
  type ChunkMethod,
  checkGate,
  createScanner,
  csvReport,
  type DiffTotals,
  diffImages,
  enterMode,
  type GateLimits,
  type GrowthPoint,
  gateJUnit,
  gateText,
  htmlReport,
  type ImageDiff,
  type ImageWaste,
  jsonDiff,
  jsonReport,
  type OpenOptions,
  onlyImage,
  openDataset,
  openSources,
  openTables,
  type Row,
  readJsonReport,
  readSourceName,
  SourceError,
  type SourceName,
  TYPES,
  terminalReport,
} from '../../src/analysis/index.ts';
import { OCI, type TestIndex, writeLayout } from '../support/images.ts';
import { makeTemporary, removeTemporary } from '../support/temporary.ts';
import { imageOfLayers, jsonContent, makeLayer } from './sources/support.ts';
import { readModule } from './support/public-types.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const { signal } = new AbortController();

const base = makeLayer([
  { path: 'etc/' },
  { path: 'etc/os', bytes: Buffer.from('os '.repeat(40)) },
]);

function imageOf(architecture: string, release: string) {
  const own = makeLayer([
    { path: 'etc/os', bytes: Buffer.from(`release ${release}`) },
    { path: 'app', bytes: Buffer.from(`${architecture} `.repeat(3000)) },
  ]);
  return imageOfLayers([base, own], architecture);
}

/** The image of a release for two platforms. */
function release(name: string): TestIndex {
  const images = ['amd64', 'arm64'].map((architecture) => imageOf(architecture, name));
  const manifests = images.map(({ manifest, architecture }) => ({
    ...manifest.descriptor,
    platform: { os: 'linux', architecture },
  }));
  return {
    images,
    index: jsonContent(OCI.index, { schemaVersion: 2, mediaType: OCI.index, manifests }),
  };
}

describe('the TypeScript API of image analysis', () => {
  let directory: string;
  let report: AnalysisReport;
  const phases = new Set<AnalysisPhase>();
  const place = (name: string) => join(directory, name);
  const options = (): OpenOptions => ({ folder: place('crawl'), platform: 'linux/amd64' });

  /** Analyses a layout as the command line does. */
  async function analyzeLayout(given: { readonly signal?: AbortSignal } = {}) {
    const chunks: readonly ChunkMethod[] = api.CHUNK_METHODS;
    const stop = given.signal ?? signal;
    const sources = await openSources([place('layout')], options(), stop);
    try {
      return await analyze({
        sources,
        folder: place('data'),
        version: 'mine',
        threads: 1,
        memory: 512 * 1024 * 1024,
        chunks,
        keepLayers: place('kept'),
        signal: stop,
        onProgress: (phase) => phases.add(phase),
      });
    } finally {
      for (const source of sources) await source.close();
    }
  }

  beforeAll(async () => {
    directory = await makeTemporary('api');
    await writeLayout(place('layout'), { v1: release('one'), v2: release('two') });
    await writeLayout(place('old'), { v1: release('one') });
    await writeLayout(place('new'), { v2: release('two') });
    report = await analyzeLayout();
  });

  afterAll(() => removeTemporary(directory));

  it('analyses a layout with filters and chunks, and keeps its layers', async () => {
    const [first] = report.waste.images satisfies ImageWaste[];
    expect([report.version, report.problems, report.waste.images.length]).toEqual(['mine', [], 2]);
    expect(first).toMatchObject({ wastedBytes: 120, deletedBytes: 0 });
    expect(report.chunks.map(({ method }) => method).sort()).toEqual(['cdc-8192', 'fixed-4096']);
    expect([...phases]).toEqual(['collecting', 'computing']);
    const growth: readonly GrowthPoint[] = report.correct.dedup.growth;
    expect(growth.at(-1)?.layers).toBe(3);
    expect(await readdir(join(place('kept'), 'sha256'))).toHaveLength(3);
  });

  it('writes all reports', () => {
    expect(htmlReport(report)).toMatch(/^<!doctype html>/i);
    expect([...csvReport(report).keys()]).toContain('images.csv');
    expect(readJsonReport(jsonReport(report))).toEqual(report);
    expect(JSON.parse(analysisJsonSchema()).properties).toHaveProperty('waste');
    expect(terminalReport(report)).toContain('layers, as stored');
    expect(() => readJsonReport('{}')).toThrow(api.ReportFormatError);
  });

  it('is a gate', () => {
    const limits: GateLimits = { maxWastedBytes: 100, maxWastedShare: 1, minEfficiency: 0 };
    const result = checkGate(report, limits);
    expect([result.passed, result.images.length]).toEqual([false, 2]);
    expect(gateText(result)).toContain('--max-wasted: 120 B wasted');
    expect(gateJUnit(result)).toContain('failures="2"');
    expect(checkGate(report, { maxWastedBytes: 120 }).passed).toBe(true);
  });

  it('tells how two images differ', async () => {
    const names: readonly SourceName[] = [place('old'), place('new')].map(readSourceName);
    expect(names.map(({ kind }) => kind)).toEqual(['path', 'path']);
    const scanner = createScanner({ threads: 1, signal });
    const sources = await openSources([place('old'), place('new')], options(), signal);
    try {
      const [from, to] = await Promise.all(sources.map((source) => onlyImage(source, signal)));
      const diff: ImageDiff = await diffImages(from!, to!, { scanner, signal });
      expect(diff.changes.map(({ path, differences }) => [path, differences])).toEqual([
        ['etc/os', ['content']],
      ]);
      const { same }: { readonly same: DiffTotals } = diff;
      expect(same.paths).toBe(2);
      expect(JSON.parse(jsonDiff(diff))).toEqual(JSON.parse(JSON.stringify(diff)));
    } finally {
      await scanner.close();
      for (const source of sources) await source.close();
    }
  });

  it('answers further questions by SQL, with and without the definitions of a mode', async () => {
    const dataset = await openDataset(place('data'), { types: TYPES });
    try {
      const { database } = dataset;
      await openTables(dataset);
      const rows: readonly Row[] = await database.rows(
        `SELECT path, count(DISTINCT hash0) AS contents FROM entries
         WHERE kind = 0 GROUP BY path ORDER BY path`,
      );
      expect(rows).toEqual([
        { path: 'app', contents: 1 },
        { path: 'etc/os', contents: 3 },
      ]);
      await enterMode(dataset, 'correct');
      const [held] = await database.rows('SELECT max(held_by) AS most FROM chosen');
      const [files] = await database.rows('SELECT count(*) AS files FROM files');
      expect([held, files]).toEqual([{ most: 2 }, { files: 5 }]);
      await expect(database.rows('SELECT nothing FROM entries')).rejects.toThrow(api.DatasetError);
    } finally {
      await dataset.close();
    }
  });

  it('ends with what its signal was aborted with, and with errors that can be told apart', async () => {
    const reason = new Error('enough');
    await expect(analyzeLayout({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    await expect(openSources([place('nothing')], options(), signal)).rejects.toThrow(SourceError);
  });

  it('exports every type that the signatures of its exports name', () => {
    const source = join(ROOT, 'src');
    const module = readModule(join(source, 'analysis/index.ts'));
    expect(module.unreachableTypes(source)).toEqual([]);
  });

  it('exports all that the command line takes from the analysis', async () => {
    const index = await readFile(join(ROOT, 'src/analysis/index.ts'), 'utf8');
    const folder = join(ROOT, 'src/cli');
    const files = await readdir(folder, { recursive: true });
    const taken = new Set<string>();
    for (const file of files.filter((name) => name.endsWith('.ts'))) {
      const text = await readFile(join(folder, file), 'utf8');
      for (const [, names] of text.matchAll(
        /import (?:type )?\{([^}]*)\} from '[./]*\/analysis\//g,
      )) {
        for (const name of names!.split(',')) taken.add(name.replace('type ', '').trim());
      }
    }
    taken.delete('');
    expect(taken).toContain('analyze');
    const missing = [...taken].filter((name) => !new RegExp(`\\b${name}\\b`).test(index));
    expect(missing).toEqual([]);
  });
});
