/**
 * Lengths of time as people write them in a configuration. One unit a value, because `1h30m` and its
 * relatives are parsed differently by every program.
 */

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** A number, a decimal part if need be, and a unit. Linear: no part can match what another does. */
export const DURATION_PATTERN = /^(\d{1,12}(?:\.\d{1,6})?)(ms|s|m|h|d)$/;

/**
 * Milliseconds of a text such as `500ms`, `90s`, `15m`, `24h`, `14d`; undefined when the text is
 * none of that or less than a millisecond and not zero.
 */
export function parseDuration(text: string): number | undefined {
  const [, number, unit] = DURATION_PATTERN.exec(text) ?? [];
  if (number === undefined || unit === undefined) return undefined;
  const amount = Number(number);
  const milliseconds = Math.round(amount * UNITS[unit]!);
  return milliseconds === 0 && amount !== 0 ? undefined : milliseconds;
}
