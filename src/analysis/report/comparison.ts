/**
 * The study's figures one by one, ours under both sets of definitions beside those of 2017: what the
 * tables of the reports are made of.
 */
import type { AnalysisReport, Figures } from '../metrics/schema.ts';
import { type BaselineValue, ZHAO_2019 } from './baseline.ts';
import type { Figure, Metric, Population } from './metric.ts';
import { typeMetrics } from './type-metrics.ts';
import { shareOf, type Unit } from './units.ts';

/** A line of the comparison. */
export interface ComparisonRow {
  readonly key: string;
  readonly section: string;
  readonly label: string;
  readonly unit: Unit;
  /** How many of what the figure is over, under the correct definitions. */
  readonly n: number | null;
  readonly over: Population;
  readonly correct: number | null;
  readonly paper: number | null;
  readonly baseline: BaselineValue | undefined;
  /** Why ours is null; '' when it is not, or nobody says. */
  readonly reason: string;
}

type Statistic = 'p50' | 'p90' | 'mean' | 'max';

const STATISTICS: Readonly<Record<Statistic, string>> = {
  p50: 'median',
  p90: '90th percentile',
  mean: 'mean',
  max: 'largest',
};

function statistics<Name extends string>(
  options: {
    readonly path: `${'layers' | 'images'}.${Name}`;
    readonly label: string;
    readonly unit: Unit;
  },
  ...names: readonly Statistic[]
): Metric[] {
  const { path, label, unit } = options;
  const [over, name] = path.split('.') as ['layers' | 'images', string];
  return names.map((statistic) => ({
    key: `${path}.${statistic}`,
    section: over === 'layers' ? 'Layers' : 'Images',
    label: `${label}, ${STATISTICS[statistic]}`,
    unit,
    over,
    read: (figures) => {
      const group = figures[over] as Readonly<
        Record<string, Readonly<Record<Statistic, number | null>> | null>
      > | null;
      return group?.[name]?.[statistic];
    },
  }));
}

function data(key: string, label: string, unit: Unit, read: Metric['read']): Metric {
  const over = key.startsWith('images') ? 'images' : key.startsWith('layers') ? 'layers' : 'files';
  return { key, section: 'Data set', label, unit, over, read };
}

function sharing(key: string, label: string, unit: Unit, read: Metric['read']): Metric {
  return { key: `sharing.${key}`, section: 'Sharing of layers', label, unit, over: 'layers', read };
}

function dedup(
  key: string,
  label: string,
  unit: Unit,
  read: (figures: Figures['dedup']) => Figure,
  over: Population = 'files',
): Metric {
  const section = 'Deduplication of files';
  return { key: `dedup.${key}`, section, label, unit, over, read: (f) => read(f.dedup) };
}

function growth(name: 'countRatio' | 'byteRatio', label: string): Metric {
  const key = `growth.${GROWTH_POINT}.${name}`;
  const metric = dedup(key, label, 'ratio', (found) => growthAt(found, name), 'layers');
  return { ...metric, n: () => GROWTH_POINT };
}

/** Growth is compared where the study gives it: at a thousand layers. */
const GROWTH_POINT = 1000;

function growthAt(figures: Figures['dedup'], which: 'countRatio' | 'byteRatio'): Figure {
  return figures.growth.find(({ layers }) => layers === GROWTH_POINT)?.[which][1];
}

function ofLayers(read: (layers: Figures['layers']) => number): (figures: Figures) => Figure {
  return ({ layers }) => shareOf(read(layers), layers.count);
}

function ofShared(
  read: (sharing: NonNullable<Figures['sharing']>) => number,
): (figures: Figures) => Figure {
  return ({ sharing, layers }) => sharing && shareOf(read(sharing), layers.count);
}

