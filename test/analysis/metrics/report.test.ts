/** Reports of sets whose figures are known without computing them. */
import { expect, test, vi } from 'vitest';
import { analysisReport, type Figures } from '../../../src/analysis/metrics/schema.ts';
import type { ChunkSet } from '../../../src/analysis/scan/types.ts';
import { reportOf } from '../support/report.ts';
import { type PlainEntry, type PlainLayer, type PlainSet, sizeOfContent } from '../support/sets.ts';

// A second each; machines that do other things as well take longer.
vi.setConfig({ testTimeout: 120_000 });

const file = (path: string, content: number, mode?: number): PlainEntry => ({
  path,
  kind: 'file',
  content,
  ...(mode === undefined ? {} : { mode }),
});

function layerOf(name: string, entries: readonly PlainEntry[], more: Partial<PlainLayer> = {}) {
  return {
    entries,
    storedSize: 1000,
    archiveSize: 4000,
    tar: name,
    blob: name,
    compression: 'gzip' as const,
    ...more,
  };
}

/** Layer i of n has one file that all have, and i of its own; image i has the layers up to i. */
function ladder(n: number): PlainSet {
  return {
    layers: Array.from({ length: n }, (_, i) =>
      layerOf(`layer ${i}`, [
        file('common/shared', 27),
        ...Array.from({ length: i }, (__, k) => file(`own/${i}/x${k}`, 1000 * (i * n + k + 1) + 1)),
      ]),
    ),
    images: Array.from({ length: n }, (_, i) => ({
      repository: `app${i % 3}`,
      tag: `v${i}`,
      pulls: 10,
      layers: Array.from({ length: i + 1 }, (__, k) => k),
    })),
  };
}

