/** Tables as text: aligned columns for a terminal, which are Markdown at the same time. */

/** A column: its title and how a row fills it. */
export interface Column<T> {
  readonly title: string;
  readonly value: (row: T) => string;
  /** Default: right, as for numbers. */
  readonly left?: boolean;
}

/** Formats a number with about three significant digits; `-` for nothing. */
export function figure(value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return '-';
  const size = Math.abs(value);
  if (size >= 100 || value === 0) return value.toFixed(0);
  if (size >= 10) return value.toFixed(1);
  return value.toFixed(size >= 1 ? 2 : 3);
}

/** A Markdown table whose columns line up. */
export function formatTable<T>(columns: readonly Column<T>[], rows: readonly T[]): string {
  const cells = rows.map((row) => columns.map(({ value }) => value(row)));
  const widths = columns.map(({ title }, i) =>
    Math.max(title.length, 3, ...cells.map((row) => row[i]!.length)),
  );
  const line = (parts: readonly string[]): string =>
    `| ${parts
      .map((part, i) =>
        columns[i]!.left === true ? part.padEnd(widths[i]!) : part.padStart(widths[i]!),
      )
      .join(' | ')} |`;
  const rule = `| ${columns
    .map(({ left }, i) =>
      left === true ? '-'.repeat(widths[i]!) : `${'-'.repeat(widths[i]! - 1)}:`,
    )
    .join(' | ')} |`;
  return [line(columns.map(({ title }) => title)), rule, ...cells.map(line)].join('\n');
}
