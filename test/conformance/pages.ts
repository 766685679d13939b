/** Lists that come in pages: the grammar of Link, and walking from page to page. */
import { expect } from 'vitest';
import { expectStatus } from './assertions.ts';
import type { RegistryClient } from './client.ts';
import { get } from './requests.ts';
import type { RegistryResponse } from './response.ts';

/** More pages than any test makes; a Link that leads in a circle must not run for ever. */
const MAX_PAGES = 2000;

/**
 * Address of the next page, resolved against the request; undefined on the last one. Fails for a
 * Link that is not of the form `<address>; rel="next"` (RFC 5988, 5).
 */
export function nextPage(response: RegistryResponse): URL | undefined {
  const links = response.all('link');
  if (links.length === 0) return undefined;
  const about = `Link of ${response.describe().slice(0, 300)}`;
  expect(links, about).toHaveLength(1);
  const match = /^<([^<>\s]+)>\s*;\s*rel="?next"?$/.exec(links[0]!);
  expect(match, `${about}: ${links[0]}`).not.toBeNull();
  return new URL(match![1]!, response.url);
}

/** All pages from `target` on; each must be 200. */
export async function allPages(
  client: RegistryClient,
  target: string,
): Promise<readonly RegistryResponse[]> {
  const pages: RegistryResponse[] = [];
  let next: string | URL | undefined = target;
  while (next !== undefined) {
    const page: RegistryResponse = expectStatus(await get(client, next), 200);
    pages.push(page);
    expect(pages.length, 'pages').toBeLessThan(MAX_PAGES);
    next = nextPage(page);
  }
  return pages;
}
