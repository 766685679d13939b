import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { OciError } from '../../../src/oci/errors.ts';
import { createClient } from '../../../src/registry/admin/client.ts';
import {
  ServerTimeoutError,
  ServerUnreachableError,
  UnexpectedAnswerError,
} from '../../../src/registry/admin/client-errors.ts';
import { anonymousAccess, LOCAL_ACCESS } from '../../../src/registry/auth/access.ts';
import { compilePolicies } from '../../../src/registry/auth/policies.ts';
import { STATUS } from '../observe/figures.ts';
import { COLLECTION, createFakeOperations, fakeDigest, SCRUB, UNDO } from './fake-operations.ts';
import { serveAdmin } from './serve-admin.ts';

async function serve(listener: RequestListener): Promise<{ url: string } & AsyncDisposable> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  return await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe('decisions 7: commands talk to the running server', () => {
  it('does over HTTP what the operations do', async () => {
    const operations = createFakeOperations({ repositories: { a: ['v1', 'v2', 'v3'], b: ['x'] } });
    await using server = await serveAdmin(operations);
    const client = createClient({ url: server.url });
    expect(await client.status()).toEqual(STATUS);
    expect(await client.repositories()).toEqual(await operations.repositories());
    expect(await client.repositories({ limit: 1 })).toMatchObject({
      items: [{ name: 'a' }],
      next: 'a',
    });
    expect(await client.tags('a', { limit: 1, last: 'v1' })).toMatchObject({
      items: [{ name: 'v2' }],
      next: 'v2',
    });
    expect(await client.deleteTag('a', 'v1')).toMatchObject({ tags: 1 });
    expect(await client.deleteManifest('a', fakeDigest(2))).toMatchObject({ manifests: 1 });
    expect(await client.deleted('a')).toHaveLength(2);
    expect(await client.restore('a', 'v1')).toEqual({ tags: 1, manifests: 1 });
    expect(await client.deleteRepository('b')).toMatchObject({ tags: 1, manifests: 1 });
    expect(await client.collection.report()).toBeNull();
    expect(await client.collection.start({ dryRun: true })).toEqual(COLLECTION);
    expect(await client.collection.report()).toEqual(COLLECTION);
    expect(await client.scrub.start()).toEqual(SCRUB);
    expect(await client.scrub.report()).toEqual(SCRUB);
    expect(await client.dedup.report()).toEqual(STATUS.dedup);
    expect(await client.dedup.undo.report()).toBeNull();
    expect(await client.dedup.undo.start()).toEqual(UNDO);
    expect(await client.dedup.undo.report()).toEqual(UNDO);
    expect(operations.calls).toEqual([
      'deleteTag a v1',
      `deleteManifest a ${fakeDigest(2)}`,
      'restore a v1',
      'deleteRepository b',
      'collection.start {"dryRun":true}',
      'scrub.start {}',
      'undo.start {}',
    ]);
  });

  it('throws the errors of the operations', async () => {
    await using server = await serveAdmin(createFakeOperations({ repositories: { a: ['v1'] } }));
    const client = createClient({ url: server.url });
    const unknown = await errorOf(client.tags('no/such'));
    expect(unknown).toBeInstanceOf(OciError);
    expect(unknown).toMatchObject({ code: 'NAME_UNKNOWN', status: 404 });
    expect(await errorOf(client.deleteTag('a', 'v9'))).toMatchObject({ code: 'MANIFEST_UNKNOWN' });
  });

  it('sends its token', async () => {
    const rules = compilePolicies({}).anonymous;
    await using server = await serveAdmin(createFakeOperations(), (authorization) =>
      authorization === 'Bearer t0ken' ? LOCAL_ACCESS : anonymousAccess(rules),
    );
    const { url } = server;
    const good = createClient({ url, authorization: 'Bearer t0ken' });
    expect((await good.status()).version).toBe('1.2.3');
    const bad = await errorOf(createClient({ url, authorization: 'Bearer x' }).status());
    expect(bad).toMatchObject({ code: 'UNAUTHORIZED', status: 401 });
  });

  it('gives up on a server that does not answer', async () => {
    await using server = await serve(() => {});
    const client = createClient({ url: server.url, timeout: 50 });
    expect(await errorOf(client.status())).toBeInstanceOf(ServerTimeoutError);
  });

  it('gives up on a server that stops in the middle of its answer', async () => {
    await using server = await serve((_, res) => {
      res.writeHead(200, { 'Content-Length': 100 });
      res.write('{');
    });
    const client = createClient({ url: server.url, timeout: 50 });
    expect(await errorOf(client.status())).toBeInstanceOf(ServerTimeoutError);
  });

  it('can be aborted', async () => {
    await using server = await serve(() => controller.abort(new Error('enough')));
    const controller = new AbortController();
    const client = createClient({ url: server.url, signal: controller.signal });
    expect(await errorOf(client.status())).toMatchObject({ message: 'enough' });
  });

  it('says when nothing listens', async () => {
    const { url } = await (async () => {
      await using closed = await serve(() => {});
      return closed;
    })();
    const error = await errorOf(createClient({ url }).status());
    expect(error).toBeInstanceOf(ServerUnreachableError);
    expect(String(error)).toContain(url);
  });

  it.each([
    ['HTML', 200, '<html></html>'],
    ['HTML with an error', 502, '<html></html>'],
    ['another JSON', 200, '{"hello":"world"}'],
    ['an error without a code', 404, '{"message":"not found"}'],
    ['nothing', 204, ''],
  ])('says when %s is answered', async (_, status, body) => {
    await using server = await serve((_req, res) => res.writeHead(status).end(body));
    const error = await errorOf(createClient({ url: server.url }).status());
    expect(error).toBeInstanceOf(UnexpectedAnswerError);
  });

  it('takes fields that it does not know from a newer server', async () => {
    const body = JSON.stringify({ ...COLLECTION, colour: 'red' });
    await using server = await serve((_, res) => res.end(body));
    const report = await createClient({ url: server.url }).collection.report();
    expect(report).toEqual(COLLECTION);
  });

  it('takes an error code that it does not know for what it is', async () => {
    const body = JSON.stringify({ errors: [{ code: 'TEAPOT', message: 'short and stout' }] });
    await using server = await serve((_, res) => res.writeHead(418).end(body));
    expect(await errorOf(createClient({ url: server.url }).status())).toMatchObject({
      code: 'UNKNOWN',
      status: 418,
      message: 'short and stout',
    });
  });
});