test('a ladder of layers: every statistic by formula, the same in both modes', async () => {
  const n = 12;
  const own = (n * (n - 1)) / 2;
  const shared = sizeOfContent(27);
  const single = sizeOfContent(1001);
  const report = await reportOf([ladder(n)]);
  for (const mode of ['correct', 'paper'] as const) {
    const figures: Figures = report[mode];
    expect(figures.dedup.overall).toEqual({
      files: n + own,
      bytes: n * shared + own * single,
      distinctFiles: 1 + own,
      distinctBytes: shared + own * single,
      singletons: own,
      countRatio: (n + own) / (1 + own),
      byteRatio: (n * shared + own * single) / (shared + own * single),
    });
    expect(figures.layers).toMatchObject({ count: n, withoutFiles: 0, withOneFile: 1 });
    // Of 12 values the median is the 6th, the 90th percentile the 11th.
    expect(figures.layers.files).toMatchObject({
      min: 1,
      p50: 6,
      p90: 11,
      p99: 12,
      max: 12,
      sum: n + own,
    });
    expect(figures.layers.files.cdf).toEqual(
      Array.from({ length: n }, (_, i) => [i + 1, (i + 1) / n]),
    );
    expect(figures.layers.references).toMatchObject({ min: 1, max: n, sum: (n * (n + 1)) / 2 });
    // Of three repositories, whatever their tags: the highest layer is in one of them.
    expect(figures.layers.pulls).toMatchObject({ min: 10, p50: 30, max: 30 });
    expect(figures.images?.pulls).toMatchObject({ count: 3, sum: 30 });
    expect(figures.layers.maxDepth).toMatchObject({ min: 1, p50: 2, max: 2 });
    // `common`; from the second layer on `own` and the directory in it besides.
    expect(figures.layers.meanDepth).toMatchObject({ min: 1, p10: 4 / 3, max: 4 / 3 });
    expect(figures.layers.medianDepth).toMatchObject({ count: n, min: 1, max: 1 });
    // None of those that the next test is about.
    expect(figures.layers.symlinks).toMatchObject({ count: n, sum: 0, cdf: [[0, 1]] });
    expect(figures.layers.setIdFiles).toMatchObject({ count: n, sum: 0, cdf: [[0, 1]] });
    expect(figures.layers.filesRatio).toMatchObject({ min: shared / 1000 });
    expect(figures.sharing).toMatchObject({
      byOne: 1,
      byTwo: 1,
      byMoreThan25: 0,
      withoutSharing: (1000 * n * (n + 1)) / 2,
      withSharing: 1000 * n,
      ratio: (n + 1) / 2,
      measuredBy: 'compressed-size',
    });
    expect(figures.images?.files).toMatchObject({ min: 1, max: n + own });
    // Layer i has i + 1 files, one of which is in the others.
    expect(figures.dedup.layers.interByCount).toMatchObject({ count: n, min: 1 / n, max: 1 });
    expect(figures.dedup.layers.intraByCount).toMatchObject({ max: 0 });
    // Image i has i copies of the shared file too many, of (i + 1)(i + 2) / 2 files.
    expect(figures.dedup.images?.intraByCount).toMatchObject({ min: 0, max: 2 / 6 });
    expect(figures.dedup.growth.map(({ layers }) => layers)).toEqual([10, n]);
    expect(figures.dedup.growth.at(-1)!.countRatio).toEqual(
      Array.from({ length: 3 }, () => (n + own) / (1 + own)),
    );
    // All files of one group are copies of the shared one, all of the other are of one size.
    expect(figures.fileSizes.all).toMatchObject({
      count: n + own,
      sum: n * shared + own * single,
      mean: (n * shared + own * single) / (n + own),
      min: single,
      // 66 of 78 are the small ones.
      p10: single,
      p75: single,
      p90: shared,
      max: shared,
      cdf: [
        [single, own / (n + own)],
        [shared, 1],
      ],
    });
    expect(figures.fileSizes.distinct).toMatchObject({
      count: 1 + own,
      sum: shared + own * single,
      p95: single,
      // The 67th of 67.
      p99: shared,
      cdf: [
        [single, own / (1 + own)],
        [shared, 1],
      ],
    });
    const same = (count: number, size: number) => ({
      ...{ count, sum: count * size, mean: size, min: size, p10: size, p25: size, p50: size },
      ...{ p75: size, p90: size, p95: size, p99: size, max: size, cdf: [[size, 1]] },
    });
    expect(figures.fileSizes.byGroup).toEqual({
      EOL: same(n, shared),
      scripts: same(own, single),
    });
    expect(figures.dedup.mostRepeated[0]).toMatchObject({ copies: n, path: 'common/shared' });
  }
  // Each image but the first has the shared file several times.
  expect(report.waste.images.find(({ image }) => image.endsWith(`:v${n - 1}`))).toMatchObject({
    wastedBytes: (n - 1) * shared,
    metadataOnlyBytes: (n - 1) * shared,
    deletedBytes: 0,
    uniqueBytes: 1000,
    sharedBytes: 1000 * (n - 1),
  });
});

test('three hundred repositories on one base, pulled 1 to 300 times: by formula', async () => {
  const n = 300;
  const report = await reportOf([
    {
      layers: Array.from({ length: n }, (_, i) =>
        layerOf(`layer ${i}`, [file(`own/${i}`, i + 1)], { archiveSize: 4000 + i }),
      ),
      images: Array.from({ length: n }, (_, i) => ({
        repository: `app${String(i).padStart(3, '0')}`,
        tag: 'latest',
        pulls: i + 1,
        layers: i === 0 ? [0] : [0, i],
      })),
    },
  ]);
  const pulls = (n * (n + 1)) / 2;
  for (const mode of ['correct', 'paper'] as const) {
    const { images, layers, sharing } = report[mode];
    expect(images?.pullSkew).toEqual({
      repositories: n,
      pulls,
      topPercent: (300 + 299 + 298) / pulls,
      topTenPercent: (30 * (300 + 271)) / 2 / pulls,
      // Of 1 to n, by formula.
      gini: expect.closeTo((n - 1) / (3 * n), 12),
      mostPulled: Array.from({ length: 20 }, (_, i) => ({
        repository: `app${n - 1 - i}`,
        pulls: n - i,
      })),
    });
    // Above 200 values the curve keeps those at 200 even ranks: of 300, the 2nd, 3rd, 5th, 6th, 8th ...
    expect(layers.archiveSize).toMatchObject({ count: n, min: 4000, p50: 4149, p99: 4296 });
    expect(layers.archiveSize.cdf).toEqual(
      Array.from({ length: 200 }, (_, i) => {
        const rank = Math.ceil(((i + 1) * n) / 200);
        return [3999 + rank, rank / n];
      }),
    );
    expect(sharing).toMatchObject({ byOne: n - 1, byTwo: 0, byMoreThan25: 1 });
    expect(layers.pulls).toMatchObject({ min: 2, max: pulls });
  }
});

