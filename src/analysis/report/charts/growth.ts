/** How deduplication grows with the number of layers, up to the size of the study. */
import { areaY, dot, gridX, gridY, line, text } from '@observablehq/plot';
import type { Figures } from '../../metrics/schema.ts';
import { type BaselineValue, ZHAO_2019 } from '../baseline.ts';
import { html, type Markup } from '../markup.ts';
import { showCount, showRatio, trimZeros } from '../units.ts';
import { logRange, logTicks, tickText } from './axes.ts';
import { chartFigure } from './figure.ts';
import { plot, STROKES } from './plot.ts';

type GrowthPoint = Figures['dedup']['growth'][number];

const CURVES = [
  { label: 'by count', name: 'countRatio' },
  { label: 'by bytes', name: 'byteRatio' },
] as const;

/** The ends of the study's curves. */
const PUBLISHED = [
  [1000, 'dedup.growth.1000'],
  [ZHAO_2019['layers.count']!.value, 'dedup.overall'],
] as const;

function publishedOf(name: 'countRatio' | 'byteRatio') {
  return PUBLISHED.map(([layers, key]): { layers: number; value: BaselineValue } => ({
    layers,
    value: ZHAO_2019[`${key}.${name}`]!,
  }));
}

function bandOf(points: readonly GrowthPoint[], name: 'countRatio' | 'byteRatio') {
  return points.map(({ layers, [name]: [low, middle, high] }) => ({ layers, low, middle, high }));
}

/** Both ratios with their bands, on the study's axis and beside its ends. */
export function growthChart(growth: readonly GrowthPoint[]): Markup {
  const title = 'Deduplication of files by number of layers';
  const drawn = growth.filter(({ layers }) => layers > 0);
  const last = drawn.at(-1);
  if (last === undefined) {
    return chartFigure({ title, body: html`<p class="none">Nothing to draw.</p>`, legend: [] });
  }
  const ends = CURVES.flatMap(({ name }, i) =>
    publishedOf(name).map(({ layers, value }) => ({
      layers,
      i,
      y: value.value,
      verified: value.verified,
    })),
  );
  const xRange = logRange([
    ...drawn.map(({ layers }) => layers),
    ...ends.map(({ layers }) => layers),
  ])!;
  const tallest = Math.max(
    ...drawn.flatMap(({ countRatio, byteRatio }) => [...countRatio, ...byteRatio]),
    ...ends.map(({ y }) => y),
  );
  const yTicks = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].filter((tick) => tick <= tallest * 1.5);
  const svg = plot({
    ariaLabel:
      `${title}. Ours, of ${showCount(last.layers)} layers: by count ${showRatio(last.countRatio[1])}, ` +
      `by bytes ${showRatio(last.byteRatio[1])}. Docker Hub 2017: 31.5 and 6.9 times.`,
    width: 960,
    height: 340,
    x: {
      type: 'log',
      domain: [...xRange],
      ticks: logTicks(xRange, 8),
      tickFormat: (value: number) => tickText(value, 'count'),
      label: 'layers in the sample',
      labelArrow: 'none',
      labelAnchor: 'center',
    },
    y: {
      type: 'log',
      domain: [
        Math.min(
          1,
          ...drawn.flatMap((p) => [...p.countRatio, ...p.byteRatio].filter((r) => r > 0)),
        ),
        tallest * 1.25,
      ],
      ticks: yTicks,
      tickFormat: (value: number) => tickText(value, 'ratio'),
      label: null,
    },
    marks: [
      gridX(logTicks(xRange, 8), { stroke: 'var(--grid)', strokeOpacity: 1 }),
      gridY(yTicks, { stroke: 'var(--grid)', strokeOpacity: 1 }),
      ...CURVES.flatMap(({ name }, i) => {
        const band = bandOf(drawn, name).filter(({ low }) => low > 0);
        const { color, dash } = STROKES[i]!;
        const points = dot(band, { x: 'layers', y: 'middle', r: 2.2, fill: color });
        // One point has no course to draw.
        if (band.length < 2) return [points];
        return [
          areaY(band, { x: 'layers', y1: 'low', y2: 'high', fill: color, fillOpacity: 0.16 }),
          line(band, {
            x: 'layers',
            y: 'middle',
            stroke: color,
            strokeWidth: 2.2,
            ...(dash === '' ? {} : { strokeDasharray: dash }),
          }),
          points,
        ];
      }),
      dot(ends, {
        x: 'layers',
        y: 'y',
        r: 5,
        symbol: 'diamond',
        stroke: ({ i }: { i: number }) => STROKES[i]!.color,
        strokeWidth: 1.6,
        fill: ({ i, verified }: { i: number; verified: boolean }) =>
          verified ? STROKES[i]!.color : 'var(--page)',
      }),
      text(ends, {
        x: 'layers',
        y: 'y',
        text: ({ y }: { y: number }) => trimZeros(showRatio(y)),
        dx: -10,
        textAnchor: 'end',
        fill: 'currentColor',
      }),
    ],
    color: { type: 'identity' },
  });
  return chartFigure({
    title,
    body: svg,
    legend: CURVES.map(({ label }, i) => ({ label, ...STROKES[i]! })),
    published: true,
    wide: true,
    note: html`Files / distinct contents, and their bytes, of random samples of layers: median of the random orders, and the band
from the 5th to the 95th percentile. The ratio grows with the number of layers, so compare at the same number: a set of
${showCount(last.layers)} layers cannot show the ratio of 1.8 million.`,
  });
}
