/** Types of files against what they make up, as shades. */
import type { Figures } from '../../metrics/schema.ts';
import { groupTitle } from '../groups.ts';
import { html, type Markup } from '../markup.ts';
import { shareOf, show, showCount, showShare } from '../units.ts';
import { chartFigure } from './figure.ts';
import { fitting } from './letters.ts';

const WIDTH = 960;
const NAMES = 222;
const CELL_WIDTH = 118;
const ROW = 22;
/** Between groups of rows, and between the two scales. */
const GAP = { rows: 7, scales: 24 } as const;
const TOP = 46;
/** Of the key under each scale. */
const KEY = { height: 10, room: 48, steps: 32 } as const;
/** Types of a group that have a row of their own, and what one has to reach in some column for it. */
const MOST_TYPES = 5;
const SMALLEST_SHARE = 0.005;
/** The darkest shade, in per cent of the colour: letters are easy to read on it, on a page of any kind. */
const DARKEST = 70;
/** Where the first scale may end: below its end it has room for all, and not too much. */
const ENDS = [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1];

type Row = Figures['types'][number];

interface Column {
  readonly title: string;
  readonly read: (row: Row) => number | null;
}

/** Columns under one scale. */
interface Panel {
  readonly title: string;
  readonly x: number;
  readonly columns: readonly Column[];
  /** Share that has the darkest shade. */
  readonly end: number;
}

const round = (value: number): string => value.toFixed(1);

/** Shares of the whole: each column adds up to it. */
function columnsOfAll(types: readonly Row[]): Column[] {
  const column = (title: string, amount: (row: Row) => number): Column => {
    const all = types.reduce((sum, row) => sum + (row.type === '' ? 0 : amount(row)), 0);
    return { title, read: (row) => shareOf(amount(row), all) };
  };
  return [
    column('files', ({ files }) => files),
    column('bytes', ({ bytes }) => bytes),
    column('distinct bytes', ({ distinctBytes }) => distinctBytes),
    column('bytes of copies', ({ bytes, distinctBytes }) => bytes - distinctBytes),
  ];
}

const OF_ITS_OWN: readonly Column[] = [
  {
    title: 'its files: copies',
    read: ({ files, distinctFiles }) => shareOf(files - distinctFiles, files),
  },
  {
    title: 'its bytes: copies',
    read: ({ bytes, distinctBytes }) => shareOf(bytes - distinctBytes, bytes),
  },
];

/** Groups by their bytes, each followed by those of its types that make up something. */
function rowsOf(types: readonly Row[], columns: readonly Column[]): Row[] {
  const byBytes = (a: Row, b: Row): number => b.bytes - a.bytes;
  const counts = (row: Row) => columns.some(({ read }) => (read(row) ?? 0) >= SMALLEST_SHARE);
  return types
    .filter(({ type }) => type === '')
    .sort(byBytes)
    .flatMap((group) => [
      group,
      ...types
        .filter((row) => row.group === group.group && row.type !== '' && counts(row))
        .sort(byBytes)
        .slice(0, MOST_TYPES),
    ]);
}

const nameOf = ({ group, type }: Row): string => (type === '' ? groupTitle(group) : type);

function cell(row: Row, column: Column, panel: Panel, [x, y]: readonly [number, number]): Markup {
  const share = column.read(row);
  const text = show(share, 'share');
  const rect =
    share === null
      ? html`<rect class="unknown" x="1" y="1" width="${CELL_WIDTH - 4}" height="${ROW - 4}"/>`
      : html`<rect class="shade" width="${CELL_WIDTH - 2}" height="${ROW - 2}" style="--v:${round((share / panel.end) * DARKEST)}%"/>`;
  return html`<g class="cell" transform="translate(${round(x)},${round(y)})"><title>${groupTitle(row.group)}${row.type === '' ? undefined : `, ${row.type}`} (n = ${showCount(row.files)} files): ${panel.title}, ${column.title}: ${text}</title>${rect}<text x="${CELL_WIDTH / 2 - 1}" y="14.5" text-anchor="middle">${text}</text></g>`;
}

