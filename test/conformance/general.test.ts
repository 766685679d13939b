/** Names, digests, errors, methods and the HTTP that lies under all of them. */
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  errorEntries,
  expectBody,
  expectError,
  expectHeader,
  expectStatus,
  type SpecifiedCode,
  unsupported,
} from './assertions.ts';
import { addImage, digestOf, newContent, unknownDigest } from './content.ts';
import { openRaw, requestHead } from './raw.ts';
import { startsStowage, useRegistry } from './registry.ts';
import {
  ACCEPT_MANIFESTS,
  blobPath,
  closeUpload,
  get,
  head,
  manifestPath,
  pushBlob,
  pushContent,
  putManifest,
  readManifest,
  referrersPath,
  remove,
  startUpload,
  tagsPath,
  uploadsPath,
} from './requests.ts';
import { warningProblem } from './response.ts';

/** Hex digits of a well-formed SHA-256. */
const HEX = 'a'.repeat(64);
/** A digest that nothing has. */
const UNUSED = `sha256:${HEX}`;

const BAD_DIGESTS = [
  `sha256:${HEX.slice(1)}`,
  `sha256:${HEX}a`,
  `sha256:${HEX.toUpperCase()}`,
  `sha256:${'g'.repeat(64)}`,
  `SHA256:${HEX}`,
  `sha512:${HEX}`,
  `sha1:${'a'.repeat(40)}`,
  `md5:${'a'.repeat(32)}`,
  `sha384:${'a'.repeat(96)}`,
  'sha256:baddigeststring',
  'sha256:',
  `:${HEX}`,
];

/** Valid ends of a repository name, then invalid ones. */
const GOOD_TAILS = [
  'a',
  '0',
  'a/b/c/d/e/f',
  'a.b',
  'a_b',
  'a__b',
  'a-b',
  'a----b',
  '1/2',
  'a.b_c-d',
];
const BAD_TAILS = [
  'A',
  'aB',
  'a..b',
  'a___b',
  'a._b',
  'a-_b',
  '-a',
  'a-',
  '_a',
  'a_',
  '.a',
  'a.',
  'a+b',
  'a~b',
  'a@b',
  'a:b',
  'a%20b',
  '%C3%A4',
  'a$b',
];

const GOOD_TAGS = ['a', '_', 'A', '0', 'v1.0-rc_2', '_.-', 'x'.repeat(128)];
const BAD_TAGS = ['.a', '-a', 'a+b', 'a%20b', '%C3%A4', 'a~b', 'a$b'];

