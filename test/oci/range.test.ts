import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseChunkRange, parseRange } from '../../src/oci/range.ts';

/** RFC 9110, 14.1.2, of one range, by a regular expression and big numbers. */
function oracle(header: string, size: number) {
  const match = /^bytes= *(\d*)-(\d*) *$/.exec(header);
  const [, first = '', last = ''] = match ?? [];
  if (match === null || (first === '' && last === '')) return undefined;
  // Numbers that no file reaches need not be understood.
  if (first.length > 15 || last.length > 15) return undefined;
  if (first === '') {
    const length = Math.min(Number(last), size);
    return length === 0 ? 'unsatisfiable' : { start: size - length, end: size - 1 };
  }
  const start = Number(first);
  const end = last === '' ? size - 1 : Math.min(Number(last), size - 1);
  return start > end ? 'unsatisfiable' : { start, end };
}

describe('BLOB-G3 ranges of downloads', () => {
  it.each([
    ['bytes=500-1499', { start: 500, end: 1499 }],
    ['bytes=500-', { start: 500, end: 2047 }],
    ['bytes=-500', { start: 1548, end: 2047 }],
    ['bytes=2000-5000', { start: 2000, end: 2047 }],
    ['bytes=0-0', { start: 0, end: 0 }],
    ['bytes=-9999', { start: 0, end: 2047 }],
    ['bytes=2047-2047', { start: 2047, end: 2047 }],
  ])('%s of 2,048 bytes', (header, range) => {
    expect(parseRange(header, 2048)).toEqual(range);
  });

  it.each(['bytes=5000-10000', 'bytes=500-0', 'bytes=2048-', 'bytes=-0', 'bytes=2048-2048'])(
    'BLOB-G4 %s of 2,048 bytes cannot be satisfied',
    (header) => {
      expect(parseRange(header, 2048)).toBe('unsatisfiable');
    },
  );

  it('no range of an empty blob can be satisfied', () => {
    for (const header of ['bytes=0-', 'bytes=0-0', 'bytes=-1']) {
      expect(parseRange(header, 0)).toBe('unsatisfiable');
    }
  });

  it.each([
    'bytes=0-1,3-4',
    'items=0-1',
    'bytes',
    'bytes=',
    'bytes=-',
    'bytes=a-b',
    'bytes=1',
    'bytes=--1',
    'bytes=+1-2',
    'bytes=1-2x',
    'bytes=0x1-2',
    'bytes=1.5-2',
    'bytes=0-99999999999999999999',
    '',
  ])('BLOB-G5 %j is left alone', (header) => {
    expect(parseRange(header, 2048)).toBeUndefined();
  });

  it('agrees with RFC 9110 on any header', () => {
    const digits = fc.oneof(
      fc.nat(40).map(String),
      fc.constantFrom('', '00', '007', '999999999999999', '9999999999999999', '-1', 'x'),
    );
    const space = fc.constantFrom('', '', ' ');
    const header = fc
      .tuple(fc.constantFrom('bytes=', 'bytes=', 'bytes', 'Bytes='), space, digits, digits, space)
      .map(([unit, before, first, last, after]) => `${unit}${before}${first}-${last}${after}`);
    fc.assert(
      fc.property(header, fc.nat(40), (text, size) => {
        expect(parseRange(text, size)).toEqual(oracle(text, size));
      }),
      { numRuns: 5000 },
    );
  });
});

describe('CH-3 ranges of chunks', () => {
  it.each([
    ['0-0', { start: 0, end: 0 }],
    ['10-19', { start: 10, end: 19 }],
    ['00-09', { start: 0, end: 9 }],
  ])('%s', (header, range) => {
    expect(parseChunkRange(header)).toEqual(range);
  });

  it.each([
    '',
    '-',
    '5',
    '5-',
    '-5',
    '5-4',
    'bytes=0-1',
    'bytes 0-1/2',
    '0-1/2',
    '0--1',
    ' 0-1',
    '1e1-20',
  ])('%j is refused', (header) => {
    expect(parseChunkRange(header)).toBeUndefined();
  });
});
