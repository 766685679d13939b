import { describe, expect, it } from 'vitest';
import type { Operations } from '../../../src/registry/admin/operations.ts';
import { anonymousAccess, userAccess } from '../../../src/registry/auth/access.ts';
import { compilePolicies } from '../../../src/registry/auth/policies.ts';
import { createFakeOperations, fakeDigest } from './fake-operations.ts';
import { serveAdmin } from './serve-admin.ts';

const POLICIES = compilePolicies({
  policies: [
    { repositories: ['team/**'], users: ['ann'], actions: ['*'] },
    { repositories: ['shared/**'], users: ['ann'], actions: ['pull'] },
    { repositories: ['**'], users: ['bob'], actions: ['*'] },
  ],
  rights: { admin: ['ann'] },
});

function accessOf(authorization: string | undefined) {
  if (authorization === undefined) return anonymousAccess(POLICIES.anonymous);
  return userAccess(`user:${authorization}`, POLICIES.forUser(authorization));
}

const CONTENTS = { repositories: { 'other/x': ['v1'], 'shared/y': ['v1'], 'team/z': ['v1'] } };

async function codeOf(response: Response): Promise<string> {
  const body = (await response.json()) as { errors: { code: string }[] };
  return body.errors[0]!.code;
}

describe('decisions 9: /api/v1/ asks for the admin right', () => {
  it('challenges who has not logged in, and refuses who may not', async () => {
    await using server = await serveAdmin(createFakeOperations(), accessOf);
    for (const path of ['/status', '/openapi.json', '/no/such']) {
      const anonymous = await fetch(`${server.url}/api/v1${path}`);
      expect(anonymous.status).toBe(401);
      expect(anonymous.headers.get('www-authenticate')).toBe('Basic realm="x"');
      expect(await codeOf(anonymous)).toBe('UNAUTHORIZED');
      const bob = await fetch(`${server.url}/api/v1${path}`, { headers: { authorization: 'bob' } });
      expect([bob.status, await codeOf(bob)]).toEqual([403, 'DENIED']);
    }
    const headers = { authorization: 'ann' };
    const ann = await fetch(`${server.url}/api/v1/status`, { headers });
    expect(ann.status).toBe(200);
  });
});

describe('decisions 4: /api/v1/ shows only what the caller may read', () => {
  const headers = { authorization: 'ann' };

  it('leaves other repositories out of the list, and pages are full nevertheless', async () => {
    const repositories: Record<string, string[]> = {};
    for (let i = 0; i < 9; i++) repositories[`${i % 3 === 2 ? 'team' : 'other'}/r${i}`] = [];
    const sorted = Object.fromEntries(Object.entries(repositories).sort());
    await using server = await serveAdmin(createFakeOperations({ repositories: sorted }), accessOf);
    const first = await fetch(`${server.url}/api/v1/repositories?n=2`, { headers });
    expect(await first.json()).toMatchObject({
      items: [{ name: 'team/r2' }, { name: 'team/r5' }],
      next: 'team/r5',
    });
    const second = await fetch(`${server.url}/api/v1/repositories?n=2&last=team/r5`, { headers });
    expect(await second.json()).toMatchObject({ items: [{ name: 'team/r8' }], next: null });
  });

  it.each([
    ['GET', '/tags?repo=other/x', 404, 'NAME_UNKNOWN'],
    ['GET', '/tags?repo=no/such', 404, 'NAME_UNKNOWN'],
    ['GET', '/deleted?repo=other/x', 404, 'NAME_UNKNOWN'],
    ['POST', '/tags/delete?repo=other/x&tag=v1', 404, 'NAME_UNKNOWN'],
    ['POST', '/repositories/delete?repo=other/x', 404, 'NAME_UNKNOWN'],
    ['POST', '/tags/delete?repo=shared/y&tag=v1', 403, 'DENIED'],
    ['POST', `/manifests/delete?repo=shared/y&digest=${fakeDigest(2)}`, 403, 'DENIED'],
    ['POST', '/restore?repo=shared/y&reference=v1', 403, 'DENIED'],
  ])('%s %s is answered %i %s', async (method, path, status, code) => {
    const operations = createFakeOperations(CONTENTS);
    await using server = await serveAdmin(operations, accessOf);
    const response = await fetch(`${server.url}/api/v1${path}`, { method, headers });
    expect([response.status, await codeOf(response)]).toEqual([status, code]);
    expect(operations.calls).toEqual([]);
  });
});

