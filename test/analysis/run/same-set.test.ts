/**
 * One set of images through every kind of source: the figures are the same in all that a source can
 * know, and what it cannot know is null, with the reason (issue 5, item 1).
 */
import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AnalysisReport } from '../../../src/analysis/metrics/schema.ts';
import { openSources } from '../../../src/analysis/sources/open.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { openStore } from '../../../src/storage/store.ts';
import { serveApplication } from '../../registry/http/application.ts';
import { pushBlob, pushManifest } from '../../storage/support/content.ts';
import {
  type Layer,
  randomLike,
  type TestImage,
  writeDockerArchive,
  writeLayout,
  writeLayoutArchive,
} from '../../support/images.ts';
import { makeTemporary, removeTemporary } from '../../support/temporary.ts';
import { imageOfLayers, makeLayer } from '../sources/support.ts';
import { lasting, run } from './support.ts';

const text = (line: string, times = 1): Buffer => Buffer.from(`${line}\n`.repeat(times));
/** As short as it can be and still be told from data: an x86-64 executable without sections. */
const elf = Buffer.concat([
  Buffer.from('7f454c4602010100', 'hex'),
  Buffer.alloc(8),
  Buffer.from('02003e0001000000', 'hex'),
  randomLike('elf', 3000),
]);

const base = makeLayer([
  { path: 'etc/', mode: 0o755 },
  { path: 'etc/passwd', bytes: text('root:x:0:0::/root:/bin/sh') },
  { path: 'etc/empty' },
  { path: 'usr/', mode: 0o755 },
  { path: 'usr/bin/', mode: 0o755 },
  { path: 'usr/bin/tool', mode: 0o4755, bytes: elf },
  { path: 'usr/bin/same-tool', hardLink: 'usr/bin/tool' },
  { path: 'usr/bin/link', link: 'tool' },
  { path: 'usr/bin/nowhere', link: '/no/such/file' },
  { path: 'usr/share/doc.xml', bytes: text('<?xml version="1.0"?><doc>text</doc>', 60) },
]);
const scripts = makeLayer([
  { path: 'app/', mode: 0o755 },
  { path: 'app/run.py', mode: 0o755, bytes: text('#!/usr/bin/env python3\nprint(1)', 30) },
  { path: 'app/run.sh', mode: 0o755, bytes: text('#!/bin/sh\necho "run"', 10) },
  { path: 'app/copy.py', bytes: text('#!/usr/bin/env python3\nprint(1)', 30) },
  { path: 'app/tool', mode: 0o755, bytes: elf },
  { path: 'app/data.gz', bytes: gzipSync(randomLike('data', 9000)) },
  { path: 'app/empty' },
]);
const changes = makeLayer([
  { path: 'etc/passwd', bytes: text('root:x:0:0::/root:/bin/bash\napp:x:1:1::/:/bin/sh') },
  { path: 'etc/.wh.empty' },
  { path: 'usr/bin/tool', mode: 0o755, bytes: elf },
  { path: 'app/', mode: 0o755 },
  { path: 'app/.wh..wh..opq' },
  { path: 'app/new.txt', bytes: text('new', 500) },
]);
const large = makeLayer([
  {
    path: 'var/lib/db.sqlite',
    bytes: Buffer.concat([text('SQLite format 3\0'), randomLike('db', 50_000)]),
  },
  {
    path: 'var/lib/picture.png',
    bytes: Buffer.concat([
      Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'),
      randomLike('png', 7000),
    ]),
  },
]);
const nothing = makeLayer([]);

/** By name, in the order in which a registry lists them. */
const IMAGES: Readonly<Record<string, TestImage>> = {
  'team/app:v1': imageOfLayers([base, scripts, nothing]),
  'team/app:v2': imageOfLayers([base, scripts, changes]),
  'team/base:v1': imageOfLayers([base]),
  'team/db:v1': imageOfLayers([base, nothing, large, nothing]),
};
const LAYERS: readonly Layer[] = [
  ...new Map(
    Object.values(IMAGES).flatMap(({ layers }) =>
      layers.map((layer) => [layer.descriptor.digest, layer] as const),
    ),
  ).values(),
];
const DIFF_IDS = new Map(LAYERS.map((layer) => [layer.descriptor.digest, digestOf(layer.tar)]));

let folder: string;
let reference: AnalysisReport;

async function put(url: URL, bytes: Buffer, type: string): Promise<void> {
  const headers = { 'content-type': type };
  const answer = await fetch(url, { method: 'PUT', body: new Uint8Array(bytes), headers });
  expect(answer.status).toBe(201);
}

