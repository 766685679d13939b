/** Lists: tags of a repository, and the catalogue of repositories. */
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

/** `GET /v2/_catalog`: repositories that the caller may read. */
export function getCatalog(exchange: Exchange): void {
  requireRight(exchange, 'catalog');
  const { limit, last } = readPage(exchange);
  const { access } = exchange;
  // The token for the catalogue names no repository; the policies say what its owner may read.
  const visible = (repository: string): boolean => access.mayEver('pull', repository);
  const page = listRepositories(exchange.app.store.context, { limit, last }, visible);
  const next = page.more ? page.items.at(-1) : undefined;
  exchange.sendJson(200, { repositories: page.items }, nextPage(exchange, { limit, last: next }));
}

/** `GET /v2/_oci/ext/discover` (EXT-1): no extension is offered. */
export function getExtensions(exchange: Exchange): void {
  exchange.sendJson(200, { extensions: [] });
}