test('a ladder of links, whiteouts and modes: by formula, the same in both modes', async () => {
  const n = 12;
  const many = (count: number, make: (k: number) => PlainEntry) =>
    Array.from({ length: count }, (_, k) => make(k));
  const layers = Array.from({ length: n }, (_, i) =>
    layerOf(`layer ${i}`, [
      file('file', 1),
      // Neither is a file that runs as another user.
      { path: 'directory', kind: 'directory', mode: 0o2755 },
      file('sticky', 2, 0o1755),
      ...many(i, (k) => ({ path: `s${k}`, kind: 'symlink', link: 'file' })),
      ...many(2 * i, (k) => ({ path: `h${k}`, kind: 'hardlink', link: 'file', mode: 0o4755 })),
      ...many(3 * i, (k) => ({ path: `w${k}`, kind: 'whiteout' })),
      ...many(i % 2, (k) => ({ path: `o${k}`, kind: 'opaque-whiteout' })),
      ...many(4 * i, (k) => file(`u${k}`, 3, [0o4755, 0o2755, 0o6755, 0o7777][k % 4]!)),
    ]),
  );
  const report = await reportOf([{ layers, images: [] }]);
  // Layer i has `step` times i of them: the median is of the 6th, the 90th percentile of the 11th.
  const steps = (step: number) => ({
    ...{ count: n, sum: (step * n * (n - 1)) / 2, mean: (step * (n - 1)) / 2 },
    ...{ min: 0, p50: 5 * step, p90: 10 * step, max: 11 * step },
    cdf: Array.from({ length: n }, (_, i) => [i * step, (i + 1) / n]),
  });
  for (const mode of ['correct', 'paper'] as const) {
    const { symlinks, hardLinks, whiteouts, opaqueWhiteouts, setIdFiles } = report[mode].layers;
    expect(symlinks).toMatchObject(steps(1));
    expect(hardLinks).toMatchObject(steps(2));
    expect(whiteouts).toMatchObject(steps(3));
    expect(setIdFiles).toMatchObject(steps(4));
    expect(opaqueWhiteouts).toMatchObject({ count: n, sum: n / 2, p50: 0, p75: 1, max: 1 });
  }
});

test('an entry that comes twice counts twice, in paper mode once', async () => {
  const link: PlainEntry = { path: 's', kind: 'symlink', link: 'elsewhere' };
  const { correct, paper } = await reportOf([
    {
      layers: [layerOf('twice', [link, link, file('u', 1, 0o4755), file('u', 1)])],
      images: [],
    },
  ]);
  expect([correct.layers.symlinks.sum, paper.layers.symlinks.sum]).toEqual([2, 1]);
  // The one that is left after unpacking has lost it.
  expect([correct.layers.setIdFiles.sum, paper.layers.setIdFiles.sum]).toEqual([1, 0]);
});

