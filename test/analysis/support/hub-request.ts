/** What the requests to the server of the tests are about. */
import type { IncomingMessage } from 'node:http';

/** What a request is about. */
export interface Asked {
  readonly kind: 'search' | 'token' | 'ping' | 'catalog' | 'tags' | 'manifest' | 'blob' | 'other';
  readonly method: string;
  readonly name: string;
  readonly reference: string;
  readonly url: URL;
  /** Requests with the same method and URL before it. */
  readonly before: number;
  readonly headers: IncomingMessage['headers'];
}

const NAME = /^\/v2\/(.+)\/(manifests|blobs|tags)\/([^/]+)$/;

/**
 * Reads a request.
 * @param before - requests with the same method and URL before it
 */
export function understand(req: IncomingMessage, before: number): Asked {
  const url = new URL(req.url!, 'http://127.0.0.1');
  const common = { method: req.method!, url, before, headers: req.headers };
  const bare = (kind: Asked['kind']): Asked => ({ ...common, kind, name: '', reference: '' });
  if (url.pathname === '/v2/search/repositories/') return bare('search');
  if (url.pathname === '/token') return bare('token');
  if (url.pathname === '/v2/') return bare('ping');
  if (url.pathname === '/v2/_catalog') return bare('catalog');
  const [, name, what, reference] = NAME.exec(url.pathname) ?? [];
  if (name === undefined || reference === undefined) return bare('other');
  const kind = what === 'manifests' ? 'manifest' : what === 'blobs' ? 'blob' : 'tags';
  return { ...common, kind, name, reference };
}
