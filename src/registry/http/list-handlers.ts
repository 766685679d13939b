/** Lists: tags of a repository, and the catalogue of repositories. */
import { setImmediate } from 'node:timers/promises';
import { OciError } from '../../oci/errors.ts';
import { listRepositories, listTags } from '../../storage/listing.ts';
import { hasRepository } from '../../storage/manifests.ts';
import type { Exchange } from './exchange.ts';
import { nextPage, readPage } from './pages.ts';
import { require, requireRight } from './permission.ts';
import { requireName } from './target.ts';

const nameUnknown = (repository: string): OciError =>
  new OciError('NAME_UNKNOWN', { detail: { name: repository } });

/** `GET /v2/<name>/tags/list` (end-8). */
export function getTags(exchange: Exchange): void {
  const repository = requireName(exchange.target);
  require(exchange, 'pull', repository, () => nameUnknown(repository));
  const { limit, last } = readPage(exchange);
  const { context } = exchange.app.store;
  if (!hasRepository(context, repository)) throw nameUnknown(repository);
  const page = listTags(context, repository, { limit, last });
  const next = page.more ? page.items.at(-1) : undefined;
  exchange.sendJson(
    200,
    { name: repository, tags: page.items },
    nextPage(exchange, { limit, last: next }),
  );
}

/** Names looked at before other requests get their turn. */
const CATALOG_SLICE = 2000;

/** `GET /v2/_catalog`: repositories that the caller may read. */
export async function getCatalog(exchange: Exchange): Promise<void> {
  requireRight(exchange, 'catalog');
  const { limit, last } = readPage(exchange);
  const { access, app } = exchange;
  const found: string[] = [];
  let from = last;
  // Of a million names the caller may see a few: one more than wanted tells that there are more.
  for (;;) {
    const slice = listRepositories(app.store.context, { limit: CATALOG_SLICE, last: from });
    // A token for the catalogue names no repository; the policies say what its owner may read.
    for (const name of slice.items) if (access.mayEver('pull', name)) found.push(name);
    if (found.length > limit || !slice.more) break;
    from = slice.items.at(-1);
    await setImmediate();
  }
  const repositories = found.slice(0, limit);
  const next = found.length > limit ? repositories.at(-1) : undefined;
  exchange.sendJson(200, { repositories }, nextPage(exchange, { limit, last: next }));
}

/** `GET /v2/_oci/ext/discover` (EXT-1): no extension is offered. */
export function getExtensions(exchange: Exchange): void {
  exchange.sendJson(200, { extensions: [] });
}