test('paper mode: each peculiarity of the study by itself', async () => {
  const report = await reportOf([
    {
      layers: [
        layerOf('links', [file('a', 1), { path: 'b', kind: 'hardlink', link: 'a' }, file('c', 2)]),
        layerOf('symlinks', [
          file('a', 3),
          { path: 's', kind: 'symlink', link: 'a' },
          { path: 'dangling', kind: 'symlink', link: 'b' },
          { path: 'absolute', kind: 'symlink', link: '/a' },
        ]),
        layerOf('whiteouts', [
          { path: 'gone', kind: 'whiteout' },
          { path: 'd', kind: 'opaque-whiteout' },
        ]),
        layerOf('twice', [file('d/a', 4), file('d/b', 4)]),
        layerOf('again', [file('x', 5)], { tar: 'same' }),
        layerOf('again, other bits', [file('x', 5)], { tar: 'same', storedSize: 7 }),
      ],
      images: [],
    },
  ]);
  const { correct, paper } = report;
  // 1, 2, 3 and 8: 'links' has 3 names, 'symlinks' 2, 'whiteouts' 2, and 'again' counts twice.
  expect(correct.layers.count).toBe(5);
  expect(paper.layers.count).toBe(6);
  expect(correct.layers.files.sum).toBe(2 + 1 + 0 + 2 + 1);
  expect(paper.layers.files.sum).toBe(3 + 2 + 2 + 2 + 1 + 1);
  expect(correct.dedup.overall.files).toBe(6);
  // Not the hard links, not the symbolic one.
  expect(paper.dedup.overall.files).toBe(1 + 1 + 2 + 2 + 2);
  expect(paper.dedup.overall.bytes).toBe(
    correct.dedup.overall.bytes - sizeOfContent(1) + sizeOfContent(5),
  );
  // 5 and 6: two copies in one layer are "in other layers", and only what shares anything counts.
  expect(correct.dedup.layers.interByCount).toMatchObject({ count: 4, max: 0 });
  expect(paper.dedup.layers.interByCount).toMatchObject({ count: 4, min: 1, max: 1 });
  expect(correct.dedup.layers.intraByCount).toMatchObject({ count: 4, sum: 1 / 2 });
  // 'links' has no copies anywhere: it is in none of the four.
  expect(paper.dedup.layers.intraByCount).toMatchObject({ count: 4 });
  const empty = paper.types.find(({ type }) => type === 'empty');
  expect(empty).toMatchObject({ files: 2, bytes: 0, distinctFiles: 1 });
});

test('waste: rewritten, changed in owner or mode only, deleted, hidden with its directory', async () => {
  const [a, b, c, d, e, f] = [101, 102, 103, 104, 105, 106] as const;
  const report = await reportOf([
    {
      layers: [
        layerOf('base', [
          file('chmod', a),
          file('rewritten', b),
          file('deleted', c),
          file('directory/hidden', d),
          file('opaque/hidden', e),
          file('becomes-file/below', f),
          file('kept', 107),
          file('name', 108),
          { path: 'other-name', kind: 'hardlink', link: 'name' },
        ]),
        layerOf('top', [
          file('chmod', a, 0o4755),
          file('rewritten', 109),
          { path: 'deleted', kind: 'whiteout' },
          { path: 'directory', kind: 'whiteout' },
          { path: 'opaque', kind: 'opaque-whiteout' },
          file('opaque/new', 110),
          file('becomes-file', 111),
          { path: 'name', kind: 'whiteout' },
        ]),
      ],
      images: [{ repository: 'app', tag: 'v1', pulls: 1, layers: [0, 1] }],
    },
  ]);
  const [waste] = report.waste.images;
  const size = (...contents: readonly number[]) =>
    contents.reduce((sum, content) => sum + sizeOfContent(content), 0);
  expect(waste).toMatchObject({
    bytes: size(a, b, c, d, e, f, 107, 108, a, 109, 110, 111),
    // The file whose own name is gone is seen under its other one.
    visibleBytes: size(107, 108, a, 109, 110, 111),
    wastedBytes: size(a, b, c, d, e, f),
    metadataOnlyBytes: size(a),
    deletedBytes: size(c, d, e, f),
  });
  // By dive's formula, and what goes with its directory is waste file by file.
  const smallest = size(a, 107, 110, 111) + Math.min(size(b), size(109));
  expect(waste!.efficiency).toBeCloseTo(smallest / waste!.bytes, 12);
  expect(report.waste.largestDeleted.map(({ path }) => path).sort()).toEqual(
    ['becomes-file/below', 'deleted', 'directory/hidden', 'opaque/hidden'].sort(),
  );
  expect(report.waste.largestRewrites.map(({ path }) => path).sort()).toEqual([
    'chmod',
    'rewritten',
  ]);
  expect(report.waste.largestFiles[0]).toEqual({
    image: 'app:v1',
    layer: 'layer 0',
    path: 'name',
    bytes: size(108),
  });
});

