/** What occurs several times: layers, files, and what that wastes. */
import type { AnalysisReport } from '../../metrics/schema.ts';
import { ZHAO_2019 } from '../baseline.ts';
import { cdfChart } from '../charts/cdf.ts';
import { growthChart } from '../charts/growth.ts';
import { costliestFiles, worstImages } from '../headline.ts';
import { html, type Markup } from '../markup.ts';
import { shareOf, show, showBytes, showCount, showShare } from '../units.ts';
import { duplicateShares } from './duplicate-shares.ts';
import { barCell, table } from './table.ts';

const shortDigest = (digest: string): string => digest.replace('sha256:', '').slice(0, 12);

function sharing({ correct }: AnalysisReport): Markup | undefined {
  const found = correct.sharing;
  if (found === null) return undefined;
  const { count } = correct.layers;
  const ofLayers = (layers: number): string =>
    `${showCount(layers)}${count === 0 ? '' : ` (${showShare(layers / count)})`}`;
  const by = found.measuredBy === 'compressed-size' ? 'as stored' : 'of their archives';
  return html`<h3>Layers that images share</h3>
<p>${ofLayers(found.byOne)} of ${showCount(count)} layers are held by one image only, ${ofLayers(found.byTwo)} by two,
${ofLayers(found.byMoreThan25)} by more than 25. If each image kept its own layers they would take ${showBytes(found.withoutSharing)},
and take ${showBytes(found.withSharing)} (bytes ${by}): ${show(found.ratio, 'ratio')}, n = ${showCount(count)} layers.</p>
${table({
  caption: 'Most shared layers',
  rows: found.mostReferenced,
  most: 10,
  columns: [
    { title: 'Layer', kind: 'name', cell: ({ layer }) => shortDigest(layer) },
    { title: 'Images', kind: 'number', cell: ({ references }) => showCount(references) },
    { title: 'Tar', kind: 'number', cell: ({ archiveSize }) => showBytes(archiveSize) },
    { title: 'Files', kind: 'number', cell: ({ files }) => showCount(files) },
  ],
})}`;
}

/** Layers and files that occur several times. */
export function dedup(report: AnalysisReport): Markup {
  const { overall, copies, growth, mostRepeated } = report.correct.dedup;
  const copyPoints = [
    { share: 0.5, value: ZHAO_2019['dedup.copies.p50'] },
    { share: 0.9, value: ZHAO_2019['dedup.copies.p90'] },
  ];
  return html`<section id="dedup"><h2>What occurs several times</h2>
<p class="lead">${showCount(overall.files)} files hold ${showCount(overall.distinctFiles)} distinct contents (${show(shareOf(overall.distinctFiles, overall.files), 'share')} of the files);
${showCount(overall.singletons)} occur once (${show(shareOf(overall.singletons, overall.files), 'share')}).</p>
<div class="charts">${growthChart(growth)}${cdfChart({
    title: 'Copies of a content',
    unit: 'count',
    axis: 'copies',
    of: 'distinct contents',
    series: [{ label: 'copies', distribution: copies, published: copyPoints }],
  })}</div>
${table({
  caption: 'Most repeated contents',
  rows: mostRepeated,
  most: 10,
  columns: [
    { title: 'For example', kind: 'name', cell: ({ path }) => path },
    { title: 'Copies', kind: 'number', cell: (row) => showCount(row.copies) },
    { title: 'Size', kind: 'number', cell: ({ size }) => showBytes(size) },
    { title: 'SHA-256', kind: 'name', cell: ({ sha256 }) => shortDigest(sha256) },
  ],
})}
${table({
  caption: html`Costliest contents <span>bytes beyond the first copy</span>`,
  rows: costliestFiles(report),
  most: 10,
  columns: [
    { title: 'For example', kind: 'name', cell: ({ path }) => path },
    { title: 'Copies', kind: 'number', cell: (row) => showCount(row.copies) },
    { title: 'Size', kind: 'number', cell: ({ size }) => showBytes(size) },
    { title: 'Spare bytes', kind: 'number', cell: ({ spare }) => showBytes(spare) },
  ],
})}
${duplicateShares(report)}
${sharing(report)}
</section>
`;
}

type Offender = AnalysisReport['waste']['largestFiles'][number];

function offenders(caption: Markup, rows: readonly Offender[]): Markup {
  return table({
    caption,
    rows,
    most: 10,
    columns: [
      { title: 'Path', kind: 'name', cell: ({ path }) => path },
      { title: 'Size', kind: 'number', cell: ({ bytes }) => showBytes(bytes) },
      { title: 'Image', kind: 'name', cell: ({ image }) => image },
      { title: 'Layer', kind: 'name', cell: ({ layer }) => shortDigest(layer) },
    ],
  });
}

/** Where images and repositories take space that they need not. */
export function waste(report: AnalysisReport): Markup {
  const { repositories, largestFiles, largestRewrites, largestDeleted } = report.waste;
  const images = worstImages(report);
  const wasted = images.reduce((sum, { wastedBytes }) => sum + wastedBytes, 0);
  const most = Math.max(1, ...images.map(({ wastedBytes }) => wastedBytes));
  return html`<section id="waste"><h2>Where space is wasted</h2>
<p class="lead">${images.length === 0 ? 'Without images, what a higher layer replaces or deletes is not known.' : `In ${showCount(images.length)} images, ${showBytes(wasted)} are in files that a higher layer replaces or deletes: they are shipped, and nobody sees them.`}</p>
${table({
  caption: html`Images <span>by bytes that nobody sees; efficiency by dive’s formula, best is 1</span>`,
  rows: images,
  most: 15,
  columns: [
    { title: 'Image', kind: 'name', cell: ({ image }) => image },
    { title: 'Files', kind: 'number', cell: ({ bytes }) => showBytes(bytes) },
    {
      title: 'Wasted',
      kind: 'number',
      cell: (row) => barCell(row.wastedBytes / most, showBytes(row.wastedBytes)),
    },
    {
      title: 'only mode, owner or time',
      kind: 'number',
      cell: (row) => showBytes(row.metadataOnlyBytes),
    },
    { title: 'deleted', kind: 'number', cell: (row) => showBytes(row.deletedBytes) },
    { title: 'Efficiency', kind: 'number', cell: ({ efficiency }) => efficiency.toFixed(3) },
    { title: 'Layers: its own', kind: 'number', cell: (row) => showBytes(row.uniqueBytes) },
    { title: 'shared', kind: 'number', cell: (row) => showBytes(row.sharedBytes) },
  ],
})}
${table({
  caption: html`Repositories <span>bytes of layers, as stored where that is known, that no other repository holds</span>`,
  rows: repositories.toSorted((a, b) => b.uniqueBytes - a.uniqueBytes),
  most: 15,
  columns: [
    { title: 'Repository', kind: 'name', cell: ({ repository }) => repository },
    { title: 'Images', kind: 'number', cell: (row) => showCount(row.images) },
    { title: 'Its own', kind: 'number', cell: (row) => showBytes(row.uniqueBytes) },
    { title: 'Shared', kind: 'number', cell: (row) => showBytes(row.sharedBytes) },
  ],
})}
${offenders(html`Largest files`, largestFiles)}
${offenders(html`Largest rewrites <span>replaced by a higher layer</span>`, largestRewrites)}
${offenders(html`Largest deleted files <span>shipped all the same</span>`, largestDeleted)}
</section>
`;
}
