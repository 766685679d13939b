import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { describeApi } from '../../../src/registry/admin/openapi.ts';
import { PARAMETERS, requestName } from '../../../src/registry/admin/parameters.ts';
import { ROUTES } from '../../../src/registry/admin/routes.ts';
import { COLLECTION, createFakeOperations, fakeDigest, SCRUB } from './fake-operations.ts';
import { serveAdmin } from './serve-admin.ts';

interface Described {
  readonly operationId: string;
  readonly parameters: readonly { readonly name: string; readonly required: boolean }[];
  readonly responses: Readonly<
    Record<string, { readonly content: Readonly<Record<string, { readonly schema: object }>> }>
  >;
}

type Document = {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>>;
};

/** Requests that reach every route with an answer that is not empty. */
const EXAMPLES: Readonly<Record<string, string>> = {
  getStatus: '',
  listRepositories: '?n=1',
  deleteRepository: '?repo=b',
  listTags: '?repo=a&n=1&last=v1',
  deleteTag: '?repo=a&tag=v1',
  deleteManifest: `?repo=a&digest=${fakeDigest(2)}`,
  listDeleted: '?repo=a',
  restore: '?repo=a&reference=v1',
  getCollection: '',
  startCollection: '?dry_run=true',
  getScrub: '',
  startScrub: '',
  getDedup: '',
  getUndo: '',
  startUndo: '',
  getFile: '?repo=a&ref=v1',
  findFiles: '?name=x&n=3',
  diffFiles: '?repo=a&from=v1&to=v2',
};

function operations() {
  return createFakeOperations({ repositories: { a: ['v1', 'v2', 'v3'], b: ['v1'] } });
}

describe('decisions 7: /api/v1/ is described by OpenAPI', () => {
  it('is served, and says which version of which standard it is', async () => {
    await using server = await serveAdmin(operations());
    const response = await fetch(`${server.url}/api/v1/openapi.json`);
    expect(response.headers.get('content-type')).toBe('application/json');
    const document = (await response.json()) as Document;
    expect(document.openapi).toMatch(/^3\.1\./);
    expect(document).toEqual(JSON.parse(JSON.stringify(describeApi('1.2.3'))));
  });

  it('describes every route, and nothing that is not served', async () => {
    const document = describeApi('1.2.3') as unknown as Document;
    const described = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const served = ROUTES.map(({ method, path }) => `${method} /api/v1${path}`);
    expect(described.sort()).toEqual([...served, 'GET /api/v1/openapi.json'].sort());
    const ids = Object.values(document.paths).flatMap((p) =>
      Object.values(p).map(({ operationId }) => operationId),
    );
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('resolves every reference within itself', () => {
    const document = describeApi('1.2.3');
    const references = JSON.stringify(document).matchAll(/"\$ref":"#([^"]+)"/g);
    let count = 0;
    for (const [, pointer] of references) {
      count++;
      let node: unknown = document;
      for (const step of pointer!.split('/').slice(1)) {
        node = (node as Record<string, unknown>)[step];
      }
      expect(node, pointer).toBeTypeOf('object');
    }
    expect(count).toBeGreaterThan(0);
  });

  describe.each(ROUTES.map((route) => [route.id, route] as const))('%s', (id, route) => {
    it('names its parameters', () => {
      const document = describeApi('1.2.3') as unknown as Document;
      const described = document.paths[`/api/v1${route.path}`]![route.method.toLowerCase()]!;
      expect(described.parameters.map(({ name }) => name)).toEqual(
        route.parameters.map(requestName),
      );
      for (const [i, { required }] of described.parameters.entries()) {
        expect(required).toBe(PARAMETERS[route.parameters[i]!].required);
      }
    });

    it('answers as the schema of the description says, and no more', async () => {
      const document = describeApi('1.2.3') as unknown as Document;
      const described = document.paths[`/api/v1${route.path}`]![route.method.toLowerCase()]!;
      const fake = operations();
      await fake.collection.start({ dryRun: false });
      await fake.scrub.start();
      await fake.dedup.undo.start();
      if (id === 'restore' || id === 'listDeleted') await fake.deleteTag('a', 'v1');
      await using server = await serveAdmin(fake);
      const url = `${server.url}/api/v1${route.path}${EXAMPLES[id]}`;
      const response = await fetch(url, { method: route.method });
      expect(response.status).toBe(route.status);
      const answer = await response.json();
      const { schema } = described.responses[route.status]!.content['application/json']!;
      const check = z.fromJSONSchema(schema as never);
      expect(check.safeParse(answer).error).toBeUndefined();
      // The schemas let unknown fields pass, but drop them: an undescribed one would be missing.
      expect(route.answer.parse(answer)).toEqual(answer);
      expect(JSON.stringify(answer).length).toBeGreaterThan(20);
    });
  });

  it('answers null for a job that has never run', async () => {
    await using server = await serveAdmin(operations());
    for (const path of ['collection', 'scrub', 'dedup/undo']) {
      const response = await fetch(`${server.url}/api/v1/${path}`);
      expect(await response.json()).toBeNull();
    }
  });

  it('has schemas that refuse what is not an answer', () => {
    const collection = ROUTES.find(({ id }) => id === 'getCollection')!.answer;
    const scrub = ROUTES.find(({ id }) => id === 'getScrub')!.answer;
    expect(collection.safeParse(COLLECTION).success).toBe(true);
    expect(collection.safeParse({ ...COLLECTION, removedBytes: -1 }).success).toBe(false);
    expect(scrub.safeParse({ ...SCRUB, quarantine: 3 }).success).toBe(false);
    expect(scrub.safeParse(COLLECTION).success).toBe(false);
  });
});