/** Pushes everything to a server. */
async function pushAll(server: string): Promise<void> {
  for (const [name, { layers, config, manifest }] of Object.entries(IMAGES)) {
    const [repository, tag] = name.split(':');
    const at = (path: string) => new URL(`/v2/${repository}/${path}`, server);
    for (const { bytes, descriptor } of [...layers, config]) {
      const begun = await fetch(at('blobs/uploads/'), { method: 'POST' });
      const url = new URL(begun.headers.get('location')!, server);
      url.searchParams.set('digest', descriptor.digest);
      await put(url, bytes, 'application/octet-stream');
    }
    await put(at(`manifests/${tag}`), manifest.bytes, manifest.descriptor.mediaType);
  }
}

async function analyzeAll(name: string, sources: readonly string[]): Promise<AnalysisReport> {
  const { signal } = new AbortController();
  const opened = await openSources(sources, { folder: join(folder, `${name}-crawl`) }, signal);
  try {
    return await run(opened, join(folder, `${name}-data`), { chunks: ['fixed-4096'] });
  } finally {
    await Promise.all(opened.map((source) => source.close()));
  }
}

/** All leaves of a report by their path; layers by their DiffID, whatever the source calls them. */
function leavesOf(value: unknown, path: string, into: Map<string, unknown>): Map<string, unknown> {
  if (typeof value !== 'object' || value === null) {
    const id = typeof value === 'string' ? value : undefined;
    into.set(path, (id && DIFF_IDS.get(id)) ?? (id && FILES.get(id)) ?? value);
  } else {
    const entries = Object.entries(value);
    if (entries.length === 0) into.set(path, Array.isArray(value) ? '[]' : '{}');
    for (const [key, part] of entries) leavesOf(part, path === '' ? key : `${path}.${key}`, into);
  }
  return into;
}
/** DiffIDs by what files of layers are called in a report. */
const FILES = new Map<string, string>();

/** Paths in which a report differs from the one of the registry. */
function differences(report: AnalysisReport): string[] {
  const parts = (one: AnalysisReport) => {
    const { sources: _, unknown: __, ...rest } = lasting(one);
    return leavesOf(rest, '', new Map());
  };
  const [ours, theirs] = [parts(reference), parts(report)];
  return [...new Set([...ours.keys(), ...theirs.keys()])].filter(
    (path) => ours.get(path) !== theirs.get(path),
  );
}

function valueAt(report: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>((value, key) => (value as Record<string, unknown> | null)?.[key], report);
}

/** What is said to be unknown is null, with a reason, in both modes. */
function expectNulls(report: AnalysisReport, figures: readonly string[]): void {
  expect(report.unknown.map(({ figure }) => figure).sort()).toEqual([...figures].sort());
  for (const { figure, reason } of report.unknown) {
    expect(reason.length).toBeGreaterThan(10);
    const places = figure.startsWith('estimate')
      ? [figure]
      : [`correct.${figure}`, `paper.${figure}`];
    for (const place of places) expect([place, valueAt(report, place)]).toEqual([place, null]);
  }
}

const NO_PULLS = ['layers.pulls', 'images.pulls', 'images.pullSkew'];
const NO_SIZES = [
  'layers.compressedSize',
  'layers.filesRatio',
  'layers.archiveRatio',
  'layers.compressions',
  'images.compressedSize',
  'estimate.off',
  'estimate.dedup',
];
const NO_IMAGES = [
  'images',
  'sharing',
  'layers.references',
  'layers.pulls',
  'dedup.images',
  'dedup.sharedLayers',
  'dedup.privateLayers',
];

/** Whether a path is one of figures, or in one. */
function isIn(path: string, figures: readonly string[]): boolean {
  const bare = path.replace(/^(correct|paper)\./, '');
  return figures.some((figure) => bare === figure || bare.startsWith(`${figure}.`));
}

beforeAll(async () => {
  folder = await makeTemporary('same-set');
  await using served = await serveApplication();
  await pushAll(served.url);
  reference = await analyzeAll('registry', [served.url]);
});
afterAll(() => removeTemporary(folder));

