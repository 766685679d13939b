/** Cumulative distributions: how many are no larger than so much. */
import { dot, gridX, gridY, line, ruleY } from '@observablehq/plot';
import type { Distribution } from '../../metrics/schema.ts';
import { type BaselineValue, showPublished, sideOf } from '../baseline.ts';
import { type Content, html, type Markup } from '../markup.ts';
import { show, showCount, showShare, type Unit } from '../units.ts';
import { logRange, logTicks, tickText } from './axes.ts';
import { chartFigure } from './figure.ts';
import { plot, STROKES } from './plot.ts';

/** One curve. */
export interface CdfSeries {
  readonly label: string;
  /** Null, or of nothing: left out. */
  readonly distribution: Distribution | null;
  /** The same as the study counts, to be drawn beside it. */
  readonly paper?: Distribution | null;
  /** Published percentiles to mark beside it. */
  readonly published?: readonly {
    readonly share: number;
    readonly value: BaselineValue | undefined;
  }[];
}

interface CdfOptions {
  readonly title: string;
  readonly unit: Unit;
  readonly axis: string;
  /** What is counted: `layers`. */
  readonly of: string;
  readonly series: readonly CdfSeries[];
  readonly note?: Content;
}

/** A value of the study in the chart. */
interface Mark {
  readonly x: number;
  readonly y: number;
  /** Of the curve. */
  readonly i: number;
  readonly verified: boolean;
  /** Where the value lies when `x` is a bound of it. */
  readonly side: 'below' | 'above' | undefined;
  /** `as stored, median < 4 MB`. */
  readonly text: string;
}

/** A curve as it is drawn. */
interface Curve {
  readonly label: string;
  readonly distribution: Distribution;
  readonly color: string;
  readonly dash: string;
  readonly width: number;
}

interface Point {
  readonly x: number;
  readonly y: number;
}

/** The curve as points of steps; zeros, which have no place on the axis, at its left end. */
function pointsOf(cdf: Distribution['cdf'], low: number): Point[] {
  const points = cdf.map(([value, share]) => ({ x: Math.max(value, low), y: share }));
  return points[0] === undefined ? [] : [{ x: points[0].x, y: 0 }, ...points];
}

function shareOfZeros({ cdf }: Distribution): number {
  return cdf.findLast(([value]) => value <= 0)?.[1] ?? 0;
}

function sentence(label: string, distribution: Distribution, unit: Unit): string {
  const { p50, p90, max } = distribution;
  return `${label}: median ${show(p50, unit)}, 90 % up to ${show(p90, unit)}, largest ${show(max, unit)}`;
}

function hasCurve(distribution: Distribution | null | undefined): distribution is Distribution {
  return (distribution?.cdf.length ?? 0) > 0;
}

/** Ours, and as the study counts in the same colour, thin and dotted. */
function curvesOf({ label, distribution, paper }: CdfSeries, i: number): Curve[] {
  const { color, dash } = STROKES[i]!;
  const thin = { label: `${label}, as the study counts`, color, dash: '1 2.5', width: 1.4 };
  return [
    ...(hasCurve(distribution) ? [{ label, distribution, color, dash, width: 2 }] : []),
    ...(hasCurve(paper) ? [{ ...thin, distribution: paper }] : []),
  ];
}

function markOf(options: {
  readonly label: string;
  readonly share: number;
  readonly value: BaselineValue;
  readonly i: number;
  readonly unit: Unit;
}): Mark {
  const { label, share, value, i, unit } = options;
  const percentile = share === 0.5 ? 'median' : `${Math.round(share * 100)}th percentile`;
  return {
    x: value.value,
    y: share,
    i,
    verified: value.verified,
    side: sideOf(value),
    text: `${label}, ${percentile} ${showPublished(value, unit)}${value.verified ? '' : ' (recalled, not verified)'}`,
  };
}

