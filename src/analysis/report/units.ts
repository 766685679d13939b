/**
 * Figures as people read them. Sizes are by thousands, as the study and disk makers have them: the
 * columns of a comparison must not differ by their units.
 */

/** What stands where a figure is not known. */
const UNKNOWN = 'n/a';

/** How a figure is to be read. Shares are from 0 to 1. */
export type Unit = 'bytes' | 'count' | 'ratio' | 'share';

const BYTE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB'] as const;
const COUNT_UNITS = ['', ' thousand', ' million', ' billion', ' trillion'] as const;

/** Three digits and the number of thousands that were taken out of them. */
function scale(value: number, last: number): readonly [digits: string, thousands: number] {
  let rest = value;
  let thousands = 0;
  // 999.5 would come out as four digits.
  while (rest >= 999.5 && thousands < last) {
    rest /= 1000;
    thousands++;
  }
  const digits = rest < 9.995 ? 2 : rest < 99.95 ? 1 : 0;
  return [rest.toFixed(digits), thousands];
}

/** `20.1 TB`; parts of a byte, as means have them, are rounded off. */
export function showBytes(bytes: number): string {
  if (bytes < 999.5) return `${Math.round(bytes)} B`;
  const [digits, thousands] = scale(bytes, BYTE_UNITS.length - 1);
  return `${digits} ${BYTE_UNITS[thousands]}`;
}

/** `1,792,609`; a mean with one digit behind the point. */
export function showCount(count: number): string {
  const rounded = Number.isInteger(count) || count >= 1000 ? Math.round(count) : count;
  return rounded.toLocaleString('en-GB', { maximumFractionDigits: 1 });
}

/** `5.28 billion`; numbers below ten thousand in full. */
export function showLargeCount(count: number): string {
  if (count < 10_000) return showCount(count);
  const [digits, thousands] = scale(count, COUNT_UNITS.length - 1);
  return `${digits}${COUNT_UNITS[thousands]}`;
}

/** `31.5×`. */
export function showRatio(ratio: number): string {
  if (ratio >= 1000) return `${showCount(Math.round(ratio))}×`;
  return `${ratio.toFixed(ratio < 9.995 ? 2 : ratio < 99.95 ? 1 : 0)}×`;
}

/** `3.2 %`; never 0 or 100 % for what is not quite that. */
export function showShare(share: number): string {
  const percent = share * 100;
  if (percent > 0 && percent < 0.05) return '< 0.1 %';
  if (percent < 100 && percent >= 99.95) return '> 99.9 %';
  return `${percent.toFixed(percent === 0 || percent === 100 ? 0 : 1)} %`;
}

const SHOW: Readonly<Record<Unit, (value: number) => string>> = {
  bytes: showBytes,
  count: showCount,
  ratio: showRatio,
  share: showShare,
};

/** A figure in its unit, {@link UNKNOWN} when there is none. */
export function show(value: number | null | undefined, unit: Unit): string {
  return value === null || value === undefined ? UNKNOWN : SHOW[unit](value);
}

/** A figure without zeros that its source did not give: `4 MB` for `4.00 MB`. */
export function trimZeros(shown: string): string {
  return shown.replace(/(\.\d*?)0+(?=\D|$)/, '$1').replace(/\.(?=\D|$)/, '');
}

/** A number with its noun: `1 layer`, `7,410 layers`. */
export function showNumberOf(count: number, noun: string): string {
  const plural = noun.endsWith('y') ? `${noun.slice(0, -1)}ies` : `${noun}s`;
  return `${showCount(count)} ${count === 1 ? noun : plural}`;
}

/** `a` as a share of `b`; null when there is no whole. */
export function shareOf(a: number, b: number): number | null {
  return b === 0 ? null : a / b;
}