function panelHead({ title, x, columns }: Panel): Markup {
  return html`<text class="group" x="${x}" y="14">${title}</text>${columns.map(
    (column, i) =>
      html`<text class="title" x="${round(x + (i + 0.5) * CELL_WIDTH - 1)}" y="37" text-anchor="middle">${column.title}</text>`,
  )}`;
}

/** What the shades mean. */
function key({ x, columns, end }: Panel, y: number): Markup {
  const width = columns.length * CELL_WIDTH - 2;
  const step = width / KEY.steps;
  const steps = Array.from(
    { length: KEY.steps },
    (_, i) =>
      html`<rect class="shade" x="${round(x + i * step)}" y="${y}" width="${round(step + 0.3)}" height="${KEY.height}" style="--v:${round(((i + 0.5) / KEY.steps) * DARKEST)}%"/>`,
  );
  const ticks = (
    [
      [0, 'start'],
      [0.5, 'middle'],
      [1, 'end'],
    ] as const
  ).map(
    ([at, anchor]) =>
      html`<text class="title" x="${round(x + at * width)}" y="${y + KEY.height + 14}" text-anchor="${anchor}">${showShare(at * end).replace('.0', '')}</text>`,
  );
  return html`<g class="shades">${steps}${ticks}</g>`;
}

/** Groups and types by what they make up of all, and by how much of each is copies. */
export function typeHeatmap(types: Figures['types']): Markup {
  const title = 'Types of files by what they make up';
  const ofAll = columnsOfAll(types);
  const rows = rowsOf(types, ofAll);
  if (rows.length === 0) {
    return chartFigure({
      title,
      body: html`<p class="none">Nothing to draw.</p>`,
      legend: [],
      wide: true,
    });
  }
  const largest = Math.max(...rows.flatMap((row) => ofAll.map(({ read }) => read(row) ?? 0)));
  const panels: readonly Panel[] = [
    {
      title: 'Share of all',
      x: NAMES,
      columns: ofAll,
      end: ENDS.find((end) => end >= largest) ?? largest,
    },
    {
      title: 'Share of its own',
      x: NAMES + ofAll.length * CELL_WIDTH + GAP.scales,
      columns: OF_ITS_OWN,
      end: 1,
    },
  ];
  let y = TOP - GAP.rows;
  const lines = rows.map((row) => {
    const isGroup = row.type === '';
    y += isGroup ? GAP.rows : 0;
    const line = html`<text${isGroup ? html` class="group"` : undefined} x="${isGroup ? 0 : 14}" y="${round(y + 14.5)}">${fitting(nameOf(row), NAMES - 14)}</text>${panels.map(
      (panel) =>
        panel.columns.map((column, i) => cell(row, column, panel, [panel.x + i * CELL_WIDTH, y])),
    )}\n`;
    y += ROW;
    return line;
  });
  const height = y + KEY.room;
  const [files, bytes] = ofAll;
  const said = rows
    .filter(({ type }) => type === '')
    .slice(0, 3)
    .map(
      (row) =>
        `${nameOf(row)}: ${show(files!.read(row), 'share')} of files, ${show(bytes!.read(row), 'share')} of bytes, of which ${show(OF_ITS_OWN[1]!.read(row), 'share')} are copies`,
    );
  return chartFigure({
    title,
    body: html`<svg class="heatmap" viewBox="0 0 ${WIDTH} ${round(height)}" role="img" aria-label="${title}. ${said.join('. ')}.">
${panels.map(panelHead)}
${lines}
${panels.map((panel) => key(panel, y + 12))}
</svg>`,
    legend: [],
    wide: true,
    note: html`Left, each column adds up to 100 % over the groups. Right, shares of the group’s or type’s own files and bytes that are
copies beyond the first. Shades are in proportion to the share, by the scale under each. Of each group these are the
${MOST_TYPES} largest types at most, and none below ${showShare(SMALLEST_SHARE)} in every column on the left.`,
  });
}