const METRICS: readonly Metric[] = [
  data('images.repositories', 'Repositories', 'count', (f) => f.images?.repositories),
  data('images.count', 'Images', 'count', (f) => f.images?.count),
  data('layers.count', 'Distinct layers', 'count', (f) => f.layers.count),
  data('dedup.overall.files', 'Files', 'count', (f) => f.dedup.overall.files),
  data(
    'layers.compressedSize.sum',
    'Layers as stored',
    'bytes',
    (f) => f.layers.compressedSize?.sum,
  ),
  data('layers.filesSize.sum', 'Files in layers', 'bytes', (f) => f.layers.filesSize.sum),
  data('dedup.overall.meanSize', 'Mean file', 'bytes', ({ dedup: { overall } }) =>
    shareOf(overall.bytes, overall.files),
  ),

  ...statistics(
    { path: 'layers.compressedSize', label: 'Compressed size (CLS)', unit: 'bytes' },
    'p50',
    'p90',
  ),
  ...statistics(
    { path: 'layers.filesSize', label: 'Size of files (FLS)', unit: 'bytes' },
    'p50',
    'p90',
  ),
  ...statistics(
    { path: 'layers.filesRatio', label: 'Ratio FLS / CLS', unit: 'ratio' },
    'p50',
    'p90',
    'max',
  ),
  {
    key: 'layers.filesRatio.overall',
    section: 'Layers',
    label: 'Ratio FLS / CLS, of all together',
    unit: 'ratio',
    over: 'layers',
    read: ({ layers: { filesSize, compressedSize } }) =>
      compressedSize && shareOf(filesSize.sum ?? 0, compressedSize.sum ?? 0),
  },
  ...statistics(
    { path: 'layers.files', label: 'Files', unit: 'count' },
    'p50',
    'p90',
    'mean',
    'max',
  ),
  {
    key: 'layers.withoutFiles',
    section: 'Layers',
    label: 'Layers without a file',
    unit: 'share',
    over: 'layers',
    read: ofLayers((layers) => layers.withoutFiles),
  },
  {
    key: 'layers.withOneFile',
    section: 'Layers',
    label: 'Layers with just one file',
    unit: 'share',
    over: 'layers',
    read: ofLayers((layers) => layers.withOneFile),
  },
  ...statistics(
    { path: 'layers.directories', label: 'Directories', unit: 'count' },
    'p50',
    'p90',
    'max',
  ),
  ...statistics(
    { path: 'layers.maxDepth', label: 'Deepest directory', unit: 'count' },
    'p50',
    'p90',
  ),

  ...statistics(
    { path: 'images.compressedSize', label: 'Compressed size (CIS)', unit: 'bytes' },
    'p50',
    'p90',
  ),
  ...statistics(
    { path: 'images.filesSize', label: 'Size of files (FIS)', unit: 'bytes' },
    'p50',
    'p90',
    'max',
  ),
  ...statistics({ path: 'images.layers', label: 'Layers', unit: 'count' }, 'p50', 'p90', 'max'),
  ...statistics({ path: 'images.files', label: 'Files', unit: 'count' }, 'p50', 'p90'),
  ...statistics({ path: 'images.directories', label: 'Directories', unit: 'count' }, 'p50', 'p90'),
  ...statistics({ path: 'images.pulls', label: 'Pulls', unit: 'count' }, 'p50', 'p90', 'max'),

  ...typeMetrics(),

  sharing(
    'byOne',
    'Layers held by one image',
    'share',
    ofShared((s) => s.byOne),
  ),
  sharing(
    'byTwo',
    'Layers held by two images',
    'share',
    ofShared((s) => s.byTwo),
  ),
  sharing(
    'byMoreThan25',
    'Layers held by more than 25',
    'share',
    ofShared((s) => s.byMoreThan25),
  ),
  sharing(
    'mostReferenced',
    'Images that hold the most shared layer',
    'count',
    (f) => f.sharing?.mostReferenced[0]?.references,
  ),
  // The study's is of layers as they are stored, which a ratio of tars is not.
  sharing('ratio', 'Bytes saved by sharing layers', 'ratio', ({ sharing: found }) =>
    found?.measuredBy === 'compressed-size' ? found.ratio : null,
  ),

  dedup('overall.distinctShare', 'Distinct contents, of all files', 'share', ({ overall }) =>
    shareOf(overall.distinctFiles, overall.files),
  ),
  dedup('overall.countRatio', 'Ratio by count', 'ratio', ({ overall }) => overall.countRatio),
  dedup('overall.byteRatio', 'Ratio by bytes', 'ratio', ({ overall }) => overall.byteRatio),
  dedup('overall.duplicateBytes', 'Duplicate share of bytes', 'share', ({ overall }) =>
    shareOf(overall.bytes - overall.distinctBytes, overall.bytes),
  ),
  dedup('overall.repeatedFiles', 'Files of which there are several', 'share', ({ overall }) =>
    shareOf(overall.files - overall.singletons, overall.files),
  ),
  dedup('copies.p50', 'Copies of a content, median', 'count', ({ copies }) => copies.p50),
  dedup('copies.p90', 'Copies of a content, 90th percentile', 'count', ({ copies }) => copies.p90),
  dedup('mostRepeated', 'Copies of the most repeated', 'count', (d) => d.mostRepeated[0]?.copies),
  dedup(
    'mostBytes',
    'Bytes of all copies of the costliest',
    'bytes',
    ({ mostBytes: [first] }) => first && first.copies * first.size,
  ),
  dedup(
    'layers.interByCount.p10',
    'Files that other layers have too: 90 % of layers above',
    'share',
    ({ layers }) => layers.interByCount.p10,
    'layers',
  ),
  dedup(
    'images.interByCount.p10',
    'Files that other images have too: 90 % of images above',
    'share',
    ({ images }) => images?.interByCount.p10,
    'images',
  ),
  growth('countRatio', 'Ratio by count, of samples of 1,000 layers'),
  growth('byteRatio', 'Ratio by bytes, of samples of 1,000 layers'),
];

/** Why a figure is null: the longest path of `unknown` that its key lies under. */
function reasonFor(report: AnalysisReport, key: string): string {
  const above = report.unknown.filter(
    ({ figure }) => key === figure || key.startsWith(`${figure}.`),
  );
  return above.sort((a, b) => b.figure.length - a.figure.length)[0]?.reason ?? '';
}

function countOf(figures: Figures, over: Population): number | null {
  if (over === 'files') return figures.dedup.overall.files;
  return over === 'layers' ? figures.layers.count : (figures.images?.count ?? null);
}

/** All lines of the comparison, section after section. */
export function compare(report: AnalysisReport): ComparisonRow[] {
  return METRICS.map(({ read, n, ...metric }) => {
    const correct = read(report.correct) ?? null;
    return {
      ...metric,
      n: (n === undefined ? countOf(report.correct, metric.over) : n(report.correct)) ?? null,
      correct,
      paper: read(report.paper) ?? null,
      baseline: ZHAO_2019[metric.key],
      reason: correct === null ? reasonFor(report, metric.key) : '',
    };
  });
}