test('a hard link keeps in sight what it was made of, and only that', async () => {
  const [first, second, behind] = [101, 102, 103] as const;
  const layers = [
    layerOf('base', [
      file('a', first),
      { path: 'b', kind: 'hardlink', link: 'a' },
      file('a', second),
      file('behind', behind),
      { path: 'soft', kind: 'symlink', link: 'behind' },
      { path: 'hard', kind: 'hardlink', link: 'soft' },
    ]),
    layerOf('top', [{ path: 'behind', kind: 'whiteout' }]),
  ];
  const image = { repository: 'app', tag: 'v1', layers: [0, 1] };
  const { paper, waste } = await reportOf([{ layers, images: [image] }]);
  // `hard` leads nowhere once `behind` is deleted; the first content of `a` is seen as `b`.
  expect(waste.images).toMatchObject([
    {
      visibleBytes: sizeOfContent(first) + sizeOfContent(second),
      wastedBytes: sizeOfContent(behind),
      deletedBytes: sizeOfContent(behind),
    },
  ]);
  // What stands at `a` in the end has no hard link, nor has `behind`; `b` counts as a link, without size.
  expect(paper.dedup.overall.bytes).toBe(sizeOfContent(second) + sizeOfContent(behind));
});

test('the same tar compressed in several ways counts with its smallest stored size', async () => {
  const variant = (blob: string, storedSize: number) =>
    layerOf(blob, [file('x', 5)], { tar: 'same', storedSize });
  for (const sizes of [
    [1000, 7, 500],
    [7, 500, 1000],
    [500, 1000, 7],
  ]) {
    const layers = sizes.map((size) => variant(`of ${size}`, size));
    const image = { repository: 'app', tag: 'v1', layers: [0] };
    const report = await reportOf([{ layers, images: [image] }]);
    expect(report.correct.layers.compressedSize).toMatchObject({ count: 1, sum: 7 });
    expect(report.paper.layers.compressedSize).toMatchObject({ count: 3, sum: 1507 });
    expect(report.waste.images).toMatchObject([{ uniqueBytes: 7, sharedBytes: 0 }]);
  }
});

test('the largest files name the same image in whatever order images are listed', async () => {
  const layers = [
    layerOf('base', [file('rewritten', 101), file('deleted', 102), file('kept', 103)]),
    layerOf('top', [file('rewritten', 0), { path: 'deleted', kind: 'whiteout' }]),
  ];
  const repositories = ['zoo', 'app', 'middle'];
  for (const order of [repositories, repositories.toReversed()]) {
    const images = order.map((repository) => ({ repository, tag: 'v1', layers: [0, 1] }));
    const { waste } = await reportOf([{ layers, images }]);
    const found = [...waste.largestFiles, ...waste.largestRewrites, ...waste.largestDeleted];
    expect(found.map(({ image, path }) => [image, path]).sort()).toEqual(
      ['deleted', 'deleted', 'kept', 'rewritten', 'rewritten'].map((path) => ['app:v1', path]),
    );
  }
});

