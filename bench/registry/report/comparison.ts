/** The comparison as a page of tables. */
import { ROWS } from '../rows.ts';
import type { WearSample } from '../runs/syncs.ts';
import { type Cell, keysOf, type Verdict } from './summary.ts';
import { type Column, figure, formatTable } from './table.ts';

/** Share of a core from which the load process, not the server, sets the rate. */
const SATURATED = 0.9;
/** Server CPU time of a cell below which ticks of 10 ms make an error of more than 5 %. */
const COARSE_MS = 200;

const titleOf = (row: string): string => ROWS.find(({ name }) => name === row)?.title ?? row;
const mebibytes = (bytes: number): string => figure(bytes / 2 ** 20);

const CELL_COLUMNS: readonly Column<Cell>[] = [
  { title: 'row', value: ({ row }) => titleOf(row), left: true },
  { title: 'conn.', value: ({ connections }) => String(connections) },
  { title: 'server', value: ({ target }) => target, left: true },
  { title: 'CPU ms', value: ({ cpu, cpuTotal }) => coarseOf(cpuTotal) + figure(cpu) },
  { title: 'range', value: ({ cpuRange: [low, high] }) => `${figure(low)}-${figure(high)}` },
  { title: 'to floor', value: ({ toFloor }) => figure(toFloor) },
  { title: 'req/s', value: ({ rate, loadShare }) => figure(rate) + markOf(loadShare) },
  { title: 'MB/s', value: ({ throughput }) => figure(throughput / 1e6) },
  { title: 'p50 ms', value: ({ p50 }) => figure(p50) },
  { title: 'p99 ms', value: ({ p99 }) => figure(p99) },
  { title: 'MiB', value: ({ memory }) => mebibytes(memory) },
  { title: 'MiB file', value: ({ fileMemory }) => mebibytes(fileMemory) },
];

function coarseOf(cpuTotal: number): string {
  return cpuTotal < COARSE_MS ? '~' : '';
}

function markOf(loadShare: number): string {
  return loadShare >= SATURATED ? '*' : '';
}

/** CPU time of all servers side by side, as multiples of the floor's. */
function ratioTable(cells: readonly Cell[]): string {
  const targets = [...new Set(cells.map(({ target }) => target))];
  const cellOf = (key: Pick<Cell, 'row' | 'scheme' | 'connections'>, target: string) =>
    cells.find(
      (cell) =>
        cell.row === key.row &&
        cell.scheme === key.scheme &&
        cell.connections === key.connections &&
        cell.target === target,
    );
  const columns: Column<ReturnType<typeof keysOf>[number]>[] = [
    { title: 'row', value: ({ row }) => titleOf(row), left: true },
    { title: 'over', value: ({ scheme }) => scheme, left: true },
    { title: 'conn.', value: ({ connections }) => String(connections) },
    { title: 'floor, CPU ms', value: (key) => figure(cellOf(key, 'floor')?.cpu) },
    ...targets
      .filter((target) => target !== 'floor')
      .map((target) => ({
        title: target,
        value: (key: ReturnType<typeof keysOf>[number]) => figure(cellOf(key, target)?.toFloor),
      })),
  ];
  return formatTable(columns, keysOf(cells));
}

function wantedOf(syncs: number, goal: number | undefined): string {
  if (goal === undefined) return '';
  return `<= ${goal}, ${syncs <= goal ? 'reached' : 'MISSED'}`;
}

const WEAR_COLUMNS: readonly Column<WearSample>[] = [
  { title: 'pushed', value: ({ mode }) => mode, left: true },
  { title: 'server', value: ({ target }) => target, left: true },
  { title: 'syncs', value: ({ syncs }) => figure(syncs) },
  { title: 'wanted', value: ({ syncs, goal }) => wantedOf(syncs, goal), left: true },
  { title: 'files created', value: ({ created }) => figure(created) },
  { title: 'files kept', value: ({ kept }) => figure(kept) },
  { title: 'mkdir', value: ({ folders }) => figure(folders) },
  { title: 'unlink', value: ({ unlinked }) => figure(unlinked) },
  { title: 'rename, link', value: ({ renamed }) => figure(renamed) },
];

/** The same goal over all transports and numbers of connections. */
interface GoalLine {
  readonly row: string;
  readonly goal: string;
  readonly wanted: number;
  readonly verdicts: readonly Verdict[];
}

/** One line for each row and goal, one column for each transport and number of connections. */
function goalTable(verdicts: readonly Verdict[]): string {
  const lines = new Map<string, GoalLine & { verdicts: Verdict[] }>();
  for (const verdict of verdicts) {
    const { row, goal, wanted } = verdict;
    const line = lines.get(row + goal) ?? { row, goal, wanted, verdicts: [] };
    line.verdicts.push(verdict);
    lines.set(row + goal, line);
  }
  const columnOf = ({ scheme, connections }: Verdict): string => `${scheme}, ${connections}`;
  const cell = ({ verdicts: all }: GoalLine, title: string): string => {
    const verdict = all.find((candidate) => columnOf(candidate) === title);
    if (verdict === undefined) return '';
    return figure(verdict.measured) + (verdict.reached ? '' : ' !');
  };
  const columns: Column<GoalLine>[] = [
    { title: 'row', value: ({ row }) => titleOf(row), left: true },
    { title: 'goal', value: ({ goal }) => goal, left: true },
    { title: 'wanted', value: ({ wanted }) => figure(wanted) },
    ...[...new Set(verdicts.map(columnOf))].map((title) => ({
      title,
      value: (line: GoalLine) => cell(line, title),
    })),
    {
      title: '',
      value: ({ verdicts: all }) => (all.every(({ reached }) => reached) ? 'reached' : 'MISSED'),
      left: true,
    },
  ];
  return formatTable(columns, [...lines.values()]);
}

/** All that a comparison found. */
export interface Comparison {
  readonly cells: readonly Cell[];
  readonly verdicts: readonly Verdict[];
  readonly wear: readonly WearSample[];
}

/** The sections of the report, in Markdown. */
export function comparisonSections({ cells, verdicts, wear }: Comparison): string[] {
  const sections: string[] = [];
  if (cells.length > 0) {
    sections.push(
      '## Server CPU time per request, as a multiple of the floor\n\n' +
        'Medians over the rounds of the ratio within a round.\n\n' +
        ratioTable(cells),
    );
  }
  if (verdicts.length > 0) {
    sections.push(
      `## Goals\n\nBy transport and number of connections; "!" marks what misses.\n\n${goalTable(verdicts)}`,
    );
  }
  if (wear.length > 0) {
    sections.push(
      '## Syncs and files per push\n\n' +
        'Counted by strace. A sync is an fsync, an fdatasync or an O_DSYNC write; "created" are ' +
        'opens with O_CREAT, temporary files included.\n\n' +
        formatTable(WEAR_COLUMNS, wear),
    );
  }
  for (const scheme of new Set(cells.map((cell) => cell.scheme))) {
    sections.push(
      `## All figures over ${scheme}\n\n` +
        'CPU: user and system milliseconds of the server and its children per request (per blob or ' +
        'image for pushes), median and range of the rounds; ~: so little of it in a round that the ' +
        `kernel's ticks make it uncertain by more than 5 %. MiB: peak of RssAnon and RssShmem; file: ` +
        `peak of RssFile. A star: the load process used ${SATURATED * 100} % of a core or more, so ` +
        'that it set the rate.\n\n' +
        formatTable(
          CELL_COLUMNS,
          cells.filter((cell) => cell.scheme === scheme),
        ),
    );
  }
  return sections;
}
