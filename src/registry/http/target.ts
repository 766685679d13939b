/**
 * What a request is about, read from its path. Repository names hold slashes and may contain words
 * such as `blobs`, so paths of `/v2/` are read from the right (GEN-11).
 */
import { OciError } from '../../oci/errors.ts';
import { isRepositoryName } from '../../oci/name.ts';

/** What a path names. */
export type TargetKind =
  | 'ping'
  | 'catalog'
  | 'extensions'
  | 'manifest'
  | 'blob'
  | 'uploads'
  | 'upload'
  | 'tags'
  | 'referrers'
  | 'token'
  | 'admin'
  | 'metrics'
  | 'live'
  | 'ready'
  | 'unknown';

/** A path, understood. */
export interface Target {
  readonly kind: TargetKind;
  /** Repository, '' where the kind has none. */
  readonly name: string;
  /** Tag, digest or upload id, '' where the kind has none. */
  readonly reference: string;
  /** Path without the query. */
  readonly path: string;
  /** What follows the question mark, '' when nothing does. */
  readonly query: string;
}

const V2 = '/v2/';

function bare(kind: TargetKind, path: string, query: string): Target {
  return { kind, name: '', reference: '', path, query };
}

function outsideOfV2(path: string, query: string): Target {
  switch (path) {
    case '/v2':
      return bare('ping', path, query);
    case '/token':
      return bare('token', path, query);
    case '/metrics':
      return bare('metrics', path, query);
    case '/livez':
      return bare('live', path, query);
    case '/readyz':
      return bare('ready', path, query);
    default:
      return bare(path.startsWith('/api/v1/') ? 'admin' : 'unknown', path, query);
  }
}

/** Some clients write the colon of a digest as %3A. */
function decodeReference(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Proxies may send a target in absolute form (RFC 9112, 3.2.2): what counts begins at the path. */
function withoutOrigin(url: string): string {
  const path = url.indexOf('/', url.indexOf('://') + 3);
  return path < 0 ? '/' : url.slice(path);
}

/**
 * Reads the target of a request.
 * @param url - as sent: path and query
 */
export function parseTarget(url: string): Target {
  if (url.startsWith('http')) return parseTarget(withoutOrigin(url));
  const mark = url.indexOf('?');
  const path = mark < 0 ? url : url.slice(0, mark);
  const query = mark < 0 ? '' : url.slice(mark + 1);
  if (!path.startsWith(V2)) return outsideOfV2(path, query);
  if (path.length === V2.length) return bare('ping', path, query);
  if (path === '/v2/_catalog') return bare('catalog', path, query);
  if (path === '/v2/_oci/ext/discover') return bare('extensions', path, query);
  const last = path.lastIndexOf('/');
  const second = path.lastIndexOf('/', last - 1);
  const word = path.slice(second + 1, last);
  const tail = path.slice(last + 1);
  const make = (kind: TargetKind, end: number, reference: string): Target => ({
    kind,
    // A name that would begin within the prefix is no name; the check of names refuses ''.
    name: end < V2.length ? '' : path.slice(V2.length, end),
    reference: decodeReference(reference),
    path,
    query,
  });
  switch (word) {
    case 'manifests':
      return make('manifest', second, tail);
    case 'referrers':
      return make('referrers', second, tail);
    case 'tags':
      return tail === 'list' ? make('tags', second, '') : bare('unknown', path, query);
    case 'blobs':
      return tail === 'uploads' ? make('uploads', second, '') : make('blob', second, tail);
    case 'uploads': {
      const third = path.lastIndexOf('/', second - 1);
      if (path.slice(third + 1, second) !== 'blobs') return bare('unknown', path, query);
      return tail === '' ? make('uploads', third, '') : make('upload', third, tail);
    }
    default:
      return bare('unknown', path, query);
  }
}

/**
 * Makes sure that the repository's name is one.
 * @throws OciError NAME_INVALID
 */
export function requireName(target: Target): string {
  if (!isRepositoryName(target.name)) {
    throw new OciError('NAME_INVALID', { detail: { name: target.name.slice(0, 300) } });
  }
  return target.name;
}

/** The value of a query parameter, undefined when it is not there. Does no work without a query. */
export function queryValue(target: Target, name: string): string | undefined {
  if (target.query === '') return undefined;
  return new URLSearchParams(target.query).get(name) ?? undefined;
}

/** All values of a query parameter. */
export function queryValues(target: Target, name: string): string[] {
  return target.query === '' ? [] : new URLSearchParams(target.query).getAll(name);
}
