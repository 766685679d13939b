/** A realistic report, the same for the same seed. */
import type {
  AnalysisReport,
  Distribution,
  Figures,
} from '../../../src/analysis/metrics/schema.ts';
import { type Random, startRandom } from '../../support/random.ts';

/** The distribution of values, as metrics compute it: nearest rank, 200 points of the curve at most. */
export function distributionOf(values: readonly number[]): Distribution {
  const sorted = values.toSorted((a, b) => a - b);
  const count = sorted.length;
  const at = (share: number): number | null =>
    sorted[Math.max(0, Math.ceil(share * count) - 1)] ?? null;
  const sum = sorted.reduce((total, value) => total + value, 0);
  const cdf = new Map<number, number>();
  for (let i = 0; i < 200 && count > 0; i++) {
    const rank = Math.ceil(((i + 1) / 200) * count);
    const value = sorted[rank - 1]!;
    cdf.set(value, (sorted.findLastIndex((other) => other <= value) + 1) / count);
  }
  return {
    count,
    sum: count === 0 ? null : sum,
    mean: count === 0 ? null : sum / count,
    min: sorted[0] ?? null,
    p10: at(0.1),
    p25: at(0.25),
    p50: at(0.5),
    p75: at(0.75),
    p90: at(0.9),
    p95: at(0.95),
    p99: at(0.99),
    max: sorted.at(-1) ?? null,
    cdf: [...cdf],
  };
}

/** A uniform number from 0 to 1, without 0. */
function uniform(random: Random): number {
  return (random.below(2 ** 31) + 1) / 2 ** 31;
}

/** Box and Muller's way to a normal distribution, taken to the power of e. */
function logNormal(random: Random, median: number, sigma: number): number {
  const radius = Math.sqrt(-2 * Math.log(uniform(random)));
  return median * Math.exp(sigma * radius * Math.cos(2 * Math.PI * uniform(random)));
}

function many<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

/** Group, type, share of files, share of bytes, share of bytes that is distinct. */
const TYPES = [
  ['EOL', 'elf-shared', 0.031, 0.24, 0.16],
  ['EOL', 'elf-executable', 0.009, 0.09, 0.21],
  ['EOL', 'python-bytecode', 0.055, 0.025, 0.2],
  ['EOL', 'java-class', 0.012, 0.006, 0.33],
  ['EOL', 'libtool-library', 0.004, 0.02, 0.4],
  ['archives', 'zip', 0.04, 0.11, 0.3],
  ['archives', 'gzip', 0.025, 0.08, 0.24],
  ['archives', 'tar', 0.001, 0.02, 0.5],
  ['documents', 'ascii-text', 0.33, 0.085, 0.08],
  ['documents', 'utf8-text', 0.03, 0.012, 0.09],
  ['documents', 'html', 0.06, 0.02, 0.11],
  ['documents', 'xml', 0.02, 0.013, 0.1],
  ['documents', 'pdf', 0.002, 0.008, 0.19],
  ['source', 'c', 0.1, 0.031, 0.04],
  ['source', 'perl-module', 0.02, 0.006, 0.03],
  ['source', 'ruby-module', 0.012, 0.002, 0.04],
  ['scripts', 'python', 0.07, 0.034, 0.03],
  ['scripts', 'shell', 0.02, 0.004, 0.02],
  ['scripts', 'node', 0.02, 0.012, 0.02],
  ['images', 'png', 0.03, 0.016, 0.14],
  ['images', 'jpeg', 0.005, 0.009, 0.2],
  ['images', 'svg', 0.006, 0.002, 0.12],
  ['databases', 'sqlite', 0.0005, 0.021, 0.28],
  ['databases', 'berkeley-db', 0.0007, 0.012, 0.22],
  ['other', 'empty', 0.03, 0, 0],
  ['other', 'data', 0.0668, 0.122, 0.3],
] as const;

type TypeRow = Figures['types'][number];
type Overall = Figures['dedup']['overall'];

function ratioOf(all: number, distinct: number): number | null {
  return distinct === 0 ? null : all / distinct;
}

function typeRows(files: number, bytes: number): TypeRow[] {
  const rows = TYPES.map(([group, type, ofFiles, ofBytes, ofDistinct]): TypeRow => {
    const count = Math.max(1, Math.round(files * ofFiles));
    const size = Math.round(bytes * ofBytes);
    const distinctFiles = Math.max(1, Math.round(count * ofDistinct * 0.6));
    const distinctBytes = Math.round(size * ofDistinct);
    return {
      group,
      type,
      files: count,
      bytes: size,
      distinctFiles,
      distinctBytes,
      singletons: Math.round(distinctFiles * 0.2),
      countRatio: ratioOf(count, distinctFiles),
      byteRatio: ratioOf(size, distinctBytes),
      countShare: ofFiles,
      byteShare: ofBytes,
      meanSize: size / count,
    };
  });
  return [...groupRows(rows, files, bytes), ...rows];
}

