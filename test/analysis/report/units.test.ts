import { describe, expect, it } from 'vitest';
import {
  show,
  showBytes,
  showCount,
  showLargeCount,
  showRatio,
  showShare,
  trimZeros,
} from '../../../src/analysis/report/units.ts';

describe('figures for people', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [999.6, '1.00 kB'],
    [20.1e12, '20.1 TB'],
    [999_499, '999 kB'],
    [999_500, '1.00 MB'],
    [4_000_000, '4.00 MB'],
    [9_996_000, '10.0 MB'],
    [2e21, '2000 EB'],
  ])('bytes: %d', (bytes, text) => {
    expect(showBytes(bytes)).toBe(text);
  });

  it('counts in full, means with one digit, large ones in words', () => {
    expect([1_792_609, 4.46, 2945.7, 0].map(showCount)).toEqual(['1,792,609', '4.5', '2,946', '0']);
    expect([9999, 12_345, 5.28e9].map(showLargeCount)).toEqual([
      '9,999',
      '12.3 thousand',
      '5.28 billion',
    ]);
  });

  it('ratios', () => {
    expect([1, 6.9, 31.54, 185.4, 53_654.3].map(showRatio)).toEqual([
      '1.00×',
      '6.90×',
      '31.5×',
      '185×',
      '53,654×',
    ]);
  });

  it('shares, of which none that is not whole looks whole', () => {
    expect([0, 0.0001, 0.032, 0.9999, 1].map(showShare)).toEqual([
      '0 %',
      '< 0.1 %',
      '3.2 %',
      '> 99.9 %',
      '100 %',
    ]);
  });

  it('says n/a for what is not known, and nothing else', () => {
    expect([show(null, 'bytes'), show(undefined, 'ratio'), show(0, 'bytes')]).toEqual([
      'n/a',
      'n/a',
      '0 B',
    ]);
  });

  it('takes off the zeros that a source did not give, and no others', () => {
    expect(
      ['4.00 MB', '37.0 %', '2.60×', '100 B', '1,090', '30', '0.48 GB'].map(trimZeros),
    ).toEqual(['4 MB', '37 %', '2.6×', '100 B', '1,090', '30', '0.48 GB']);
  });
});
