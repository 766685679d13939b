/** What stands around a chart. */
import { type Content, html, type Markup } from '../markup.ts';

/** A curve or an area of a chart. */
interface LegendEntry {
  readonly label: string;
  readonly color: string;
  readonly dash: string;
}

interface FigureOptions {
  readonly title: string;
  readonly body: Markup;
  readonly legend: readonly LegendEntry[];
  /** True when values of the study are marked in the chart. */
  readonly published?: boolean;
  /** True when some of those are bounds. */
  readonly bounds?: boolean;
  readonly note?: Content;
  /** True for one that takes all of the page. */
  readonly wide?: boolean;
}

const PUBLISHED = html`<li>
  <svg class="key diamond" viewBox="0 0 14 12" aria-hidden="true"><path d="M7 1l4 5-4 5-4-5z" fill="var(--ink)"/></svg>Docker Hub 2017
  <svg class="key diamond" viewBox="0 0 14 12" aria-hidden="true"><path d="M7 1l4 5-4 5-4-5z" fill="none" stroke="var(--ink)" stroke-width="1.4"/></svg>recalled, not verified</li>`;

const BOUNDS = html`<li>
  <svg class="key diamond" viewBox="0 0 14 12" aria-hidden="true"><path d="M10 1v10L2 6z" fill="var(--ink)"/></svg>bound: the value lies where it points</li>`;

/** A chart with its title, key and note. */
export function chartFigure(options: FigureOptions): Markup {
  const { title, body, legend, published, bounds, note, wide } = options;
  const entries = legend.map(
    ({ label, color, dash }) => html`<li>
  <svg class="key" viewBox="0 0 26 12" aria-hidden="true"><line x1="1" x2="25" y1="6" y2="6" stroke="${color}" stroke-width="2.5" stroke-dasharray="${dash}"/></svg>
  ${label}</li>`,
  );
  return html`<figure class="chart${wide ? ' wide' : ''}">
<figcaption>${title}</figcaption>
${legend.length > 0 || published ? html`<ul class="legend">${entries}${published ? PUBLISHED : undefined}${bounds ? BOUNDS : undefined}</ul>` : undefined}
${body}
${note === undefined ? undefined : html`<p class="note">${note}</p>`}
</figure>
`;
}