function groupRows(rows: readonly TypeRow[], files: number, bytes: number): TypeRow[] {
  return [...Map.groupBy(rows, ({ group }) => group)].map(([group, members]): TypeRow => {
    const sum = (read: (row: TypeRow) => number) =>
      members.reduce((total, row) => total + read(row), 0);
    const count = sum((row) => row.files);
    const size = sum((row) => row.bytes);
    const distinctFiles = sum((row) => row.distinctFiles);
    const distinctBytes = sum((row) => row.distinctBytes);
    return {
      group,
      type: '',
      files: count,
      bytes: size,
      distinctFiles,
      distinctBytes,
      singletons: sum((row) => row.singletons),
      countRatio: ratioOf(count, distinctFiles),
      byteRatio: ratioOf(size, distinctBytes),
      countShare: count / files,
      byteShare: size / bytes,
      meanSize: size / count,
    };
  });
}

/** By numbers of its own, so that other figures stay as they are. */
function sampleFileSizes(types: readonly TypeRow[]): Figures['fileSizes'] {
  const random = startRandom(11);
  const sizes = (count: number, median: number) =>
    distributionOf(
      many(count, () => (random.chance(0.03) ? 0 : Math.round(logNormal(random, median, 2)))),
    );
  const groups = types.filter(({ type }) => type === '');
  return {
    all: sizes(3000, 4000),
    distinct: sizes(900, 9000),
    byGroup: Object.fromEntries(
      groups.map(({ group, meanSize }) => [group, sizes(200, Math.max(1, meanSize / 7))]),
    ),
  };
}

function overallOf(types: readonly TypeRow[]): Overall {
  const rows = types.filter(({ type }) => type !== '');
  const sum = (read: (row: TypeRow) => number) => rows.reduce((total, row) => total + read(row), 0);
  const files = sum((row) => row.files);
  const bytes = sum((row) => row.bytes);
  const distinctFiles = sum((row) => row.distinctFiles);
  const distinctBytes = sum((row) => row.distinctBytes);
  return {
    files,
    bytes,
    distinctFiles,
    distinctBytes,
    singletons: sum((row) => row.singletons),
    countRatio: ratioOf(files, distinctFiles),
    byteRatio: ratioOf(bytes, distinctBytes),
  };
}

type Shares = Figures['dedup']['layers'];

function shares(random: Random, count: number, inter: number): Shares {
  const some = (level: number) =>
    distributionOf(
      many(count, () => Math.min(1, Math.max(0, level + (uniform(random) - 0.5) * 0.4))),
    );
  return {
    intraByCount: some(0.12),
    intraByBytes: some(0.06),
    interByCount: some(inter),
    interByBytes: some(inter - 0.1),
  };
}

function growth(layers: number, countRatio: number, byteRatio: number): Figures['dedup']['growth'] {
  const sizes = [10, 20, 50, 100, 200, 500, 1000, 2000, 5000].filter((size) => size < layers);
  return [...sizes, layers].map((size) => {
    const along = Math.log(size / 5) / Math.log(layers / 5);
    const narrow = 0.25 * (1 - along);
    const band = (full: number): [number, number, number] => {
      const middle = 1 + (full - 1) * along ** 1.6;
      return [1 + (middle - 1) * (1 - narrow), middle, middle * (1 + narrow * 0.8)];
    };
    return { layers: size, countRatio: band(countRatio), byteRatio: band(byteRatio) };
  });
}

const digest = (random: Random): string =>
  `sha256:${many(8, () =>
    random
      .below(2 ** 32)
      .toString(16)
      .padStart(8, '0'),
  ).join('')}`;

interface SampleOptions {
  readonly seed?: number;
  readonly layers?: number;
  readonly images?: number;
}

