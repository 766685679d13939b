/** Our figures beside those of Docker Hub in 2017. */
import type { AnalysisReport } from '../../metrics/schema.ts';
import { showPublished } from '../baseline.ts';
import { type ComparisonRow, compare } from '../comparison.ts';
import { html, type Markup } from '../markup.ts';
import { show, showLargeCount } from '../units.ts';
import { table } from './table.ts';

function published({ baseline, unit }: ComparisonRow): Markup | string {
  if (baseline === undefined) return '–';
  const text = showPublished(baseline, unit);
  return baseline.verified ? text : html`<span class="recalled">${text}</span>`;
}

function source({ baseline }: ComparisonRow): Markup | string {
  if (baseline === undefined) return '';
  return baseline.verified ? 'verified' : html`<span class="recalled">recalled</span>`;
}

function note({ baseline, reason }: ComparisonRow): string {
  return [reason, baseline?.note ?? ''].filter((text) => text !== '').join('; ');
}

/** The comparison, section after section. */
export function besideDockerHub(report: AnalysisReport): Markup {
  return html`<section id="study"><h2>Beside Docker Hub in 2017</h2>
<p class="lead">The study of N. Zhao and others read 1.8 million layers of 355,319 images, tag <code>latest</code> only.
Verified are values of the papers' abstracts and of the authors' code, and those that independent notes quote alike.
Grey ones are recalled and were not checked against the paper: take them as a lead, not as a fact.
Deduplication grows with the number of layers, so a smaller set has smaller ratios.</p>
${table({
  caption: 'The figures of the study',
  rows: compare(report),
  most: 1000,
  heading: (row, before) => (row.section === before?.section ? undefined : row.section),
  columns: [
    { title: 'Figure', kind: 'text', cell: ({ label }) => label },
    {
      title: 'n',
      kind: 'number',
      cell: ({ n, over }) => (n === null ? '' : `${showLargeCount(n)} ${over}`),
    },
    { title: 'Ours', kind: 'number', cell: ({ correct, unit }) => show(correct, unit) },
    { title: 'As the study counts', kind: 'number', cell: ({ paper, unit }) => show(paper, unit) },
    { title: 'Docker Hub 2017', kind: 'number', cell: published },
    { title: 'It is', kind: 'text', cell: source },
    { title: 'Note', kind: 'text', cell: note },
  ],
})}
</section>
`;
}
