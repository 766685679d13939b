import { describe, expect, it } from 'vitest';
import { parseAnySize, parseSize } from '../../src/lib/size.ts';

describe('sizes by thousands', () => {
  it.each([
    ['50MB', 50_000_000],
    ['1.5GB', 1_500_000_000],
    ['2kB', 2000],
    ['2KB', 2000],
    ['3TB', 3_000_000_000_000],
    ['4MiB', 4_194_304],
    ['4096', 4096],
  ])('reads %s', (text, bytes) => {
    expect(parseAnySize(text)).toBe(bytes);
  });

  it.each(['', '50', '4M', '4 MB', '-1MB', '4mb', '1e3MB', '999999999999999TB'])(
    'takes %j for no size in thousands',
    (text) => {
      expect(parseAnySize(text)).toBe(parseSize(text));
    },
  );

  it('refuses what cannot be counted exactly', () => {
    expect(parseAnySize('999999999999999TB')).toBeUndefined();
  });
});
