/** What lies in the layers: sizes, images, types. */
import type { AnalysisReport, Distribution, Figures } from '../../metrics/schema.ts';
import { ZHAO_2019 } from '../baseline.ts';
import { cdfChart } from '../charts/cdf.ts';
import { typeHeatmap } from '../charts/heatmap.ts';
import { typeTreemap } from '../charts/treemap.ts';
import { groupColor, groupTitle } from '../groups.ts';
import { html, type Markup } from '../markup.ts';
import {
  show,
  showBytes,
  showCount,
  showLargeCount,
  showNumberOf,
  showShare,
  type Unit,
} from '../units.ts';
import { barCell, table } from './table.ts';

/** The published median and 90th percentile of a distribution. */
function published(path: string) {
  return [
    { share: 0.5, value: ZHAO_2019[`${path}.p50`] },
    { share: 0.9, value: ZHAO_2019[`${path}.p90`] },
  ];
}

interface DistributionRow {
  readonly label: string;
  readonly unit: Unit;
  readonly distribution: Distribution | null;
}

function percentileTable(caption: string, rows: readonly DistributionRow[]): Markup {
  const statistics = ['min', 'p10', 'p25', 'p50', 'p75', 'p90', 'p99', 'max', 'mean'] as const;
  const titles = ['least', '10 %', '25 %', 'median', '75 %', '90 %', '99 %', 'largest', 'mean'];
  return table({
    caption: html`${caption} <span>percentiles are values that occur</span>`,
    rows: rows.filter(({ distribution }) => distribution !== null),
    columns: [
      { title: 'Figure', kind: 'text', cell: ({ label }) => label },
      { title: 'n', kind: 'number', cell: ({ distribution }) => showCount(distribution!.count) },
      ...statistics.map((name, i) => ({
        title: titles[i],
        kind: 'number' as const,
        cell: ({ distribution, unit }: DistributionRow) => show(distribution![name], unit),
      })),
    ],
  });
}

/** What there is besides files, over all layers. */
function totals(figures: Figures['layers']): string {
  const of = (distribution: Distribution, one: string): string =>
    showNumberOf(distribution.sum ?? 0, one);
  const counts = [
    of(figures.symlinks, 'symbolic link'),
    of(figures.hardLinks, 'hard link'),
    of(figures.whiteouts, 'whiteout'),
    of(figures.opaqueWhiteouts, 'opaque whiteout'),
  ];
  return `${counts.join(', ')} and ${of(figures.setIdFiles, 'file')} with setuid or setgid`;
}

/** Layers: how large, how many files, how well they compress. */
export function layers({ correct }: AnalysisReport): Markup {
  const figures = correct.layers;
  const { compressions } = figures;
  const kinds = Object.entries(compressions ?? {}).map(
    ([name, count]) => `${showCount(count)} ${name}`,
  );
  return html`<section id="layers"><h2>Layers</h2>
<p class="lead">${showCount(figures.count)} distinct layers${kinds.length === 0 ? '' : `: ${kinds.join(', ')}`}. ${showCount(figures.withoutFiles)} hold no file, ${showCount(figures.withOneFile)} just one.
In all there are ${totals(figures)}.</p>
<div class="charts">
${cdfChart({
  title: 'Size of layers',
  unit: 'bytes',
  axis: 'bytes',
  of: 'layers',
  series: [
    {
      label: 'as stored',
      distribution: figures.compressedSize,
      published: published('layers.compressedSize'),
    },
    {
      label: 'files in it',
      distribution: figures.filesSize,
      published: published('layers.filesSize'),
    },
  ],
})}${cdfChart({
  title: 'Files and directories in a layer',
  unit: 'count',
  axis: 'number',
  of: 'layers',
  series: [
    { label: 'files', distribution: figures.files, published: published('layers.files') },
    {
      label: 'directories',
      distribution: figures.directories,
      published: published('layers.directories'),
    },
  ],
})}${cdfChart({
  title: 'Compression: size of files by stored size',
  unit: 'ratio',
  axis: 'ratio',
  of: 'layers',
  series: [
    {
      label: 'files / stored',
      distribution: figures.filesRatio,
      published: published('layers.filesRatio'),
    },
    { label: 'tar / stored', distribution: figures.archiveRatio },
  ],
})}${cdfChart({
  title: 'Images that hold a layer',
  unit: 'count',
  axis: 'images',
  of: 'layers',
  series: [{ label: 'references', distribution: figures.references }],
})}</div>
${percentileTable('Layers in numbers', [
  { label: 'as stored (CLS)', unit: 'bytes', distribution: figures.compressedSize },
  { label: 'files (FLS)', unit: 'bytes', distribution: figures.filesSize },
  { label: 'tar', unit: 'bytes', distribution: figures.archiveSize },
  { label: 'FLS / CLS', unit: 'ratio', distribution: figures.filesRatio },
  { label: 'files', unit: 'count', distribution: figures.files },
  { label: 'directories', unit: 'count', distribution: figures.directories },
  { label: 'deepest directory', unit: 'count', distribution: figures.maxDepth },
  { label: 'mean depth of directories', unit: 'count', distribution: figures.meanDepth },
  { label: 'median depth', unit: 'count', distribution: figures.medianDepth },
  { label: 'symbolic links', unit: 'count', distribution: figures.symlinks },
  { label: 'hard links', unit: 'count', distribution: figures.hardLinks },
  { label: 'whiteouts', unit: 'count', distribution: figures.whiteouts },
  { label: 'opaque whiteouts', unit: 'count', distribution: figures.opaqueWhiteouts },
  { label: 'setuid or setgid files', unit: 'count', distribution: figures.setIdFiles },
  { label: 'references', unit: 'count', distribution: figures.references },
  { label: 'pulls', unit: 'count', distribution: figures.pulls },
])}
</section>
`;
}

