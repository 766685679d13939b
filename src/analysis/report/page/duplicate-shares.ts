/** How much of layers, images and directories is duplicate. */
import type { AnalysisReport, Distribution, Figures } from '../../metrics/schema.ts';
import { ZHAO_2019 } from '../baseline.ts';
import { cdfChart } from '../charts/cdf.ts';
import { html, type Markup } from '../markup.ts';
import { show, showCount } from '../units.ts';
import { heatCell, table } from './table.ts';

/** What shares are of, with the words of its charts. */
const SETS = [
  { name: 'layers', title: 'Layers', one: 'a layer', others: 'layers' },
  { name: 'images', title: 'Images', one: 'an image', others: 'images' },
  {
    name: 'sharedLayers',
    title: 'Layers of several images',
    one: 'a layer of several images',
    others: 'layers',
  },
  {
    name: 'privateLayers',
    title: 'Layers of one image',
    one: 'a layer of one image',
    others: 'layers',
  },
  { name: 'directories', title: 'Directories', one: 'a directory', others: 'directories' },
] as const;

/** The curves of one set: copies within each, and what others have too. */
function shareCharts({ correct, paper }: AnalysisReport, set: (typeof SETS)[number]): Markup {
  const { name, one, others } = set;
  const [ours, studys] = [correct.dedup[name], paper.dedup[name]];
  if (ours === null && studys === null) return html``;
  const seriesOf = (kind: 'intra' | 'inter') =>
    (['Count', 'Bytes'] as const).map((by) => ({
      label: `by ${by.toLowerCase()}`,
      distribution: ours?.[`${kind}By${by}`] ?? null,
      paper: studys?.[`${kind}By${by}`] ?? null,
      published: [{ share: 0.1, value: ZHAO_2019[`dedup.${name}.${kind}By${by}.p10`] }],
    }));
  const options = { unit: 'share', of: others } as const;
  return html`${cdfChart({
    ...options,
    title: `Copies within ${one}`,
    axis: 'share of its files or bytes that is copies beyond the first',
    series: seriesOf('intra'),
  })}${cdfChart({
    ...options,
    title: `Files of ${one} that other ${others} have too`,
    axis: 'share of its files or bytes',
    series: seriesOf('inter'),
  })}`;
}

interface ShareRow {
  readonly of: string;
  readonly label: string;
  readonly distribution: Distribution;
}

function shareRows(dedup: Figures['dedup']): ShareRow[] {
  return SETS.flatMap(({ name, title: of }) => {
    const found = dedup[name];
    return found === null
      ? []
      : [
          { of, label: 'files twice within', distribution: found.intraByCount },
          { of, label: 'bytes twice within', distribution: found.intraByBytes },
          { of, label: 'files elsewhere too', distribution: found.interByCount },
          { of, label: 'bytes elsewhere too', distribution: found.interByBytes },
        ];
  });
}

/** Shares of duplicates as a map of shades: one row for each kind, one column for each percentile. */
function shareMap(dedup: Figures['dedup']): Markup {
  const statistics = ['p10', 'p25', 'p50', 'p75', 'p90', 'p99'] as const;
  const titles = ['10 %', '25 %', 'median', '75 %', '90 %', '99 %'];
  return table({
    caption: html`How much of each is duplicate <span>percentiles of the shares; the darker, the more</span>`,
    rows: shareRows(dedup),
    heading: (row, before) => (row.of === before?.of ? undefined : row.of),
    columns: [
      { title: 'Share of', kind: 'text', cell: ({ label }) => label },
      { title: 'n', kind: 'number', cell: ({ distribution }) => showCount(distribution.count) },
      ...statistics.map((name, i) => ({
        title: titles[i],
        kind: 'number' as const,
        cell: ({ distribution }: ShareRow) =>
          heatCell(distribution[name], show(distribution[name], 'share')),
      })),
    ],
  });
}

/** The shares as curves, under both sets of definitions, and in numbers. */
export function duplicateShares(report: AnalysisReport): Markup {
  return html`<h3>Of layers, images and directories</h3>
<p>As the study counts, what occurs twice in one and nowhere else is taken for what others have too, and those that share
nothing are left out instead of standing at 0.</p>
<div class="charts">${SETS.map((set) => shareCharts(report, set))}</div>
${shareMap(report.correct.dedup)}`;
}
