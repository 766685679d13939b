/** The report as a summary for a terminal of 80 columns. */
import picocolors from 'picocolors';
import { formatTable, printableName } from '../../lib/format.ts';
import type { AnalysisReport, Distribution } from '../metrics/schema.ts';
import { groupTitle } from './groups.ts';
import { costliestFiles, headlineOf, missingOf, worstImages } from './headline.ts';
import {
  shareOf,
  show,
  showBytes,
  showCount,
  showLargeCount,
  showNumberOf,
  showShare,
  type Unit,
} from './units.ts';

/** Functions that colour a text, as picocolors makes them. */
export type Paint = Pick<ReturnType<typeof picocolors.createColors>, 'bold' | 'dim' | 'red'>;

const WIDTH = 80;
const MOST_SOURCES = 3;
const MOST_NOTE_LINES = 2;
/** Letters of the name of what could not be read; the others say why. */
const MOST_WHAT = 34;
/** A line of a note, indented by two: it ends between words, or within one that does not fit. */
const NOTE_LINE = /\S.{0,76}(?=\s|$)|\S.{76}/gu;

/** The end of a long name says more than its begin; of the source behind an image's name, just the end. */
function shorten(name: string, width: number): string {
  const shown = printableName(name);
  const source = shown.indexOf(' (');
  if (shown.length > width && shown.endsWith(')') && source > 0 && source <= width / 2) {
    return `${shown.slice(0, source)} ${shorten(shown.slice(source + 1), width - source - 1)}`;
  }
  return shown.length <= width ? shown : `…${shown.slice(shown.length - width + 1)}`;
}

/** What a source says of itself: its title, and its note in lines of their own. */
function sourceLines({ title, note }: AnalysisReport['sources'][number]): string {
  const lines = printableName(note ?? '').match(NOTE_LINE) ?? [];
  const shown = lines.slice(0, MOST_NOTE_LINES).map((line) => `  ${line}\n`);
  return `${shorten(title, WIDTH)}\n${shown.join('')}`;
}

interface Line {
  readonly label: string;
  readonly distribution: Distribution | null;
  readonly unit: Unit;
}

function distributions(lines: readonly Line[]): string {
  const known = lines.filter(({ distribution }) => distribution !== null && distribution.count > 0);
  if (known.length === 0) return '';
  const of = (name: 'p50' | 'p90' | 'p99' | 'max', title: string) => ({
    title,
    text: ({ distribution, unit }: Line) => show(distribution![name], unit),
    align: 'right' as const,
  });
  return formatTable(known, [
    { title: '', text: ({ label }) => label.padEnd(26) },
    of('p50', 'median'),
    of('p90', '90 %'),
    of('p99', '99 %'),
    of('max', 'largest'),
  ]);
}

function typeTable({ correct }: AnalysisReport): string {
  const groups = correct.types.filter(({ type }) => type === '').sort((a, b) => b.bytes - a.bytes);
  if (groups.length === 0) return '';
  return formatTable(groups.slice(0, 8), [
    { title: 'files by type', text: ({ group }) => shorten(groupTitle(group), 26).padEnd(26) },
    { title: 'files', text: ({ files }) => showLargeCount(files), align: 'right' },
    { title: 'bytes', text: ({ bytes }) => showBytes(bytes), align: 'right' },
    { title: 'of all', text: ({ byteShare }) => showShare(byteShare), align: 'right' },
    {
      title: 'copies',
      text: (row) => show(shareOf(row.bytes - row.distinctBytes, row.bytes), 'share'),
      align: 'right',
    },
  ]);
}

function read({ correct, sources, timings }: AnalysisReport): string {
  const { images, layers, dedup } = correct;
  const parts = [
    ...(images === null ? [] : [showNumberOf(images.count, 'image')]),
    showNumberOf(layers.count, 'layer'),
    `${showLargeCount(dedup.overall.files)} files`,
    `${showBytes(timings.bytesRead)} read in ${showCount(Math.round(timings.scanSeconds))} s`,
  ];
  const titles = sources.slice(0, MOST_SOURCES).map(sourceLines).join('');
  const left = sources.length - MOST_SOURCES;
  const others = left > 0 ? `and ${showNumberOf(left, 'other source')}\n` : '';
  return `${titles}${others}${parts.join(', ')}\n`;
}

/** What could not be read, before figures that lack it; '' when all could. */
function warning(report: AnalysisReport, { bold, red }: Paint): string {
  const missing = missingOf(report);
  if (missing === undefined) return '';
  const { title, kinds, first, count } = missing;
  const lines = first.map(({ what, reason }) => {
    const line = `  ${shorten(what, MOST_WHAT)}: ${printableName(reason)}`;
    return line.length <= WIDTH ? line : `${line.slice(0, WIDTH - 1)}…`;
  });
  const left = count - first.length;
  const more =
    left === 0 ? '' : `  and ${showCount(left)} more, which --html, --csv and --json list\n`;
  return `${red(bold(title))}\n${kinds}:\n${lines.join('\n')}\n${more}\n`;
}

