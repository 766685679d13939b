/** Axes of charts: where ticks stand and what they say. */
import { showBytes, showLargeCount, type Unit } from '../units.ts';

/** The range of an axis whose steps are factors. */
export type LogRange = readonly [low: number, high: number];

/**
 * A range that has all values in it and begins and ends at a power of ten; undefined where nothing
 * is above zero.
 */
export function logRange(values: Iterable<number>): LogRange | undefined {
  let low = Number.POSITIVE_INFINITY;
  let high = 0;
  for (const value of values) {
    if (!(value > 0)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (high === 0) return undefined;
  const from = Math.floor(Math.log10(low));
  const to = Math.ceil(Math.log10(high));
  return [10 ** from, 10 ** (to > from ? to : from + 1)];
}

/** Powers of ten within the range, at most `most` of them, at equal distances. */
export function logTicks([low, high]: LogRange, most: number): number[] {
  const from = Math.ceil(Math.log10(low) - 1e-9);
  const to = Math.floor(Math.log10(high) + 1e-9);
  const step = Math.max(1, Math.ceil((to - from + 1) / most));
  const ticks: number[] = [];
  for (let power = from; power <= to; power += step) ticks.push(10 ** power);
  return ticks;
}

/** What a tick says: as short as may be, `10 MB`, `100k`, `1,000×`, `0.01`. */
export function tickText(value: number, unit: Unit): string {
  if (unit === 'bytes') return value < 1 ? `${value} B` : showBytes(value).replace(/\.0+ /, ' ');
  if (unit === 'share') return `${Math.round(value * 100)} %`;
  const sign = unit === 'ratio' ? '×' : '';
  if (value < 1) return `${Number(value.toPrecision(1))}${sign}`;
  if (value < 1000) return `${value}${sign}`;
  const large = showLargeCount(Math.max(value, 10_000)).replace(/\.0+/, '');
  if (value < 10_000) return `${value / 1000}k${sign}`;
  return `${large.replace(' thousand', 'k').replace(' million', 'M').replace(' billion', 'G').replace(' trillion', 'T')}${sign}`;
}