test('nothing at all, and layers without files or images', async () => {
  const nothing = await reportOf([{ layers: [], images: [] }]);
  expect(analysisReport.parse(nothing)).toEqual(nothing);
  expect(nothing.correct.dedup).toMatchObject({
    overall: { files: 0, countRatio: null, byteRatio: null },
    growth: [],
    mostRepeated: [],
  });
  expect(nothing.estimate).toMatchObject({ off: null, dedup: null });
  expect(nothing.unknown.filter(({ reason }) => reason === 'no layer was read')).toHaveLength(2);
  expect(nothing.correct.fileSizes).toMatchObject({
    all: { count: 0, max: null, cdf: [] },
    distinct: { count: 0 },
    byGroup: {},
  });
  const empty = await reportOf([
    {
      layers: [layerOf('empty', [])],
      images: [{ repository: '', tag: 'only', pulls: 1, layers: [0] }],
    },
  ]);
  expect(analysisReport.parse(empty)).toEqual(empty);
  expect(empty.correct.layers).toMatchObject({ count: 1, withoutFiles: 1 });
  expect(empty.waste.images).toMatchObject([{ image: 'only', bytes: 0, efficiency: 1 }]);
});

test('what a source cannot tell is null, with the reason, also beside one that can', async () => {
  const set: PlainSet = { prefix: 'archive ', layers: [layerOf('a', [file('a', 1)])], images: [] };
  const reason = 'layers lie in it as plain tars';
  const report = await reportOf(
    [ladder(3)],
    [
      set,
      new Map([
        ['compressed-size', reason],
        ['images', 'it has none'],
      ]),
    ],
  );
  expect(analysisReport.parse(report)).toEqual(report);
  for (const figures of [report.correct, report.paper]) {
    expect(figures.layers.compressedSize).toBeNull();
    expect(figures.layers.compressions).toBeNull();
    expect(figures.layers.references).toBeNull();
    expect(figures.layers.filesSize.count).toBe(4);
    expect(figures.images).toBeNull();
  }
  expect(report.estimate.off).toBeNull();
  const reasons = new Map(report.unknown.map((one) => [one.figure, one.reason]));
  expect(reasons.get('layers.compressedSize')).toContain(reason);
  expect(reasons.get('images')).toContain('it has none');
});

test('what only the layers of paper mode lack is told of that mode', async () => {
  const reason = 'layers lie in it as plain tars';
  const image = { repository: 'app', tag: 'v1', layers: [0] };
  const pushed = layerOf('a', [file('a', 1)]);
  const report = await reportOf(
    [{ layers: [pushed], images: [image] }],
    [
      { prefix: 'archive ', layers: [{ ...pushed, blob: 'plain' }], images: [] },
      new Map([['compressed-size', reason]]),
    ],
  );
  expect(report.correct.layers.compressedSize).toMatchObject({ count: 1, sum: 1000 });
  expect(report.paper.layers.compressedSize).toBeNull();
  expect(report.estimate.off).not.toBeNull();
  expect(report.unknown.map(({ figure }) => figure).sort()).toEqual(
    [
      'images.compressedSize',
      'layers.archiveRatio',
      'layers.compressedSize',
      'layers.compressions',
      'layers.filesRatio',
    ]
      .map((figure) => `paper.${figure}`)
      .concat('images.pulls', 'images.pullSkew', 'layers.pulls')
      .sort(),
  );
});

test('the estimate: off is each blob once, replicas go by the formula', async () => {
  const layers = [
    layerOf('a', [file('a', 1)]),
    layerOf('a, other bits', [file('a', 1)], { tar: 'a', storedSize: 500 }),
    layerOf('a, again', [file('a', 1)], { tar: 'a', blob: 'a' }),
  ];
  const { estimate } = await reportOf([
    { layers, images: [{ repository: 'app', tag: 'v1', layers: [0] }] },
  ]);
  const { off, dedup } = estimate;
  expect(off).toBe(1000 + 500 + 1900);
  // Layers as small as that stay as they are.
  expect(dedup).toBe(off);
  expect(estimate.replicas).toEqual(
    [0, 1, 2, 3].map((intact) => ({
      intact,
      taken: 3 - intact,
      bytes: intact * off! + (3 - intact) * dedup!,
    })),
  );
});

