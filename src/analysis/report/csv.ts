/** The tables of a report as CSV (RFC 4180), one file each, with plain numbers. */
import type { AnalysisReport, Distribution, Figures } from '../metrics/schema.ts';
import { compare } from './comparison.ts';

type Cell = string | number | boolean | null | undefined;
type Row = Readonly<Record<string, Cell>>;

/** What spreadsheets take for the begin of a formula. */
const FORMULA = /^[=+\-@\t\r]/;

/**
 * A cell. Texts of images that a spreadsheet would run as a formula get an apostrophe before them;
 * JSON has them as they are.
 */
function cellText(cell: Cell): string {
  if (cell === null || cell === undefined) return '';
  if (typeof cell !== 'string') return String(cell);
  const text = FORMULA.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Lines of cells, ended by CR and LF. */
function toCsv(columns: readonly string[], rows: readonly Row[]): string {
  const lines = [columns, ...rows.map((row) => columns.map((name) => cellText(row[name])))];
  return lines.map((line) => `${line.join(',')}\r\n`).join('');
}

const STATISTICS = [
  'count',
  'sum',
  'mean',
  'min',
  'p10',
  'p25',
  'p50',
  'p75',
  'p90',
  'p95',
  'p99',
  'max',
] as const;

interface Named {
  readonly figure: string;
  readonly distribution: Distribution;
}

function isDistribution(value: unknown): value is Distribution {
  return typeof value === 'object' && value !== null && 'cdf' in value;
}

/** All distributions under a value, by their path in it. */
function distributionsOf(value: unknown, path = ''): Named[] {
  if (isDistribution(value)) return [{ figure: path, distribution: value }];
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  return Object.entries(value).flatMap(([name, inner]) =>
    distributionsOf(inner, path === '' ? name : `${path}.${name}`),
  );
}

type Mode = 'correct' | 'paper';
const MODES: readonly Mode[] = ['correct', 'paper'];

function inModes(report: AnalysisReport, rows: (figures: Figures) => readonly Row[]): Row[] {
  return MODES.flatMap((mode) => rows(report[mode]).map((row) => ({ mode, ...row })));
}

function growthRow({ layers, countRatio, byteRatio }: Figures['dedup']['growth'][number]): Row {
  const [countP5, countP50, countP95] = countRatio;
  const [byteP5, byteP50, byteP95] = byteRatio;
  return { layers, countP5, countP50, countP95, byteP5, byteP50, byteP95 };
}

const DEDUP_COLUMNS = [
  'files',
  'bytes',
  'distinctFiles',
  'distinctBytes',
  'singletons',
  'countRatio',
  'byteRatio',
];
const OFFENDER_COLUMNS = ['image', 'layer', 'path', 'bytes'];
const CONTENT_COLUMNS = ['mode', 'sha256', 'copies', 'size', 'path'];

/** Files by name, `layers.csv` and so on, in a fixed order; every table of the report is one. */
export function csvReport(report: AnalysisReport): ReadonlyMap<string, string> {
  const { waste, estimate, chunks } = report;
  const tables: readonly (readonly [
    name: string,
    columns: readonly string[],
    rows: readonly Row[],
  ])[] = [
    [
      'comparison',
      [
        'key',
        'section',
        'label',
        'unit',
        'over',
        'n',
        'correct',
        'paper',
        'hub2017',
        'is',
        'mark',
        'verified',
        'note',
      ],
      compare(report).map(({ baseline, reason, ...row }) => ({
        ...row,
        hub2017: baseline?.value,
        is: baseline?.is,
        mark: baseline?.mark,
        verified: baseline?.verified,
        note: [reason, baseline?.note ?? ''].filter((text) => text !== '').join('; '),
      })),
    ],
    [
      'distributions',
      ['mode', 'figure', ...STATISTICS],
      inModes(report, (figures) =>
        distributionsOf(figures).map(({ figure, distribution: { cdf, ...rest } }) => ({
          figure,
          ...rest,
        })),
      ),
    ],
    [
      'cdfs',
      ['mode', 'figure', 'value', 'share'],
      inModes(report, (figures) =>
        distributionsOf(figures).flatMap(({ figure, distribution }) =>
          distribution.cdf.map(([value, share]) => ({ figure, value, share })),
        ),
      ),
    ],
    [
      'types',
      ['mode', 'group', 'type', ...DEDUP_COLUMNS, 'countShare', 'byteShare', 'meanSize'],
      inModes(report, ({ types }) => types),
    ],
    ['dedup', ['mode', ...DEDUP_COLUMNS], inModes(report, ({ dedup }) => [dedup.overall])],
    [
      'growth',
      ['mode', 'layers', 'countP5', 'countP50', 'countP95', 'byteP5', 'byteP50', 'byteP95'],
      inModes(report, ({ dedup }) => dedup.growth.map(growthRow)),
    ],
    ['most-repeated', CONTENT_COLUMNS, inModes(report, ({ dedup }) => dedup.mostRepeated)],
    ['most-bytes', CONTENT_COLUMNS, inModes(report, ({ dedup }) => dedup.mostBytes)],
    [
      'shared-layers',
      ['mode', 'layer', 'references', 'archiveSize', 'files'],
      inModes(report, ({ sharing }) => sharing?.mostReferenced ?? []),
    ],
    [
      'pull-skew',
      ['mode', 'repositories', 'pulls', 'topPercent', 'topTenPercent', 'gini'],
      inModes(report, ({ images }) => {
        if (!images?.pullSkew) return [];
        const { mostPulled, ...skew } = images.pullSkew;
        return [skew];
      }),
    ],
    [
      'most-pulled',
      ['mode', 'repository', 'pulls'],
      inModes(report, ({ images }) => images?.pullSkew?.mostPulled ?? []),
    ],
    [
      'chunks',
      ['method', 'bytes', 'distinctBytes', 'chunks', 'distinctChunks', 'byteRatio'],
      chunks,
    ],
    [
      'images',
      [
        'image',
        'bytes',
        'visibleBytes',
        'wastedBytes',
        'metadataOnlyBytes',
        'deletedBytes',
        'efficiency',
        'uniqueBytes',
        'sharedBytes',
      ],
      waste.images.map(({ worstPaths, ...image }) => image),
    ],
    [
      'wasted-paths',
      ['image', 'path', 'bytes', 'copies', 'isDeleted'],
      waste.images.flatMap(({ image, worstPaths }) =>
        worstPaths.map((path) => ({ image, ...path })),
      ),
    ],
    ['repositories', ['repository', 'images', 'uniqueBytes', 'sharedBytes'], waste.repositories],
    ['largest-files', OFFENDER_COLUMNS, waste.largestFiles],
    ['largest-rewrites', OFFENDER_COLUMNS, waste.largestRewrites],
    ['largest-deleted', OFFENDER_COLUMNS, waste.largestDeleted],
    [
      'estimate',
      ['way', 'intact', 'taken', 'bytes'],
      [
        { way: 'off', bytes: estimate.off },
        { way: 'dedup', bytes: estimate.dedup },
        ...estimate.replicas.map((row) => ({ way: 'replicas', ...row })),
      ],
    ],
    ['unknown', ['figure', 'reason'], report.unknown],
    ['problems', ['what', 'reason'], report.problems],
    ['left-out', ['what', 'reason'], report.leftOut],
    ['remarks', ['layer', 'code', 'message', 'count'], report.remarks],
  ];
  return new Map(tables.map(([name, columns, rows]) => [`${name}.csv`, toCsv(columns, rows)]));
}
