/** Tables of the page. */
import { type Content, html, type Markup } from '../markup.ts';
import { showCount } from '../units.ts';

/** One column. */
export interface Column<Row> {
  readonly title: Content;
  readonly cell: (row: Row) => Content;
  /** `text` is left-aligned and may break; `name` stands in the letters of code and may break. */
  readonly kind: 'number' | 'text' | 'name';
}

interface TableOptions<Row> {
  readonly caption: Content;
  readonly rows: readonly Row[];
  readonly columns: readonly Column<Row>[];
  /** Rows shown at most; a line says how many more there are. */
  readonly most?: number;
  /** Which rows begin a group, with the heading of it. */
  readonly heading?: (row: Row, before: Row | undefined) => string | undefined;
  readonly rowClass?: (row: Row) => string;
}

/** A table with a caption; one without rows says so. */
export function table<Row>(options: TableOptions<Row>): Markup {
  const { caption, rows, columns, most = 20, heading, rowClass } = options;
  const shown = rows.slice(0, most);
  const body = shown.map((row, i) => {
    const title = heading?.(row, shown[i - 1]);
    return html`${
      title === undefined
        ? undefined
        : html`<tr class="heading"><th scope="colgroup" colspan="${columns.length}">${title}</th></tr>\n`
    }<tr class="${rowClass?.(row) ?? ''}">${columns.map(({ cell, kind }, column) =>
      column === 0
        ? html`<th scope="row" class="${kind}">${cell(row)}</th>`
        : html`<td class="${kind}">${cell(row)}</td>`,
    )}</tr>\n`;
  });
  const left = rows.length - shown.length;
  return html`<div class="scroll"><table>
<caption>${caption}</caption>
<thead><tr>${columns.map(({ title, kind }) => html`<th scope="col" class="${kind}">${title}</th>`)}</tr></thead>
<tbody>
${body}${
  rows.length === 0
    ? html`<tr><td colspan="${columns.length}" class="none">None.</td></tr>`
    : undefined
}</tbody>
</table></div>
${left > 0 ? html`<p class="note">And ${showCount(left)} more, which are in the CSV and JSON reports.</p>` : undefined}`;
}

/** A share from 0 to 1 as a bar behind its text. */
export function barCell(share: number | null, text: string): Markup {
  const width = Math.min(1, Math.max(0, share ?? 0)) * 100;
  return html`<span class="bar" style="--w:${width.toFixed(1)}%">${text}</span>`;
}

/** A share from 0 to 1 as a shade behind its text. */
export function heatCell(share: number | null, text: string): Markup {
  if (share === null) return html`<span class="heat unknown">${text}</span>`;
  // At 70 % letters are still easy to read, on a light page and on a dark one.
  const shade = Math.min(1, Math.max(0, share)) * 70;
  return html`<span class="heat" style="--v:${shade.toFixed(0)}%">${text}</span>`;
}