test('the estimate: what is taken apart once, what is not as it is', async () => {
  const gzip = { storedSize: 100_000, archiveSize: 300_000 } as const;
  const plain = { ...gzip, storedSize: 300_000, compression: 'none' } as const;
  const layers = [
    layerOf('gzip', [file('a', 1011), file('b', 2021)], gzip),
    layerOf('more', [file('a', 1011), file('c', 3031)], gzip),
    layerOf('plain', [file('d', 4041)], plain),
    // Its files are not kept once, neither those that others have.
    layerOf('zstd', [file('a', 1011), file('e', 5051)], { ...gzip, compression: 'zstd' }),
    layerOf('small', [file('f', 6061)], { storedSize: 65_535 }),
  ];
  const { estimate } = await reportOf([
    { layers, images: [{ repository: 'app', tag: 'v1', layers: [0] }] },
  ]);
  const packed = (content: number) => Math.ceil(sizeOfContent(content) / 2) + 1;
  const distinct = packed(1011) + packed(2021) + packed(3031) + Math.round(0.35 * packed(4041));
  const intact = 100_000 + 65_535;
  expect(estimate.off).toBe(3 * 100_000 + 300_000 + 65_535 + 1900);
  expect(estimate.dedup).toBe(
    Math.round(intact + 0.98 * distinct + 0.01 * packed(1011) + 5 * 99 + 4 * 1040) + 1900,
  );
});

test('chunks over layers, each content once', async () => {
  const chunks = (copies: number): ChunkSet[] => [
    {
      method: 'fixed-4096',
      hashes: Uint8Array.from({ length: 32 }, (_, i) => i),
      sizes: Uint32Array.of(4096, 10),
      counts: Uint32Array.of(copies, 1),
    },
  ];
  const report = await reportOf([
    {
      layers: [
        layerOf('a', [], { chunks: chunks(1) }),
        layerOf('b', [], { chunks: chunks(3) }),
        // The same tar again, which is no layer of its own.
        layerOf('c', [], { chunks: chunks(3), tar: 'b' }),
      ],
      images: [],
    },
  ]);
  const bytes = 4 * 4096 + 20;
  expect(report.chunks).toEqual([
    {
      method: 'fixed-4096',
      bytes,
      distinctBytes: 4106,
      chunks: 6,
      distinctChunks: 2,
      byteRatio: bytes / 4106,
    },
  ]);
});

test('chunks of some layers only are no figures, and it is told why', async () => {
  const cut: ChunkSet = {
    method: 'fixed-4096',
    hashes: new Uint8Array(16),
    sizes: Uint32Array.of(10),
    counts: Uint32Array.of(1),
  };
  const layers = [layerOf('a', [], { chunks: [cut] }), layerOf('b', [file('b', 1)])];
  const report = await reportOf([{ layers, images: [] }]);
  expect(report.chunks).toEqual([]);
  expect(report.unknown).toContainEqual({
    figure: 'chunks',
    reason: '1 of 2 layers were read without chunks; start a new dataset with --chunks',
  });
});

test('an image of which a layer could not be read is left out, and named', async () => {
  const set = ladder(3);
  const report = await reportOf([{ layers: set.layers.slice(0, 2), images: set.images }]);
  expect(report.correct.images?.count).toBe(2);
  expect(report.problems).toMatchObject([{ what: 'app2:v2' }]);
  // It holds the layers that could be read.
  expect(report.correct.layers.references).toMatchObject({ max: 3, min: 2 });
});
