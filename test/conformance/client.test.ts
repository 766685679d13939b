/** The suite's own tools: a client that misjudged answers would make every other test worthless. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { parseChallenge } from './challenge.ts';
import { RegistryClient } from './client.ts';
import { nextPage } from './pages.ts';
import { RegistryResponse } from './response.ts';
import { readSettings } from './settings.ts';

const stops: (() => void)[] = [];

/** A server for one test; gives its origin. */
async function serve(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<string> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stops.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function clientOf(origin: string, user = 'joe'): RegistryClient {
  const client = new RegistryClient({ origin, username: user, password: 'secret' });
  stops.push(() => client.close());
  return client;
}

const BASIC = `Basic ${Buffer.from('joe:secret').toString('base64')}`;

afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

describe('client', () => {
  it('GEN-8 (MAY) follows redirects and keeps Authorization on its host', async () => {
    const seen: (string | undefined)[] = [];
    const other = await serve((request, response) => {
      seen.push(request.headers.authorization);
      response.end('elsewhere');
    });
    const origin = await serve((request, response) => {
      seen.push(request.headers.authorization);
      const step = { '/a': '/b', '/b': `${other}/c` }[request.url ?? ''];
      response.writeHead(307, { location: step }).end();
    });
    const response = await clientOf(origin).request({ target: '/a', authorization: 'Bearer x' });
    expect(response.status).toBe(200);
    expect(response.body.toString()).toBe('elsewhere');
    expect(seen).toEqual(['Bearer x', 'Bearer x', undefined]);
  });

  it('logs in by Basic once and remembers it for the repository', async () => {
    const seen: (string | undefined)[] = [];
    const origin = await serve((request, response) => {
      seen.push(request.headers.authorization);
      const known = request.headers.authorization === BASIC;
      const headers = { 'www-authenticate': 'Basic realm="x"' };
      response.writeHead(known ? 200 : 401, known ? {} : headers).end();
    });
    const client = clientOf(origin);
    for (const tag of ['a', 'b']) {
      const response = await client.request({ target: `/v2/repo/manifests/${tag}` });
      expect(response.status).toBe(200);
    }
    expect(seen).toEqual([undefined, BASIC, BASIC]);
  });

  it('logs in by Bearer with the scope of the challenge', async () => {
    const asked: string[] = [];
    const origin = await serve((request, response) => {
      const url = new URL(request.url ?? '', `http://${request.headers.host}`);
      if (url.pathname === '/token') {
        asked.push(`${url.search} ${request.headers.authorization === BASIC}`);
        response.end(JSON.stringify({ token: 'old', access_token: 'new' }));
        return;
      }
      const known = request.headers.authorization === 'Bearer new';
      const realm = `http://${request.headers.host}/token`;
      const challenge = `Bearer realm="${realm}",service="s",scope="repository:a:pull repository:b:pull"`;
      response.writeHead(known ? 200 : 401, known ? {} : { 'www-authenticate': challenge }).end();
    });
    const response = await clientOf(origin).request({ target: '/v2/a/tags/list' });
    expect(response.status).toBe(200);
    expect(asked).toEqual(['?service=s&scope=repository%3Aa%3Apull+repository%3Ab%3Apull true']);
  });

  it('GEN-7 (MUST if sent) fails on a malformed Warning of any answer', async () => {
    const origin = await serve((_, response) => {
      response.writeHead(200, { warning: '199 x "y"' }).end();
    });
    await expect(clientOf(origin).request({ target: '/v2/' })).rejects.toThrow('malformed Warning');
  });

  it('sends targets as they are written', async () => {
    const seen: (string | undefined)[] = [];
    const origin = await serve((request, response) => {
      seen.push(request.url);
      response.end();
    });
    for (const target of ['/v2/a/../b', '/v2//x', '/v2/%2e%2e/x']) {
      await clientOf(origin).request({ target });
    }
    expect(seen).toEqual(['/v2/a/../b', '/v2//x', '/v2/%2e%2e/x']);
  });
});

describe('challenges', () => {
  it('prefers Bearer, and reads quoted and plain parameters', () => {
    const challenge = parseChallenge([
      'Basic realm="plain"',
      'Bearer realm="https://x/token",service=s,scope="repository:a\\"b:pull"',
    ]);
    expect(challenge).toEqual({
      scheme: 'bearer',
      parameters: { realm: 'https://x/token', service: 's', scope: 'repository:a"b:pull' },
    });
    expect(parseChallenge(['Negotiate'])).toBeUndefined();
  });
});

describe('pages', () => {
  const page = (...links: string[]): RegistryResponse =>
    new RegistryResponse({
      status: 200,
      headers: links.map((link) => ['Link', link] as const),
      body: Buffer.alloc(0),
      url: new URL('http://registry/v2/x/tags/list?n=1'),
      request: 'GET',
    });

  it('TAG-5 (MUST if sent) resolves Link, and fails on one without angle brackets', () => {
    expect(nextPage(page())).toBeUndefined();
    const next = nextPage(page('</v2/x/tags/list?n=1&last=a>; rel="next"'));
    expect(next?.href).toBe('http://registry/v2/x/tags/list?n=1&last=a');
    expect(() => nextPage(page('/v2/x/tags/list; rel="next"'))).toThrow();
    expect(() => nextPage(page('</a>; rel="prev"'))).toThrow();
  });
});

describe('settings', () => {
  it('without OCI_REGISTRY everything is on and strict', () => {
    const settings = readSettings({});
    expect(settings).toMatchObject({ registry: undefined, tls: 'disabled', strict: true });
    expect(settings.api.manifests.tagParam).toBe(true);
    expect(Object.values(settings.data)).not.toContain(false);
  });

  it('with OCI_REGISTRY the defaults are the official ones', () => {
    const settings = readSettings({ OCI_REGISTRY: 'host:5000' });
    expect(settings).toMatchObject({ registry: 'host:5000', tls: 'enabled', strict: false });
    expect(settings.api.blobs).toMatchObject({ mountAnonymous: true, uploadCancel: false });
    expect(settings.data).toMatchObject({ sparse: false, sha512: true });
    const old = readSettings({ OCI_REGISTRY: 'host', OCI_VERSION: '1.0' });
    expect(old.api).toMatchObject({ referrer: false, blobs: { mountAnonymous: false } });
    const dev = readSettings({ OCI_REGISTRY: 'host', OCI_VERSION: 'dev' });
    expect(dev.api.blobs).toMatchObject({ digestHeader: true, uploadCancel: true });
  });

  it('single variables win, and nonsense is refused', () => {
    const settings = readSettings({
      OCI_VERSION: '1.1+dev',
      OCI_API_MANIFESTS_TAG_PARAM: 'false',
      OCI_DATA_SUBJECT_MISSING: '0',
      OCI_RO_DATA_TAGS: 'a b',
      CONFORMANCE_STRICT: 'f',
    });
    expect(settings.api.manifests.tagParam).toBe(false);
    expect(settings.data.subjectMissing).toBe(false);
    expect(settings.readOnly.tags).toEqual(['a', 'b']);
    expect(settings.strict).toBe(false);
    expect(() => readSettings({ OCI_VERSION: '3' })).toThrow('OCI_VERSION');
    expect(() => readSettings({ OCI_API_PUSH: 'maybe' })).toThrow('OCI_API_PUSH');
  });
});
