/**
 * Numbers of bytes as people write them in a configuration. Units are binary and say so; `MB` and
 * its relatives are refused, because half of the world reads them one way and half the other.
 */

const UNITS: Readonly<Record<string, number>> = {
  B: 1,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};

/** A number, a decimal part if need be, and a unit or none for bytes. */
export const SIZE_PATTERN = /^(\d{1,15}(?:\.\d{1,6})?)(B|KiB|MiB|GiB|TiB)?$/;

/**
 * Bytes of a text such as `4MiB`, `1.5GiB`, `512B`, `4096`; undefined when the text is none of that
 * or more than can be counted exactly.
 */
export function parseSize(text: string): number | undefined {
  const [, number, unit = 'B'] = SIZE_PATTERN.exec(text) ?? [];
  if (number === undefined) return undefined;
  const bytes = Math.round(Number(number) * UNITS[unit]!);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}