describe('the same images', () => {
  test('of a registry, are what was pushed', () => {
    expect(reference.problems).toEqual([]);
    expect(reference.remarks).toEqual([]);
    expectNulls(reference, NO_PULLS);
    for (const mode of [reference.correct, reference.paper]) {
      expect([mode.images!.count, mode.images!.repositories, mode.layers.count]).toEqual([4, 3, 5]);
      const stored = LAYERS.reduce((sum, { bytes }) => sum + bytes.length, 0);
      expect(mode.layers.compressedSize!.sum).toBe(stored);
      expect(mode.types.length).toBeGreaterThan(5);
    }
    expect(reference.correct.dedup.overall).not.toEqual(reference.paper.dedup.overall);
    expect(reference.chunks).toHaveLength(1);
    expect(reference.waste.images).toHaveLength(4);
    expect(reference.waste.images.some(({ wastedBytes }) => wastedBytes > 0)).toBe(true);
  });

  test('of a data directory', async () => {
    const directory = join(folder, 'directory');
    const store = await openStore(directory, { collectEvery: 0, scrubPeriod: 0 });
    for (const [name, { layers, config, manifest }] of Object.entries(IMAGES)) {
      const [repository, tag] = name.split(':') as [string, string];
      for (const { bytes } of [...layers, config]) await pushBlob(store, repository, bytes);
      await pushManifest(store, repository, { bytes: manifest.bytes }, { tags: [tag] });
    }
    await store.close();
    const report = await analyzeAll('directory', [directory]);
    expect(differences(report)).toEqual([]);
    expectNulls(report, NO_PULLS);
  });

  test('of an OCI layout, in a folder and in a tar', async () => {
    await writeLayout(join(folder, 'layout'), IMAGES);
    await writeLayoutArchive(join(folder, 'layout.tar'), IMAGES);
    for (const name of ['layout', 'layout.tar']) {
      const report = await analyzeAll(name, [join(folder, name)]);
      expect(differences(report)).toEqual([]);
      expectNulls(report, NO_PULLS);
    }
  });

  test('of docker-archives, but for what needs compressed sizes', async () => {
    const archives: string[] = [];
    for (const [name, image] of Object.entries(IMAGES)) {
      const path = join(folder, `archive-${archives.length}.tar`);
      await writeDockerArchive(path, image, name);
      archives.push(path);
    }
    const report = await analyzeAll('archives', archives);
    expectNulls(report, [...NO_PULLS, ...NO_SIZES]);
    const other = differences(report).filter((path) => !isIn(path, [...NO_PULLS, ...NO_SIZES]));
    const byStoredSize =
      /\.sharing\.(ratio|measuredBy|withoutSharing|withSharing)$|^waste\.(images|repositories)\.\d+\.(uniqueBytes|sharedBytes)$|^estimate\.replicas\.\d\.bytes$/;
    expect(other.filter((path) => !byStoredSize.test(path))).toEqual([]);
    expect(report.correct.sharing!.measuredBy).toBe('archive-size');
  });

  test.each([
    ['plain', 'tar', NO_SIZES],
    ['compressed', 'tar.gz', []],
  ] as const)('as layers alone, %s: all that is not about images', async (_, ending, unknown) => {
    const paths: string[] = [];
    for (const [i, layer] of LAYERS.entries()) {
      const path = join(folder, `${i}.${ending}`);
      await writeFile(path, ending === 'tar' ? layer.tar : layer.bytes);
      const { size, mtimeNs } = await stat(path, { bigint: true });
      FILES.set(`tar:${path}#${size}-${mtimeNs}`, digestOf(layer.tar));
      paths.push(path);
    }
    const report = await analyzeAll(ending, paths);
    const gone = [...NO_IMAGES, ...unknown.filter((figure) => !figure.startsWith('images.'))];
    expectNulls(report, gone);
    const other = differences(report).filter((path) => !isIn(path, gone));
    const byImage =
      /^waste\.(images|repositories|largestRewrites|largestDeleted)|^waste\.largestFiles\.\d+\.image$/;
    const bySize = /^estimate\.replicas\.\d\.bytes$/;
    // Without images it is that of the layers alone.
    const isEstimate = (path: string) => path.startsWith('estimate.');
    const isExpected = (path: string) =>
      byImage.test(path) || (ending === 'tar' ? bySize.test(path) : isEstimate(path));
    expect(other.filter((path) => !isExpected(path))).toEqual([]);
    if (ending !== 'tar') {
      const { off, dedup } = report.estimate;
      const ofImages = reference.estimate.off! - off!;
      expect(ofImages).toBeGreaterThan(0);
      expect(reference.estimate.dedup! - dedup!).toBe(ofImages);
    }
    expect(report.waste.images).toEqual([]);
  });
});
