/** The paging of lists: `n`, `last` and the Link header (TAG-3 to TAG-5, CAT-1). */
import { OciError } from '../../oci/errors.ts';
import type { Exchange, HeaderList } from './exchange.ts';

/** Entries of a page without `n`, and at most. */
export const MAX_PAGE = 10_000;

/** What part of a list a request asks for. */
export interface PageQuery {
  readonly limit: number;
  readonly last: string | undefined;
}

/**
 * Reads `n` and `last`.
 * @throws OciError UNSUPPORTED with status 400 for an `n` that is no number
 */
export function readPage(exchange: Exchange): PageQuery {
  const n = exchange.query('n');
  const last = exchange.query('last') || undefined;
  if (last !== undefined && (last.length > 300 || last.includes(' ') || last.includes('\0'))) {
    throw new OciError('UNSUPPORTED', { status: 400, message: 'last is no name' });
  }
  if (n === undefined) return { limit: MAX_PAGE, last };
  const isDigits = n.length > 0 && n.length < 10 && [...n].every((c) => c >= '0' && c <= '9');
  if (!isDigits) {
    throw new OciError('UNSUPPORTED', { status: 400, message: 'n is not a number', detail: { n } });
  }
  return { limit: Math.min(Number(n), MAX_PAGE), last };
}

/** The Link header to the page after `last`, none when this page is the end. */
export function nextPage(
  exchange: Exchange,
  page: { readonly limit: number; readonly last: string | undefined },
): HeaderList {
  if (page.last === undefined || page.limit === 0) return [];
  const query = new URLSearchParams({ n: String(page.limit), last: page.last });
  return ['Link', `<${exchange.target.path}?${query}>; rel="next"`];
}