function sampleFigures(random: Random, layers: number, images: number, fewer: number): Figures {
  const compressed = many(layers, () =>
    random.chance(0.07) ? 32 : Math.round(logNormal(random, 3.1e6, 2.4) * fewer),
  );
  const sizes = compressed.map((size) => Math.round(size * logNormal(random, 2.6, 0.45)));
  const files = compressed.map((size) =>
    size === 32
      ? 0
      : random.chance(0.25)
        ? 1
        : Math.round((size / 40_000) * logNormal(random, 1, 1.3)) + 1,
  );
  const perImage = many(images, () => random.between(1, 18));
  const imageSizes = perImage.map((count) => Math.round(logNormal(random, 2.2e7, 1.1) * count));
  const totalFiles = files.reduce((a, b) => a + b, 0);
  const totalBytes = sizes.reduce((a, b) => a + b, 0);
  const types = typeRows(totalFiles, totalBytes);
  const overall = overallOf(types);
  const stored = compressed.reduce((a, b) => a + b, 0);
  const shared = Math.round(layers * 0.12);
  return {
    layers: {
      count: layers,
      withoutFiles: files.filter((count) => count === 0).length,
      withOneFile: files.filter((count) => count === 1).length,
      compressedSize: distributionOf(compressed),
      filesSize: distributionOf(sizes),
      archiveSize: distributionOf(sizes.map((size, i) => size + 1024 * (files[i]! + 1))),
      filesRatio: distributionOf(sizes.map((size, i) => size / compressed[i]!)),
      archiveRatio: distributionOf(sizes.map((size, i) => (size + 1024) / compressed[i]!)),
      files: distributionOf(files),
      directories: distributionOf(files.map((count) => Math.round(count / 8))),
      maxDepth: distributionOf(files.map((count) => (count === 0 ? 0 : random.between(1, 11)))),
      meanDepth: distributionOf(files.map((count) => 1 + (count % 60) / 10)),
      medianDepth: distributionOf(files.map((count) => 1 + (count % 6))),
      symlinks: distributionOf(files.map((count) => Math.round(count / 20))),
      hardLinks: distributionOf(files.map((count) => Math.round(count / 900))),
      whiteouts: distributionOf(files.map((count) => count % 3)),
      opaqueWhiteouts: distributionOf(files.map((count) => Math.floor((count % 40) / 39))),
      setIdFiles: distributionOf(files.map((count) => Math.round(count / 2000))),
      references: distributionOf(
        many(layers, () => (random.chance(0.88) ? 1 : random.between(2, 60))),
      ),
      pulls: distributionOf(many(layers, () => Math.round(logNormal(random, 60, 2.5)))),
      compressions: { gzip: layers - Math.floor(layers / 500), zstd: Math.floor(layers / 500) },
    },
    images: {
      count: images,
      repositories: Math.ceil(images / 3),
      layers: distributionOf(perImage),
      compressedSize: distributionOf(imageSizes),
      filesSize: distributionOf(imageSizes.map((size) => Math.round(size * 2.7))),
      files: distributionOf(imageSizes.map((size) => Math.round(size / 20_000))),
      directories: distributionOf(imageSizes.map((size) => Math.round(size / 150_000))),
      pulls: distributionOf(many(images, () => Math.round(logNormal(random, 40, 2.2)))),
      pullSkew: {
        repositories: Math.ceil(images / 3),
        pulls: images * 900,
        topPercent: 0.61,
        topTenPercent: 0.87,
        gini: 0.91,
        mostPulled: many(10, (i) => ({
          repository: `library/popular-${i}`,
          pulls: Math.round((images * 300) / (i + 1)),
        })),
      },
    },
    sharing: {
      byOne: layers - shared,
      byTwo: Math.round(shared * 0.45),
      byMoreThan25: Math.round(shared * 0.06),
      ratio: 1.83,
      measuredBy: 'compressed-size',
      withoutSharing: Math.round(stored * 1.83),
      withSharing: stored,
      mostReferenced: many(10, (i) => ({
        layer: digest(random),
        references: Math.round(60 / (i + 1)) + 2,
        archiveSize: i === 0 ? 1024 : random.between(5e6, 2e8),
        files: i === 0 ? 0 : random.between(100, 9000),
      })),
    },
    types,
    fileSizes: sampleFileSizes(types),
    dedup: {
      overall,
      copies: distributionOf(many(4000, () => Math.max(1, Math.round(logNormal(random, 4, 0.9))))),
      mostRepeated: [
        {
          sha256: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
          copies: 31_204,
          size: 0,
          path: 'var/lib/dpkg/info/libc6.triggers',
        },
        ...many(9, (i) => ({
          sha256: digest(random).slice(7),
          copies: Math.round(9000 / (i + 1)),
          size: random.between(40, 9000),
          path: `usr/share/doc/package-${i}/copyright`,
        })),
      ],
      mostBytes: many(10, (i) => ({
        sha256: digest(random).slice(7),
        copies: random.between(40, 90),
        size: Math.round(1.6e8 / (i + 1)),
        path: `usr/lib/x86_64-linux-gnu/libLLVM-${i + 9}.so.1`,
      })),
      layers: shares(random, 600, 0.78),
      images: shares(random, images, 0.88),
      sharedLayers: shares(random, shared, 0.84),
      privateLayers: shares(random, 500, 0.72),
      directories: shares(random, 900, 0.7),
      growth: growth(layers, overall.countRatio ?? 1, overall.byteRatio ?? 1),
    },
  };
}

