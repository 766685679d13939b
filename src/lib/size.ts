/**
 * Numbers of bytes as people write them. In a configuration units are binary and say so; `MB` and
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

const DECIMAL_UNITS: Readonly<Record<string, number>> = {
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
};

const DECIMAL_PATTERN = /^(\d{1,15}(?:\.\d{1,6})?)(kB|KB|MB|GB|TB)$/;

/**
 * The same where other tools have set a custom: also `50MB` and the like, by thousands as the SI
 * (and dive's gate, whose limits are carried over) has them.
 */
export function parseAnySize(text: string): number | undefined {
  const [, number, unit] = DECIMAL_PATTERN.exec(text) ?? [];
  if (number === undefined || unit === undefined) return parseSize(text);
  const bytes = Math.round(Number(number) * DECIMAL_UNITS[unit]!);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}
