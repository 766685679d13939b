/**
 * A set of real layers of which every statistic is known by formula, from an OCI layout on the disk through
 * scanner, records and queries, in both modes (issue 5, item 1).
 */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { AnalysisReport } from '../../../src/analysis/metrics/schema.ts';
import { openSources } from '../../../src/analysis/sources/open.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { type Layer, writeLayout } from '../../support/images.ts';
import { makeTemporary, removeTemporary } from '../../support/temporary.ts';
import { imageOfLayers, makeLayer } from '../sources/support.ts';
import { run } from './support.ts';

/** Layers and images: image i has the layers up to i. */
const N = 14;
/** Own files: layer i has i of them. */
const OWN = (N * (N - 1)) / 2;
const COMMON = Buffer.from('text that all layers have, and another name of it\n'.repeat(14));
const SCRIPT = Buffer.from(`#!/bin/sh\necho ${'x'.repeat(40)}\n`);
const [s, b, u] = [COMMON.length, SCRIPT.length, 100] as const;

const ownFile = (layer: number, k: number): Buffer =>
  Buffer.from(`own file ${k} of layer ${layer} `.padEnd(u - 1, '.').concat('\n'));

const LAYERS: readonly Layer[] = Array.from({ length: N }, (_, i) =>
  makeLayer([
    { path: 'd/', mode: 0o755 },
    { path: 'd/common.txt', bytes: COMMON },
    { path: 'd/run.sh', mode: 0o4755, bytes: SCRIPT },
    { path: 'd/another', hardLink: 'd/common.txt' },
    { path: 'd/link', link: 'common.txt' },
    { path: 'd/.wh.gone' },
    ...Array.from({ length: i }, (__, k) => ({
      path: `d/own/${i}/${k}.txt`,
      bytes: ownFile(i, k),
    })),
  ]),
);

const sum = (count: number, of: (i: number) => number): number =>
  Array.from({ length: count }, (_, i) => of(i)).reduce((all, one) => all + one, 0);
/** Of a header and a body in whole blocks. */
const blocks = (size: number): number => 512 + 512 * Math.ceil(size / 512);
const archive = (i: number): number => 4 * 512 + blocks(s) + blocks(b) + i * blocks(u) + 1024;
const stored = (i: number): number => LAYERS[i]!.bytes.length;
/** Own files of the layers up to i. */
const ownUpTo = (i: number): number => (i * (i + 1)) / 2;

let folder: string;
let report: AnalysisReport;

beforeAll(async () => {
  folder = await makeTemporary('closed-form');
  const layout = join(folder, 'layout');
  const images = Array.from({ length: N }, (_, i) => {
    const name = `team/app:v${String(i).padStart(2, '0')}`;
    return [name, imageOfLayers(LAYERS.slice(0, i + 1))] as const;
  });
  await writeLayout(layout, Object.fromEntries(images));
  const { signal } = new AbortController();
  const sources = await openSources([layout], { folder: join(folder, 'crawl') }, signal);
  try {
    report = await run(sources, join(folder, 'data'), { chunks: ['fixed-4096', 'cdc-8192'] });
  } finally {
    await Promise.all(sources.map((source) => source.close()));
  }
});
afterAll(() => removeTemporary(folder));

/** Distribution of a figure that grows with the layer, from 0 to N - 1. */
function growing(of: (i: number) => number) {
  const rank = (percent: number): number => of(Math.ceil((N * percent) / 100) - 1);
  return {
    count: N,
    sum: sum(N, of),
    min: of(0),
    p10: rank(10),
    p25: rank(25),
    p50: rank(50),
    p75: rank(75),
    p90: rank(90),
    p95: rank(95),
    p99: rank(99),
    max: of(N - 1),
    cdf: Array.from({ length: N }, (_, i) => [of(i), (i + 1) / N]),
  };
}

/** All of one value. */
const always = (value: number) => ({ count: N, min: value, max: value, cdf: [[value, 1]] });

test('nothing is missing, and nothing is odd', () => {
  expect(report).toMatchObject({ problems: [], leftOut: [], remarks: [] });
});

test.each(['correct', 'paper'] as const)('layers and images by formula: %s', (mode) => {
  const { layers, images, sharing } = report[mode];
  // The study counts the other name, the link and the whiteout as files, and none of the linked bytes.
  const [more, size] = mode === 'correct' ? [2, s + b] : [5, b];
  expect(layers).toMatchObject({
    count: N,
    withoutFiles: 0,
    withOneFile: 0,
    archiveSize: growing(archive),
    files: growing((i) => more + i),
    filesSize: growing((i) => size + i * u),
    // `d`; from the second layer on `d/own` and the one in it.
    directories: { min: 1, p10: 3, max: 3, sum: 1 + 3 * (N - 1) },
    maxDepth: { min: 1, p10: 3, max: 3 },
    meanDepth: { min: 1, p10: 2, max: 2 },
    medianDepth: { min: 1, p10: 2, max: 2 },
    symlinks: always(1),
    hardLinks: always(1),
    whiteouts: always(1),
    opaqueWhiteouts: always(0),
    setIdFiles: always(1),
    references: { count: N, min: 1, max: N, sum: ownUpTo(N) },
    compressions: { gzip: N },
  });
  expect(layers.compressedSize).toMatchObject({ count: N, sum: sum(N, stored) });
  expect(layers.archiveRatio?.max).toBeCloseTo(
    Math.max(...LAYERS.map((_, i) => archive(i) / stored(i))),
    12,
  );
  expect(images).toMatchObject({
    count: N,
    repositories: 1,
    layers: growing((i) => i + 1),
    files: growing((i) => more * (i + 1) + ownUpTo(i)),
    filesSize: growing((i) => size * (i + 1) + u * ownUpTo(i)),
    compressedSize: growing((i) => sum(i + 1, stored)),
  });
  expect(sharing).toMatchObject({
    byOne: 1,
    byTwo: 1,
    byMoreThan25: 0,
    withSharing: sum(N, stored),
    withoutSharing: sum(N, (i) => stored(i) * (N - i)),
    mostReferenced: expect.arrayContaining([
      {
        layer: LAYERS[0]!.descriptor.digest,
        references: N,
        archiveSize: archive(0),
        files: more,
      },
    ]),
  });
});

