import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Exchange } from '../../../src/registry/http/exchange.ts';
import { MAX_PAGE, nextPage, readPage } from '../../../src/registry/http/pages.ts';
import { parseTarget, queryValue } from '../../../src/registry/http/target.ts';

function exchange(url: string): Exchange {
  const target = parseTarget(url);
  return { target, query: (name: string) => queryValue(target, name) } as unknown as Exchange;
}

const PATH = '/v2/a/tags/list';
const page = (query: string) => readPage(exchange(`${PATH}${query}`));

describe('TAG-3, CAT-1 the page that a request asks for', () => {
  it('is the first one of the greatest size by default', () => {
    expect(page('')).toEqual({ limit: MAX_PAGE, last: undefined });
    expect(page('?last=')).toEqual({ limit: MAX_PAGE, last: undefined });
  });

  it('has the size that n says, up to the greatest', () => {
    expect(page('?n=0').limit).toBe(0);
    expect(page('?n=7').limit).toBe(7);
    expect(page('?n=00012').limit).toBe(12);
    expect(page('?n=999999999').limit).toBe(MAX_PAGE);
  });

  it.each(['', '-1', '+1', '1.5', '1e3', '0x10', 'ten', ' 1', '1 ', '1234567890', '٣', 'NaN'])(
    'is refused for n=%s: 400',
    (n) => {
      const attempt = (): unknown => page(`?n=${encodeURIComponent(n)}`);
      expect(attempt).toThrowError(expect.objectContaining({ code: 'UNSUPPORTED', status: 400 }));
    },
  );

  it.each([
    ['a space', 'a b'],
    ['a NUL', 'a\0'],
    ['301 characters', 'a'.repeat(301)],
  ])('is refused for a last with %s: 400', (_, last) => {
    const attempt = (): unknown => page(`?last=${encodeURIComponent(last)}`);
    expect(attempt).toThrowError(expect.objectContaining({ code: 'UNSUPPORTED', status: 400 }));
  });

  it('is any text a page or a refusal', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (n, last) => {
        const query = new URLSearchParams({ n, last });
        try {
          const { limit } = page(`?${query}`);
          expect(limit).toBeGreaterThanOrEqual(0);
          expect(limit).toBeLessThanOrEqual(MAX_PAGE);
        } catch (error) {
          expect(error).toMatchObject({ status: 400 });
        }
      }),
    );
  });
});

describe('TAG-4 the link to the next page', () => {
  it('leads to what comes after the last entry, with the same size', () => {
    const last = fc.stringMatching(/^[a-zA-Z0-9_][a-zA-Z0-9._/+&=%#-]{0,100}$/);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: MAX_PAGE }), last, (limit, name) => {
        const [header, value = ''] = nextPage(exchange(`${PATH}?n=3&last=x`), {
          limit,
          last: name,
        });
        expect(header).toBe('Link');
        const [, url] = /^<([^<>]*)>; rel="next"$/.exec(value) ?? [];
        expect(url!.startsWith(`${PATH}?`)).toBe(true);
        expect(readPage(exchange(url!))).toEqual({ limit, last: name });
      }),
    );
  });

  it('is not there on the last page, nor on a page of nothing', () => {
    expect(nextPage(exchange(PATH), { limit: 5, last: undefined })).toEqual([]);
    expect(nextPage(exchange(PATH), { limit: 0, last: 'a' })).toEqual([]);
  });
});