function dedupLines({ correct, chunks }: AnalysisReport): string {
  const { sharing, dedup } = correct;
  const { overall } = dedup;
  const n = `n = ${showLargeCount(overall.files)} files`;
  const rows = [
    ...(sharing === null
      ? []
      : [
          {
            way:
              sharing.measuredBy === 'compressed-size'
                ? 'layers that images share'
                : 'shared layers, as tars',
            from: sharing.withoutSharing,
            to: sharing.withSharing,
            ratio: sharing.ratio,
            n: `n = ${showNumberOf(correct.layers.count, 'layer')}`,
          },
        ]),
    {
      way: 'whole files',
      from: overall.bytes,
      to: overall.distinctBytes,
      ratio: overall.byteRatio,
      n,
    },
    ...chunks.map(({ method, bytes, distinctBytes, byteRatio, chunks: pieces }) => ({
      way: shorten(method, 26),
      from: bytes,
      to: distinctBytes,
      ratio: byteRatio,
      n: `n = ${showLargeCount(pieces)} pieces`,
    })),
  ];
  return formatTable(rows.slice(0, 6), [
    { title: 'what occurs once', text: ({ way }) => way.padEnd(26) },
    { title: 'bytes', text: ({ from }) => showBytes(from), align: 'right' },
    { title: 'distinct', text: ({ to }) => showBytes(to), align: 'right' },
    { title: 'ratio', text: ({ ratio }) => show(ratio, 'ratio'), align: 'right' },
    { title: '', text: (row) => row.n },
  ]);
}

function offenders(report: AnalysisReport): string[] {
  const images = worstImages(report).filter(({ wastedBytes }) => wastedBytes > 0);
  const files = costliestFiles(report).filter(({ spare }) => spare > 0);
  const tables: string[] = [];
  if (images.length > 0) {
    tables.push(
      formatTable(images.slice(0, 3), [
        { title: 'images that waste most', text: ({ image }) => shorten(image, 44).padEnd(44) },
        { title: 'wasted', text: (row) => showBytes(row.wastedBytes), align: 'right' },
        { title: 'efficiency', text: ({ efficiency }) => efficiency.toFixed(3), align: 'right' },
      ]),
    );
  }
  if (files.length > 0) {
    tables.push(
      formatTable(files.slice(0, 3), [
        { title: 'files whose copies cost most', text: ({ path }) => shorten(path, 44).padEnd(44) },
        { title: 'spare', text: ({ spare }) => showBytes(spare), align: 'right' },
        { title: 'copies', text: ({ copies }) => showCount(copies), align: 'right' },
      ]),
    );
  }
  return tables;
}

function help(report: AnalysisReport, { bold }: Paint): string {
  const { storedBytes, dedupBytes, saving } = headlineOf(report);
  if (storedBytes === null || dedupBytes === null || saving === null) {
    const from = report.correct.layers.count === 0 ? 'from nothing' : 'from these sources';
    return `What Stowage would store cannot be told ${from}.\n`;
  }
  const gain =
    saving > 0 ? bold(`${showShare(saving)} less`) : 'which saves nothing: too little occurs twice';
  return (
    `As they are, the layers take ${showBytes(storedBytes)}. Stowage with dedup.policy: dedup\n` +
    `would take ${showBytes(dedupBytes)}, ${gain}.\n`
  );
}

function headline(report: AnalysisReport, { bold, red }: Paint): string {
  const { bytes, copyBytes, copyShare } = headlineOf(report);
  if (copyShare === null) return `${bold('There are no files in what was read.')}\n`;
  const copies = red(`${showBytes(copyBytes)} (${showShare(copyShare)})`);
  return `${bold(`Of ${showBytes(bytes)} in files, ${copies} are copies.`)}\n`;
}

/** Titles of tables, as the first line of each block, set back. */
function dimTitles(table: string, { dim }: Paint): string {
  const end = table.indexOf('\n');
  return end < 0 ? table : `${dim(table.slice(0, end))}${table.slice(end)}`;
}

/**
 * What could not be read, what was, how much of it is copies, layers and images and types in a few lines each, the worst
 * offenders, and what would help. No line is longer than 80 columns, and what images hold cannot
 * move the cursor.
 */
export function terminalReport(
  report: AnalysisReport,
  paint: Paint = picocolors.createColors(false),
): string {
  const { layers, images } = report.correct;
  const tables = [
    distributions([
      { label: 'layers, as stored', distribution: layers.compressedSize, unit: 'bytes' },
      { label: 'layers, bytes of files', distribution: layers.filesSize, unit: 'bytes' },
      { label: 'layers, files', distribution: layers.files, unit: 'count' },
      { label: 'files / stored', distribution: layers.filesRatio, unit: 'ratio' },
      { label: 'images, as stored', distribution: images?.compressedSize ?? null, unit: 'bytes' },
      { label: 'images, bytes of files', distribution: images?.filesSize ?? null, unit: 'bytes' },
      { label: 'images, layers', distribution: images?.layers ?? null, unit: 'count' },
    ]),
    typeTable(report),
    dedupLines(report),
    ...offenders(report),
  ].filter((text) => text !== '');
  return [
    `${warning(report, paint)}${read(report)}\n${headline(report, paint)}`,
    ...tables.map((text) => dimTitles(text, paint)),
    help(report, paint),
  ].join('\n');
}