const NAMES = [
  'shop/web',
  'shop/cart',
  'shop/search',
  'data/notebook',
  'data/etl',
  'base/node',
  'base/python',
  'base/java',
  'ci/runner',
  'tools/backup',
];

/** A report as of a registry of 6,200 layers, the same for the same seed. */
export function sampleReport(options: SampleOptions = {}): AnalysisReport {
  const { seed = 1, layers = 6200, images = 1400 } = options;
  const random = startRandom(seed);
  const correct = sampleFigures(random, layers, images, 1);
  const paper = sampleFigures(startRandom(seed), layers, images, 0.97);
  const { overall } = correct.dedup;
  const stored = correct.sharing!.withSharing;
  const image = (): string => `${random.pick(NAMES)}:2.${random.below(40)}.${random.below(9)}`;
  const offenders = (paths: readonly string[], largest: number) =>
    many(10, (i) => ({
      image: image(),
      layer: digest(random),
      path: paths[i % paths.length]!.replace('#', String(i)),
      bytes: Math.round(largest / (i + 1)),
    }));
  return {
    format: 'stowage-analysis/1',
    version: '0.1.0',
    createdAt: '2026-11-30T21:04:05.000Z',
    sources: [{ kind: 'registry', title: 'registry https://registry.example.com', note: null }],
    unknown: [],
    leftOut: [{ what: 'team/chart:1.0', reason: 'describes no image, but a chart: left out' }],
    problems: [{ what: 'shop/web:1.0.3', reason: 'the manifest is not there (404)' }],
    remarks: [
      {
        layer: digest(random),
        code: 'media-type-lies',
        message: 'says gzip and is zstd',
        count: 1,
      },
      { layer: digest(random), code: 'duplicate-path', message: 'twice: etc/passwd', count: 3 },
    ],
    correct,
    paper,
    chunks: [
      ['file', 1, 1],
      ['fixed-4096', 1.09, 14],
      ['cdc-8192', 1.21, 8],
    ].map(([method, gain, pieces]) => ({
      method: String(method),
      bytes: overall.bytes,
      distinctBytes: Math.round(overall.distinctBytes / Number(gain)),
      chunks: overall.files * Number(pieces),
      distinctChunks: Math.round((overall.distinctFiles * Number(pieces)) / Number(gain)),
      byteRatio: overall.byteRatio! * Number(gain),
    })),
    waste: {
      duplicateBytes: overall.bytes - overall.distinctBytes,
      images: many(60, () => {
        const bytes = Math.round(logNormal(random, 4e8, 0.9));
        const wastedBytes = Math.round(bytes * uniform(random) * 0.3);
        return {
          image: image(),
          bytes,
          visibleBytes: bytes - wastedBytes,
          wastedBytes,
          metadataOnlyBytes: Math.round(wastedBytes * 0.4),
          deletedBytes: Math.round(wastedBytes * 0.3),
          efficiency: 1 - wastedBytes / bytes,
          uniqueBytes: Math.round(bytes * 0.12),
          sharedBytes: Math.round(bytes * 0.25),
          worstPaths: [
            { path: 'usr/bin/tool', bytes: Math.round(bytes / 100), copies: 2, isDeleted: false },
          ],
        };
      }),
      repositories: NAMES.map((repository) => ({
        repository,
        images: random.between(4, 300),
        uniqueBytes: Math.round(logNormal(random, 8e9, 1)),
        sharedBytes: Math.round(logNormal(random, 3e9, 0.6)),
      })),
      largestFiles: offenders(['opt/models/weights-#.bin', 'usr/lib/jvm/lib/modules'], 2.1e9),
      largestRewrites: offenders(['app/node_modules/.cache/pack-#', 'srv/data/index-#.db'], 9e8),
      largestDeleted: offenders(['var/cache/apt/archives/pkg-#.deb', 'tmp/build-#.tar'], 6e8),
    },
    estimate: {
      off: Math.round(stored * 1.002),
      dedup: Math.round(stored * 0.61),
      replicas: [0, 1, 2, 3].map((intact) => ({
        intact,
        taken: 3 - intact,
        bytes: Math.round(stored * (intact * 1.002 + (3 - intact) * 0.61)),
      })),
      method:
        'bytes of each distinct content as its layer packed it, 0.9 % for structure and recipes',
    },
    timings: {
      scanSeconds: 8123.4,
      scanCpuSeconds: 15_800.2,
      querySeconds: 212.8,
      bytesRead: stored,
      bytesUnpacked: correct.layers.archiveSize.sum ?? 0,
      files: overall.files,
    },
  };
}
