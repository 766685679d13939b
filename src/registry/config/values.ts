/** The kinds of value that the settings are made of, each with one message that says what is wanted. */
import { z } from 'zod';
import { parseSize, SIZE_PATTERN } from '../../lib/size.ts';
import { isNetwork, parseListenAddress } from './address.ts';
import { DURATION_PATTERN, parseDuration } from './duration.ts';

/** Bounds of a duration, as texts that {@link parseDuration} reads. */
export interface DurationBounds {
  readonly min?: string;
  readonly max?: string;
}

function withinBounds(bounds: DurationBounds): (text: string) => boolean {
  const min = parseDuration(bounds.min ?? '1ms')!;
  const max = parseDuration(bounds.max ?? '36500d')!;
  return (text) => {
    const value = parseDuration(text);
    return value !== undefined && value >= min && value <= max;
  };
}

function wantedDuration({ min, max }: DurationBounds): string {
  const range = [min && `at least ${min}`, max && `at most ${max}`].filter(Boolean).join(', ');
  return `expected a duration with its unit (ms, s, m, h, d), such as 24h${range && `, ${range}`}`;
}

/** A duration such as `24h`. */
export function duration(bounds: DurationBounds = {}) {
  const error = wantedDuration(bounds);
  return z
    .string({ error })
    .regex(DURATION_PATTERN, { error, abort: true })
    .refine(withinBounds(bounds), { error });
}

/** A duration, or `off` (also written `0`). */
export function durationOrOff(bounds: DurationBounds = {}) {
  const error = `${wantedDuration(bounds)}, or off`;
  const inside = withinBounds(bounds);
  const isOff = (text: string): boolean => text === 'off' || parseDuration(text) === 0;
  const pattern = new RegExp(`${DURATION_PATTERN.source}|^(off|0)$`);
  const text = z
    .string({ error })
    .regex(pattern, { error, abort: true })
    .refine((value) => value === '0' || isOff(value) || inside(value), { error });
  return z.union([z.literal(0, { error }), text], { error });
}

/** Milliseconds of a value that {@link duration} took. */
export function milliseconds(value: string): number {
  return parseDuration(value)!;
}

/** Milliseconds of a value that {@link durationOrOff} took, undefined when it is off. */
export function millisecondsOrOff(value: string | 0): number | undefined {
  if (value === 0 || value === '0' || value === 'off') return undefined;
  const parsed = parseDuration(value)!;
  return parsed === 0 ? undefined : parsed;
}

const WANTED_SIZE = 'expected a size such as 4MiB or 1.5GiB (B, KiB, MiB, GiB, TiB), or bytes';

/** A size such as `4MiB`, or one of the words. */
export function size<const Word extends string>(words: readonly Word[], min = 0) {
  const error = [WANTED_SIZE, ...words].join(', or ');
  const number = z.int({ error }).min(min, { error });
  const pattern = words.length
    ? new RegExp(`${SIZE_PATTERN.source}|^(${words.join('|')})$`)
    : SIZE_PATTERN;
  const text = z
    .string({ error })
    .regex(pattern, { error, abort: true })
    .refine((value) => words.includes(value as Word) || (parseSize(value) ?? -1) >= min, { error });
  return z.union([number, text], { error });
}

/** Bytes of a value that {@link size} took and that is none of its words. */
export function bytes(value: number | string): number {
  return typeof value === 'number' ? value : parseSize(value)!;
}

/** A whole number from 1, or `off` for no limit. */
export function limit() {
  const error = 'expected a whole number from 1, or off for no limit';
  return z.union([z.int({ error }).min(1, { error }), z.literal('off', { error })], { error });
}

/** The number of a value that {@link limit} took; infinity when there is no limit. */
export function limitOf(value: number | 'off'): number {
  return value === 'off' ? Number.POSITIVE_INFINITY : value;
}

/** `HOST:PORT`. */
export function listenAddress() {
  const error = 'expected HOST:PORT, such as 127.0.0.1:5000, [::1]:5000 or :5000';
  return z.string({ error }).refine((text) => parseListenAddress(text) !== undefined, { error });
}

/** An IP address or a network. */
export function network() {
  const error = 'expected an IP address or a network, such as 10.0.0.0/8';
  return z.string({ error }).refine(isNetwork, { error });
}

/** A text that is not empty. */
export function text(what: string) {
  const error = `expected ${what}`;
  return z.string({ error }).min(1, { error });
}

/** True or false. */
export function flag() {
  return z.boolean({ error: 'expected true or false' });
}

/** One of a few words. */
export function oneOf<const Word extends string>(words: readonly Word[]) {
  return z.enum(words, { error: `expected one of ${words.join(', ')}` });
}

/** A list with at least one entry where `min` says so. */
export function list<Item extends z.ZodType>(item: Item, min = 0) {
  const error = min > 0 ? 'expected a list with at least one entry' : 'expected a list';
  return z.array(item, { error }).min(min, { error });
}

/** A group of settings; keys that it does not know are reported one by one by the loader. */
export function group<Shape extends z.core.$ZodShape>(shape: Shape) {
  return z.strictObject(shape, {
    error: (issue) => (issue.code === 'invalid_type' ? 'expected a group of keys' : undefined),
  });
}

/** Where an `http:` or `https:` server is reached, without a path. */
export function baseUrl() {
  const error = 'expected the URL of a server without a path, such as https://registry.example.com';
  return z.string({ error }).refine(
    (value) => {
      const url = URL.parse(value);
      if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) return false;
      const { username, password, pathname, search, hash } = url;
      return username + password + search + hash === '' && pathname === '/';
    },
    { error },
  );
}
