/** Names of repositories and tags, page by page (OCI distribution specification, "Listing tags"). */
import { compileGlob } from '../../../lib/glob.ts';
import { isRepositoryName, isTag } from '../../../oci/name.ts';
import { SourceError } from '../errors.ts';
import type { RegistryClient } from './client.ts';
import { RefusedError, shown } from './errors.ts';
import { CHECK_NAMES } from './hints.ts';

/** Bytes of a page; registries send 1,000 names at most when asked for as many. */
const MAX_PAGE = 16 * 1024 * 1024;
const PAGE_SIZE = 1000;
/** More pages than any registry has; one that sends new links for ever is stopped by it. */
const MAX_PAGES = 1_000_000;

/** Which tags of a repository are wanted. */
export interface TagSelection {
  /** Globs; those without a star are asked for without a list. Default: all. */
  readonly patterns?: readonly string[] | undefined;
  /** The first so many in the order of the registry, which is that of the alphabet. */
  readonly limit?: number | undefined;
}

const LINK = /<([^>]*)>\s*((?:;[^,<]*)*)/g;

/** The address of the next page (RFC 8288); undefined when there is none. */
export function nextLink(header: string | readonly string[] | undefined): string | undefined {
  const text = Array.isArray(header) ? header.join(', ') : ((header as string | undefined) ?? '');
  for (const [, address, parameters] of text.matchAll(LINK)) {
    if (/;\s*rel\s*=\s*"?next"?/i.test(parameters ?? '')) return address;
  }
  return undefined;
}

async function* readPages(
  client: RegistryClient,
  first: URL,
  scope: string,
  field: 'repositories' | 'tags',
  signal: AbortSignal,
): AsyncGenerator<string, void, void> {
  const seen = new Set<string>();
  for (let url = first; ; ) {
    seen.add(url.href);
    const answer = await client.fetch({ url, scope, limit: MAX_PAGE, signal });
    if (answer.status === 404) {
      const hint = field === 'tags' ? CHECK_NAMES : undefined;
      throw new RefusedError(`${shown(first.pathname)} is not there`, 404, hint);
    }
    let names: unknown;
    try {
      names = JSON.parse(answer.body.toString('utf8'))[field];
    } catch {
      throw new SourceError(`${shown(url.href)} answers without JSON`, {
        hint: 'is that a registry? name its host and port, without a path',
      });
    }
    // An empty list is null with some.
    if (names !== null && !Array.isArray(names)) {
      throw new SourceError(`${shown(url.href)} answers without ${field}`);
    }
    for (const name of names ?? []) if (typeof name === 'string') yield name;
    const link = nextLink(answer.headers.link);
    if (link === undefined) return;
    const next = URL.parse(link, url.href);
    if (next === null || next.origin !== url.origin) {
      throw new SourceError(`the list goes on at another place: ${shown(link)}`);
    }
    if (seen.has(next.href) || seen.size >= MAX_PAGES) {
      throw new SourceError(`the list has no end: ${shown(next.href)} was there before`);
    }
    url = next;
  }
}

/**
 * All repositories of a registry, each once.
 * @throws SourceError when the registry has no catalogue, among others
 */
export async function* listRepositories(
  client: RegistryClient,
  signal: AbortSignal,
): AsyncGenerator<string, void, void> {
  const first = new URL(`/v2/_catalog?n=${PAGE_SIZE}`, client.base);
  const seen = new Set<string>();
  const names = readPages(client, first, 'registry:catalog:*', 'repositories', signal);
  try {
    for await (const name of names) {
      if (seen.has(name) || !isRepositoryName(name)) continue;
      seen.add(name);
      yield name;
    }
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    const named = `name a repository, as docker://${client.base.host}/NAME: many registries list none`;
    const hint = error.hint === undefined ? named : `${error.hint}; or ${named}`;
    throw new RefusedError(error.message, error.status, hint);
  }
}

/** Scope of a token that reads a repository. */
export function pullScope(repository: string): string {
  return `repository:${repository}:pull`;
}

/**
 * The tags of a repository that are wanted, each once.
 * @throws SourceError when the repository is not there, among others
 */
export async function* selectTags(
  client: RegistryClient,
  repository: string,
  selection: TagSelection,
  signal: AbortSignal,
): AsyncGenerator<string, void, void> {
  const { patterns = ['*'], limit = Number.POSITIVE_INFINITY } = selection;
  const isListed = patterns.some((pattern) => pattern.includes('*'));
  const globs = patterns.map(compileGlob);
  const first = new URL(`/v2/${repository}/tags/list?n=${PAGE_SIZE}`, client.base);
  const names = isListed
    ? readPages(client, first, pullScope(repository), 'tags', signal)
    : patterns;
  const taken = new Set<string>();
  for await (const tag of names) {
    if (taken.size >= limit) return;
    if (taken.has(tag) || !isTag(tag) || !globs.some((matches) => matches(tag))) continue;
    taken.add(tag);
    yield tag;
  }
}