function pullSkew(skew: NonNullable<Figures['images']>['pullSkew']): Markup | undefined {
  if (skew === null || skew.pulls === 0) return undefined;
  const { repositories, pulls, topPercent, topTenPercent, gini, mostPulled } = skew;
  return html`<h3>Who is pulled</h3>
<p>Of ${showLargeCount(pulls)} pulls, ${showShare(topPercent!)} go to the 1 % of ${showCount(repositories)} repositories that are pulled most, and
${showShare(topTenPercent!)} to the first 10 %. The Gini coefficient is ${gini!.toFixed(2)}: 0 if all were pulled alike, near 1 if one took all.</p>
${table({
  caption: 'Most pulled repositories',
  rows: mostPulled,
  most: 10,
  columns: [
    { title: 'Repository', kind: 'name', cell: ({ repository }) => repository },
    { title: 'Pulls', kind: 'number', cell: (row) => showLargeCount(row.pulls) },
    { title: 'Of all', kind: 'number', cell: (row) => showShare(row.pulls / pulls) },
  ],
})}`;
}

/** Images: sums over their layers. */
export function images({ correct }: AnalysisReport): Markup | undefined {
  const figures = correct.images;
  if (figures === null) return undefined;
  return html`<section id="images"><h2>Images</h2>
<p class="lead">${showCount(figures.count)} images. Sizes and numbers are sums over the distinct layers of each.</p>
<div class="charts">
${cdfChart({
  title: 'Size of images',
  unit: 'bytes',
  axis: 'bytes',
  of: 'images',
  series: [
    {
      label: 'as stored',
      distribution: figures.compressedSize,
      published: published('images.compressedSize'),
    },
    {
      label: 'files in it',
      distribution: figures.filesSize,
      published: published('images.filesSize'),
    },
  ],
})}${cdfChart({
  title: 'Layers, files, pulls of an image',
  unit: 'count',
  axis: 'number',
  of: 'images',
  series: [
    { label: 'layers', distribution: figures.layers, published: published('images.layers') },
    { label: 'files', distribution: figures.files, published: published('images.files') },
    { label: 'pulls', distribution: figures.pulls, published: published('images.pulls') },
  ],
})}</div>
${percentileTable('Images in numbers', [
  { label: 'layers', unit: 'count', distribution: figures.layers },
  { label: 'as stored (CIS)', unit: 'bytes', distribution: figures.compressedSize },
  { label: 'files (FIS)', unit: 'bytes', distribution: figures.filesSize },
  { label: 'number of files', unit: 'count', distribution: figures.files },
  { label: 'directories', unit: 'count', distribution: figures.directories },
  { label: 'pulls', unit: 'count', distribution: figures.pulls },
])}
${pullSkew(figures.pullSkew)}</section>
`;
}

type TypeRow = Figures['types'][number];

/** Groups by their bytes, each followed by its own types. */
function ordered(types: readonly TypeRow[]): TypeRow[] {
  const byBytes = (a: TypeRow, b: TypeRow): number => b.bytes - a.bytes;
  const groups = types.filter(({ type }) => type === '').sort(byBytes);
  return groups.flatMap((group) => [
    group,
    ...types
      .filter((row) => row.group === group.group && row.type !== '')
      .sort(byBytes)
      .slice(0, 6),
  ]);
}

/** Types of files: areas, a heat map, numbers. */
export function types({ correct }: AnalysisReport): Markup {
  const { all, distinct, byGroup } = correct.fileSizes;
  const rows = ordered(correct.types);
  const groups = rows.filter(({ type }) => type === '');
  const swatch = (row: TypeRow) =>
    html`<span class="swatch" style="--k:${groupColor(row.group)}"></span>${groupTitle(row.group)}`;
  return html`<section id="types"><h2>What the files are</h2>
<div class="charts">${typeTreemap(correct.types)}${typeHeatmap(correct.types)}${cdfChart({
    title: 'Size of files',
    unit: 'bytes',
    axis: 'bytes',
    of: 'files',
    series: [
      { label: 'all files', distribution: all },
      { label: 'each content once', distribution: distinct },
    ],
  })}</div>
${percentileTable('Sizes of files', [
  { label: 'all files', unit: 'bytes', distribution: all },
  { label: 'each content once', unit: 'bytes', distribution: distinct },
  ...groups.map(({ group }) => ({
    label: groupTitle(group),
    unit: 'bytes' as const,
    distribution: byGroup[group] ?? null,
  })),
])}
${table({
  caption: html`Types <span>the six largest of each group, by bytes</span>`,
  rows,
  most: 60,
  rowClass: ({ type }) => (type === '' ? 'group' : 'member'),
  columns: [
    { title: 'Type', kind: 'text', cell: (row) => (row.type === '' ? swatch(row) : row.type) },
    { title: 'n, files', kind: 'number', cell: ({ files }) => showCount(files) },
    {
      title: 'of all files',
      kind: 'number',
      cell: (row) => barCell(row.countShare, showShare(row.countShare)),
    },
    { title: 'Bytes', kind: 'number', cell: ({ bytes }) => showBytes(bytes) },
    {
      title: 'of all bytes',
      kind: 'number',
      cell: (row) => barCell(row.byteShare, showShare(row.byteShare)),
    },
    { title: 'Mean size', kind: 'number', cell: ({ meanSize }) => showBytes(meanSize) },
    {
      title: 'Dedup by count',
      kind: 'number',
      cell: ({ countRatio }) => show(countRatio, 'ratio'),
    },
    { title: 'by bytes', kind: 'number', cell: ({ byteRatio }) => show(byteRatio, 'ratio') },
  ],
})}
</section>
`;
}
