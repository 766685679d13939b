/**
 * The search of Docker Hub, the only list of names that it has: `/v2/search/repositories/`. What a
 * query lists is the frame from which a sample is drawn; it is not all of Docker Hub.
 */
import { isRepositoryName } from '../../../oci/name.ts';
import { SourceError } from '../errors.ts';
import type { RegistryClient } from '../registry/client.ts';
import { shown } from '../registry/errors.ts';

const MAX_PAGE = 16 * 1024 * 1024;

/** A repository as the search lists it. */
export interface ListedName {
  /** With `library/` where it is an official one. */
  readonly name: string;
  readonly pulls: number;
  readonly stars: number;
}

/** One page of a search. */
export interface ListingPage {
  readonly names: readonly ListedName[];
  readonly isLast: boolean;
}

/** Which page of which search. */
export interface ListingRequest {
  readonly query: string;
  /** From 1 on. */
  readonly page: number;
  readonly pageSize: number;
}

function count(value: unknown): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : 0;
}

function readName(value: unknown): ListedName | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { repo_name: raw, pull_count: pulls, star_count: stars } = value as Record<string, unknown>;
  if (typeof raw !== 'string') return undefined;
  const name = raw.includes('/') ? raw : `library/${raw}`;
  return isRepositoryName(name) ? { name, pulls: count(pulls), stars: count(stars) } : undefined;
}

/**
 * Asks for a page. One behind the end is the last one, and empty.
 * @throws SourceError
 */
export async function fetchListingPage(
  client: RegistryClient,
  { query, page, pageSize }: ListingRequest,
  signal: AbortSignal,
): Promise<ListingPage> {
  const url = new URL('/v2/search/repositories/', client.base);
  url.searchParams.set('query', query);
  url.searchParams.set('page', String(page));
  url.searchParams.set('page_size', String(pageSize));
  const passing = page === 1 ? [] : [400, 404];
  const answer = await client.fetch({ url, scope: undefined, limit: MAX_PAGE, passing, signal });
  if (answer.status >= 400) return { names: [], isLast: true };
  let json: { readonly results?: unknown; readonly next?: unknown } | null;
  try {
    json = JSON.parse(answer.body.toString('utf8'));
  } catch {
    json = null;
  }
  const results = json?.results;
  if (!Array.isArray(results)) throw new SourceError(`${shown(url.href)} answers without results`);
  const names = results.map(readName).filter((name) => name !== undefined);
  const isLast = results.length === 0 || typeof json?.next !== 'string' || json.next === '';
  return { names, isLast };
}