/** Values as diamonds; bounds as triangles that stand on the bound and point to the value. */
function publishedDots(marks: readonly Mark[]) {
  const shapes = [
    [undefined, { symbol: 'diamond' }],
    ['below', { symbol: 'triangle', rotate: -90, dx: -4 }],
    ['above', { symbol: 'triangle', rotate: 90, dx: 4 }],
  ] as const;
  return shapes.map(([side, shape]) =>
    dot(
      marks.filter((mark) => mark.side === side),
      {
        x: 'x',
        y: 'y',
        r: 4,
        ...shape,
        stroke: ({ i }: Mark) => STROKES[i]!.color,
        strokeWidth: 1.5,
        fill: ({ i, verified }: Mark) => (verified ? STROKES[i]!.color : 'var(--page)'),
        title: ({ text }: Mark) => `Docker Hub 2017: ${text}`,
      },
    ),
  );
}

/** A chart of one or several distributions over one axis: by factors of ten, but for shares. */
export function cdfChart(options: CdfOptions): Markup {
  const { title, unit, axis, of } = options;
  const drawn = options.series.flatMap(curvesOf);
  const marks = options.series.flatMap(({ label, distribution, paper, published = [] }, i) =>
    published.flatMap(({ share, value }): Mark[] =>
      value === undefined || !(hasCurve(distribution) || hasCurve(paper))
        ? []
        : [markOf({ label, share, value, i, unit })],
    ),
  );
  const isShare = unit === 'share';
  const range = isShare
    ? ([0, 1] as const)
    : logRange([
        ...drawn.flatMap(({ distribution }) => distribution.cdf.map(([value]) => value)),
        ...marks.map(({ x }) => x),
      ]);
  if (range === undefined || drawn.length === 0) {
    return chartFigure({ title, body: html`<p class="none">Nothing to draw.</p>`, legend: [] });
  }
  const alternative = drawn.map(({ label, distribution }) => sentence(label, distribution, unit));
  const ticks = isShare ? [0, 0.25, 0.5, 0.75, 1] : logTicks(range, 7);
  const svg = plot({
    ariaLabel: `${title}. ${alternative.join('. ')}.`,
    x: {
      type: isShare ? 'linear' : 'log',
      domain: [...range],
      ticks,
      tickFormat: (value: number) => tickText(value, unit),
      label: axis,
      labelArrow: 'none',
      labelAnchor: 'center',
    },
    y: {
      domain: [0, 1],
      ticks: [0, 0.25, 0.5, 0.75, 0.9, 1],
      tickFormat: (value: number) => tickText(value, 'share'),
      label: null,
    },
    marks: [
      gridX(ticks, { stroke: 'var(--grid)', strokeOpacity: 1 }),
      gridY([0.25, 0.5, 0.75, 0.9, 1], { stroke: 'var(--grid)', strokeOpacity: 1 }),
      ruleY([0], { stroke: 'var(--axis)' }),
      ...drawn.map(({ distribution, color, dash, width }) =>
        line(pointsOf(distribution.cdf, range[0]), {
          x: 'x',
          y: 'y',
          curve: 'step-after',
          stroke: color,
          strokeWidth: width,
          ...(dash === '' ? {} : { strokeDasharray: dash }),
        }),
      ),
      ...publishedDots(marks),
    ],
    color: { type: 'identity' },
  });
  const zeros = isShare ? [] : drawn.filter(({ distribution }) => shareOfZeros(distribution) > 0);
  const bounds = marks.filter(({ side }) => side !== undefined);
  return chartFigure({
    title,
    body: svg,
    legend: drawn.map(({ label, distribution, color, dash }) => ({
      label: `${label} (n = ${showCount(distribution.count)})`,
      color,
      dash,
    })),
    published: marks.length > 0,
    bounds: bounds.length > 0,
    note: [
      html`Share of ${of} that are no larger. `,
      zeros.map(
        ({ label, distribution }) =>
          html`${label}: ${showShare(shareOfZeros(distribution))} are 0. `,
      ),
      bounds.length === 0
        ? undefined
        : `Bounds that the study gives: ${bounds.map(({ text }) => text).join('; ')}. `,
      options.note,
    ],
  });
}