describe('requests to /api/v1/', () => {
  it.each([
    ['GET', '/tags', 400, 'UNSUPPORTED'],
    ['GET', '/tags?repo=A', 400, 'NAME_INVALID'],
    ['GET', '/tags?repo=../etc', 400, 'NAME_INVALID'],
    ['GET', '/tags?repo=a&n=0', 400, 'UNSUPPORTED'],
    ['GET', '/tags?repo=a&n=1001', 400, 'UNSUPPORTED'],
    ['GET', '/tags?repo=a&n=x', 400, 'UNSUPPORTED'],
    ['GET', '/tags?repo=a&last=%00', 400, 'UNSUPPORTED'],
    ['GET', '/tags?repo=a&colour=red', 400, 'UNSUPPORTED'],
    ['GET', '/tags?repo=a&repo=b', 400, 'UNSUPPORTED'],
    ['POST', '/tags/delete?repo=a&tag=-x', 400, 'UNSUPPORTED'],
    ['POST', '/manifests/delete?repo=a&digest=sha256:0', 400, 'DIGEST_INVALID'],
    ['POST', '/restore?repo=a&reference=%2F', 400, 'UNSUPPORTED'],
    ['POST', '/collection/start?dry_run=maybe', 400, 'UNSUPPORTED'],
    ['GET', '/no/such', 404, 'UNSUPPORTED'],
    ['GET', '', 404, 'UNSUPPORTED'],
    ['POST', '/status', 405, 'UNSUPPORTED'],
    ['GET', '/scrub/start', 405, 'UNSUPPORTED'],
    ['DELETE', '/tags?repo=a', 405, 'UNSUPPORTED'],
  ])('%s %s is answered %i %s', async (method, path, status, code) => {
    const operations = createFakeOperations({ repositories: { a: ['v1'] } });
    await using server = await serveAdmin(operations);
    const response = await fetch(`${server.url}/api/v1${path}`, { method });
    expect([response.status, await codeOf(response)]).toEqual([status, code]);
    expect(response.headers.has('allow')).toBe(status === 405);
    expect(operations.calls).toEqual([]);
  });

  it('answers HEAD like GET, without the body', async () => {
    await using server = await serveAdmin(createFakeOperations());
    const head = await fetch(`${server.url}/api/v1/status`, { method: 'HEAD' });
    const get = await fetch(`${server.url}/api/v1/status`);
    expect(head.status).toBe(200);
    expect(head.headers.get('content-length')).toBe(get.headers.get('content-length'));
    expect(await head.text()).toBe('');
    expect(get.headers.get('cache-control')).toBe('no-store');
    expect(get.headers.get('x-content-type-options')).toBe('nosniff');
  });

  it('answers 500 without a word about the inside, and reports the error', async () => {
    const operations: Operations = {
      ...createFakeOperations(),
      status: () => Promise.reject(new Error('secret path')),
    };
    await using server = await serveAdmin(operations);
    const response = await fetch(`${server.url}/api/v1/status`);
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain('secret');
    expect(server.errors).toMatchObject([{ message: 'secret path' }]);
  });

  it.each([
    [{ origin: 'https://evil.example' }],
    [{ origin: 'null' }],
    [{ 'sec-fetch-site': 'cross-site' }],
    [{ 'sec-fetch-site': 'same-site' }],
  ])('refuses changes on behalf of a page of another site: %j', async (headers) => {
    const operations = createFakeOperations({ repositories: { a: ['v1'] } });
    await using server = await serveAdmin(operations);
    const url = `${server.url}/api/v1/repositories/delete?repo=a`;
    const response = await fetch(url, { method: 'POST', headers });
    expect([response.status, await codeOf(response)]).toEqual([403, 'DENIED']);
    expect(operations.calls).toEqual([]);
  });

  it('takes changes of its own pages', async () => {
    await using server = await serveAdmin(createFakeOperations({ repositories: { a: ['v1'] } }));
    const headers = { origin: server.url, 'sec-fetch-site': 'same-origin' };
    const url = `${server.url}/api/v1/repositories/delete?repo=a`;
    expect((await fetch(url, { method: 'POST', headers })).status).toBe(200);
  });

  it('does not stumble over a body that it did not ask for', async () => {
    await using server = await serveAdmin(createFakeOperations());
    const body = Buffer.alloc(1_000_000);
    const response = await fetch(`${server.url}/api/v1/scrub/start`, { method: 'POST', body });
    expect(response.status).toBe(202);
  });

  it('tells what it did, for the audit log', async () => {
    await using server = await serveAdmin(createFakeOperations({ repositories: { a: ['v1'] } }));
    const post = (path: string) => fetch(`${server.url}/api/v1${path}`, { method: 'POST' });
    await post('/tags/delete?repo=a&tag=v1');
    await post('/tags/delete?repo=a&tag=v2');
    await fetch(`${server.url}/api/v1/tags?repo=a`);
    expect(server.outcomes.map(({ status, audit }) => [status, audit])).toEqual([
      [200, { action: 'tag.delete', repository: 'a', reference: 'v1' }],
      [404, { action: 'tag.delete', repository: 'a', reference: 'v2' }],
      [200, undefined],
    ]);
  });
});