describe('beyond', () => {
  const registry = useRegistry();
  const repository = registry.repository();

  describe('ping', () => {
    it('end-1 GET and HEAD of /v2/ answer 200', async () => {
      expectStatus(await get(registry.client, '/v2/'), 200);
      expectStatus(await head(registry.client, '/v2/'), 200);
    });

    it('end-1 (our choice) /v2 without a slash leads to the same', async () => {
      expectStatus(await get(registry.client, '/v2'), 200);
    });

    it('GEN-10 (MAY) Docker-Distribution-Api-Version is sent', async () => {
      const response = await get(registry.client, '/v2/');
      expectHeader(response, 'docker-distribution-api-version', 'registry/2.0');
    });
  });

  describe('repository names', () => {
    it.each(GOOD_TAILS)('GEN-1 (MUST) a name that ends in %s is taken', async (tail) => {
      const name = `${repository}/${tail}`;
      const bytes = randomBytes(32);
      const digest = await pushBlob(registry.client, name, bytes);
      expectBody(await get(registry.client, blobPath(name, digest)), bytes);
    });

    it.each(BAD_TAILS)('GEN-1 (MUST) a name that ends in %s is refused', async (tail) => {
      const name = `${repository}/${tail}`;
      const targets = [
        tagsPath(name),
        manifestPath(name, 'latest'),
        blobPath(name, unknownDigest()),
        referrersPath(name, unknownDigest()),
      ];
      for (const target of targets) {
        const response = await get(registry.client, target);
        expectError(response, 400, 'NAME_INVALID', { elsewhere: [404] });
      }
      const opened = await registry.client.request({ method: 'POST', target: uploadsPath(name) });
      expectError(opened, 400, 'NAME_INVALID', { elsewhere: [404] });
    });

    it('GEN-2 (SHOULD) a name of 255 characters is taken, a longer one refused', async () => {
      const name = `${repository}/`.padEnd(255, 'x');
      await pushBlob(registry.client, name, randomBytes(32));
      const opened = await registry.client.request({
        method: 'POST',
        target: uploadsPath(`${name}x`),
      });
      expectError(opened, 400, 'NAME_INVALID', { elsewhere: [202, 404] });
    });

    it.each([
      'blobs',
      'manifests',
      'manifests/x',
      'manifests/latest',
      'tags',
      'tags/list',
      'referrers/x',
      'uploads',
      'blobs/uploads',
      'v2',
    ])('GEN-11 (our test) a repository may be called %s', async (tail) => {
      const { client } = registry;
      const name = `${repository}/${tail}`;
      const content = newContent();
      addImage(content, { tag: 'list' });
      await pushContent(client, name, content);
      const [manifest] = content.manifests;
      const [[digest, bytes] = []] = content.blobs;
      expectBody(await readManifest(client, name, 'list'), manifest!.bytes);
      expectBody(await get(client, blobPath(name, digest!)), bytes!);
      const listed = expectStatus(await get(client, tagsPath(name)), 200);
      expect(listed.json()).toEqual({ name, tags: ['list'] });
      expectStatus(await get(client, referrersPath(name, manifest!.digest)), 200);
      expectStatus(await remove(client, manifestPath(name, 'list')), 202);
    });
  });

  describe('references', () => {
    const content = newContent();
    addImage(content);
    const manifest = content.manifests[0]!;

    it('GEN-3 (MUST) every tag of the grammar is taken', async () => {
      const { client } = registry;
      await pushContent(client, repository, content);
      for (const tag of GOOD_TAGS) {
        expectStatus(await putManifest(client, repository, manifest, { reference: tag }), 201);
        expectStatus(await readManifest(client, repository, tag), 200);
      }
      const { tags } = (await get(client, tagsPath(repository))).json<{ tags: string[] }>();
      expect(tags).toEqual(expect.arrayContaining(GOOD_TAGS));
    });

    it.each([...BAD_TAGS.map((tag) => [tag, tag]), ['129 characters', 'x'.repeat(129)]] as [
      string,
      string,
    ][])('GEN-3 (MUST) %s is no tag', async (_, tag) => {
      const { client } = registry;
      const name = registry.repository('bad-tags');
      const response = await putManifest(client, name, manifest, { reference: tag });
      expectStatus(response, ...(startsStowage ? [400] : [400, 404]));
      if (response.status === 400) errorEntries(response);
      expectStatus(await readManifest(client, name, tag), 400, 404);
      expectStatus(await remove(client, manifestPath(name, tag)), 400, 404);
    });
  });

  describe('digests', () => {
    it.each(BAD_DIGESTS)('GEN-4 (SHOULD) %s is refused with DIGEST_INVALID', async (digest) => {
      const { client } = registry;
      const name = registry.repository('bad-digests');
      expectError(await get(client, blobPath(name, digest)), 400, 'DIGEST_INVALID');
      expectStatus(await head(client, blobPath(name, digest)), 400);
      expectError(await remove(client, blobPath(name, digest)), 400, 'DIGEST_INVALID');
      const { location } = await startUpload(client, name);
      const bytes = randomBytes(32);
      expectError(await closeUpload(client, location, digest, { bytes }), 400, 'DIGEST_INVALID');
      const postOnly = await client.request({
        method: 'POST',
        target: `${uploadsPath(name)}?digest=${encodeURIComponent(digest)}`,
        body: bytes,
      });
      expectError(postOnly, 400, 'DIGEST_INVALID', { elsewhere: [202] });
      for (const algorithm of ['sha256', 'sha512'] as const) {
        expectStatus(await get(client, blobPath(name, digestOf(bytes, algorithm))), 404);
      }
    });

    it.each(BAD_DIGESTS)('GEN-4 (SHOULD) no manifest can be pushed as %s', async (reference) => {
      const content = newContent();
      addImage(content);
      const manifest = content.manifests[0]!;
      const name = registry.repository('bad-digests');
      const response = await putManifest(registry.client, name, manifest, { reference });
      expectError(response, 400, 'DIGEST_INVALID');
    });
  });

  describe('errors', () => {
    const empty = registry.repository('nothing');
    const cases: [what: string, method: string, target: string, number, SpecifiedCode][] = [
      ['an unknown blob', 'GET', blobPath(empty, UNUSED), 404, 'BLOB_UNKNOWN'],
      ['a malformed digest', 'GET', blobPath(empty, 'sha256:x'), 400, 'DIGEST_INVALID'],
      ['an unknown repository', 'GET', tagsPath(empty), 404, 'NAME_UNKNOWN'],
      ['an unknown upload', 'GET', `${uploadsPath(empty)}x`, 404, 'BLOB_UPLOAD_UNKNOWN'],
      ['a wrong method', 'POST', tagsPath(empty), 405, 'UNSUPPORTED'],
      ['a bad page size', 'GET', `${tagsPath(repository)}?n=x`, 400, 'UNSUPPORTED'],
    ];
    for (const [what, method, target, status, code] of cases) {
      it(`GEN-5 (MUST) ${what} is ${status} ${code}`, async () => {
        expectError(await registry.client.request({ method, target }), status, code);
      });
    }

    it('GEN-5 (MUST) an empty manifest is MANIFEST_INVALID', async () => {
      const manifest = { bytes: Buffer.alloc(0), mediaType: 'application/json' };
      const response = await putManifest(registry.client, empty, manifest, { reference: 'latest' });
      expectError(response, 400, 'MANIFEST_INVALID');
    });

    it('GEN-7 (MUST if sent) Warning has code 299, agent - and no date', async () => {
      expect(warningProblem(['299 - "said \\"so\\""', '299 - "twice"'])).toBeUndefined();
      expect(warningProblem(['199 - "other code"'])).toContain('malformed');
      expect(warningProblem(['299 host "other agent"'])).toContain('malformed');
      expect(warningProblem(['299 - "dated" "Wed, 21 Oct 2015 07:28:00 GMT"'])).toContain(
        'malformed',
      );
      expect(warningProblem([`299 - "${'x'.repeat(4096)}"`])).toContain('bytes');
      // The client of these tests applies the same judgement to every answer.
      const response = await get(registry.client, '/v2/');
      expect(warningProblem(response.all('warning'))).toBeUndefined();
    });
  });

  describe('methods', () => {
    const upload = `${uploadsPath(repository)}00000000-0000-4000-8000-000000000000`;
    const cases: [what: string, target: string, wrong: string[], allowed: string[]][] = [
      ['/v2/', '/v2/', ['POST', 'DELETE'], ['GET', 'HEAD']],
      ['a tag list', tagsPath(repository), ['PUT', 'DELETE'], ['GET']],
      [
        'a manifest',
        manifestPath(repository, 'latest'),
        ['POST', 'PATCH'],
        ['GET', 'HEAD', 'PUT', 'DELETE'],
      ],
      ['a blob', blobPath(repository, UNUSED), ['PUT', 'POST'], ['GET', 'HEAD', 'DELETE']],
      ['the uploads of a repository', uploadsPath(repository), ['PUT', 'GET'], ['POST']],
      ['an upload', upload, ['POST'], ['GET', 'PATCH', 'PUT', 'DELETE']],
      ['referrers', referrersPath(repository, UNUSED), ['POST'], ['GET']],
      ['the catalogue', '/v2/_catalog', ['POST'], ['GET']],
    ];
    for (const [what, target, wrong, allowed] of cases) {
      it.each(wrong)(`GEN-12 (our test) %s of ${what} is 405 with Allow`, async (method) => {
        const response = await registry.client.request({ method, target });
        expectError(response, 405, 'UNSUPPORTED');
        const allow = response.get('allow')?.split(/\s*,\s*/) ?? [];
        expect(allow, response.describe()).toEqual(expect.arrayContaining(allowed));
        expect(allow, response.describe()).not.toContain(method);
      });
    }
  });

  describe('HEAD', () => {
    /** Headers that may differ between two answers of the same resource. */
    const VOLATILE = /^(?:date|connection|keep-alive|x-request-id|age)$/i;
    const lasting = (headers: readonly (readonly [string, string])[]): string[] =>
      headers
        .filter(([name]) => !VOLATILE.test(name))
        .map(([name, value]) => `${name.toLowerCase()}: ${value}`)
        .sort();

    it('GEN-13 (MUST) HEAD has the headers of GET and no body', async () => {
      const { client } = registry;
      const name = registry.repository('head');
      const content = newContent();
      const { digest } = addImage(content, { tag: 'latest' });
      await pushContent(client, name, content);
      const large = await pushBlob(client, name, randomBytes(300_000));
      const targets = [
        manifestPath(name, 'latest'),
        manifestPath(name, digest),
        blobPath(name, [...content.blobs.keys()][0]!),
        blobPath(name, large),
        '/v2/',
      ];
      for (const target of targets) {
        const got = expectStatus(await get(client, target, ACCEPT_MANIFESTS), 200);
        const headed = expectStatus(await head(client, target, ACCEPT_MANIFESTS), 200);
        expect(lasting(headed.headers), target).toEqual(lasting(got.headers));
        expectBody(headed, Buffer.alloc(0));
        expectHeader(headed, 'content-length', String(got.body.length));
      }
    });

    it('GEN-13 (MUST) no body follows a HEAD on the connection, found or not', async () => {
      const { client } = registry;
      const authorization = await client.authorization(repository);
      const digest = await pushBlob(client, repository, randomBytes(64));
      const raw = await openRaw(client, 'HEAD, HEAD, GET');
      const targets = [blobPath(repository, digest), blobPath(repository, unknownDigest())];
      const heads = targets.map((target) =>
        requestHead(client, { method: 'HEAD', target, authorization }),
      );
      await raw.write(
        heads.join('') + requestHead(client, { method: 'GET', target: '/v2/', authorization }),
      );
      expect((await raw.response({ toHead: true }))?.status).toBe(200);
      expect((await raw.response({ toHead: true }))?.status).toBe(404);
      expect((await raw.response())?.status).toBe(200);
      expect(raw.unread().length).toBe(0);
    });
  });

  describe('HTTP', () => {
    it('GEN-9 (SHOULD) answers carry Date (RFC 9110 6.6.1)', async () => {
      const response = await get(registry.client, '/v2/');
      expect(Date.parse(response.get('date') ?? '')).not.toBeNaN();
    });

    it('GEN-9 (SHOULD) unknown query parameters are ignored', async () => {
      const digest = await pushBlob(registry.client, repository, randomBytes(32));
      expectStatus(await get(registry.client, `${blobPath(repository, digest)}?a=b&c`), 200);
    });

    it('GEN-9 (SHOULD) a percent-encoded colon in a digest is a colon (RFC 3986 2.1)', async () => {
      const bytes = randomBytes(32);
      const digest = await pushBlob(registry.client, repository, bytes);
      const target = blobPath(repository, encodeURIComponent(digest));
      expectBody(expectStatus(await get(registry.client, target), 200), bytes);
    });

    it('GEN-9 (SHOULD) a target in absolute form is taken (RFC 9112 3.2.2)', async () => {
      const { client } = registry;
      const authorization = await client.authorization(repository);
      const raw = await openRaw(client, 'absolute form');
      const target = `${client.origin.origin}/v2/`;
      await raw.write(requestHead(client, { method: 'GET', target, authorization }));
      expect((await raw.response())?.status).toBe(200);
    });

    it('GEN-9 (SHOULD) a request without Host is 400 (RFC 9112 3.2)', async () => {
      const raw = await openRaw(registry.client, 'no Host');
      await raw.write('GET /v2/ HTTP/1.1\r\n\r\n');
      expect((await raw.response())?.status).toBe(400);
    });
  });

  describe('extensions', () => {
    it('EXT-1 (MAY) extensions are listed', async (context) => {
      const response = expectStatus(await get(registry.client, '/v2/_oci/ext/discover'), 200, 404);
      if (response.status === 404) unsupported(context, 'extensions are not listed');
      const { extensions } = response.json<{
        extensions: { name: string; endpoints: string[] }[];
      }>();
      for (const { name, endpoints } of extensions) {
        expect(name).toMatch(/^_[a-z0-9_]+$/);
        expect(Array.isArray(endpoints)).toBe(true);
      }
    });
  });
});