test.each(['correct', 'paper'] as const)('deduplication by formula: %s', (mode) => {
  const { dedup, types, fileSizes } = report[mode];
  // In paper mode the empty whiteouts take the place of the text, which has two names.
  const twin = mode === 'correct' ? s : 0;
  const overall = {
    files: 2 * N + OWN,
    bytes: N * (twin + b) + OWN * u,
    distinctFiles: 2 + OWN,
    distinctBytes: twin + b + OWN * u,
    singletons: OWN,
  };
  const countRatio = overall.files / overall.distinctFiles;
  const byteRatio = overall.bytes / overall.distinctBytes;
  expect(dedup.overall).toEqual({ ...overall, countRatio, byteRatio });
  expect(dedup.copies).toMatchObject({ count: 2 + OWN, min: 1, max: N, sum: 2 * N + OWN });
  expect(dedup.mostRepeated.slice(0, 2)).toEqual(
    [
      { sha256: digestOf(SCRIPT).slice(7), copies: N, size: b, path: 'd/run.sh' },
      mode === 'correct'
        ? { sha256: digestOf(COMMON).slice(7), copies: N, size: s, path: 'd/common.txt' }
        : expect.objectContaining({ copies: N, size: 0 }),
    ].sort((x, y) => y.size - x.size),
  );
  // Layer i has i + 2 files that are hashed, two of which all others have.
  const inter = Array.from({ length: N }, (_, i) => 2 / (i + 2)).reverse();
  expect(dedup.layers.interByCount).toMatchObject({
    count: N,
    min: inter[0],
    max: 1,
    cdf: inter.map((value, i) => [expect.closeTo(value, 12), (i + 1) / N]),
  });
  expect(dedup.layers.interByBytes.min).toBeCloseTo((twin + b) / (twin + b + (N - 1) * u), 12);
  expect(dedup.layers.intraByCount).toMatchObject(always(0));
  // Image i has i copies too many of two files.
  expect(dedup.images?.intraByCount.max).toBeCloseTo(
    Math.max(...LAYERS.map((_, i) => (2 * i) / (2 * (i + 1) + ownUpTo(i)))),
    12,
  );
  // Only what the last layer has of its own is in no other image.
  expect(dedup.images?.interByCount.min).toBeCloseTo(
    mode === 'correct' ? 1 - (N - 1) / (2 * N + OWN) : sum(N, () => 2) / (2 * N + OWN),
    12,
  );
  expect(dedup.growth.map(({ layers }) => layers)).toEqual([10, N]);
  expect(dedup.growth.at(-1)).toEqual({
    layers: N,
    countRatio: [countRatio, countRatio, countRatio],
    byteRatio: [byteRatio, byteRatio, byteRatio],
  });
  const scripts = types.find(({ group, type }) => group === 'scripts' && type === '');
  expect(scripts).toMatchObject({ files: N, bytes: N * b, distinctFiles: 1, byteRatio: N });
  const documents = types.find(({ group, type }) => group === 'documents' && type === '');
  expect(documents).toMatchObject({
    files: mode === 'correct' ? N + OWN : OWN,
    bytes: mode === 'correct' ? N * s + OWN * u : OWN * u,
  });
  expect(fileSizes.all).toMatchObject({ count: overall.files, sum: overall.bytes });
  expect(fileSizes.distinct).toMatchObject({ count: 2 + OWN, sum: overall.distinctBytes });
});

test('waste and chunks by formula', () => {
  expect(report.waste.duplicateBytes).toBe((N - 1) * (s + b));
  expect(report.waste.images).toHaveLength(N);
  for (const image of report.waste.images) {
    const i = Number(image.image.slice(-2));
    const own = ownUpTo(i) * u;
    expect(image).toMatchObject({
      bytes: (i + 1) * (s + b) + own,
      visibleBytes: s + b + own,
      wastedBytes: i * (s + b),
      metadataOnlyBytes: i * (s + b),
      deletedBytes: 0,
      efficiency: expect.closeTo((s + b + own) / ((i + 1) * (s + b) + own), 12),
      uniqueBytes: i === N - 1 ? stored(i) : 0,
      sharedBytes: sum(i === N - 1 ? i : i + 1, stored),
    });
  }
  // Every file is one piece.
  for (const chunks of report.chunks) {
    expect(chunks).toMatchObject({
      bytes: N * (s + b) + OWN * u,
      distinctBytes: s + b + OWN * u,
      chunks: 2 * N + OWN,
      distinctChunks: 2 + OWN,
    });
  }
  expect(report.chunks).toHaveLength(2);
});
