/** Pushing a blob in one piece, and what upload sessions promise however they are used. */
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  expectBody,
  expectDigestHeader,
  expectError,
  expectHeader,
  expectStatus,
  unsupported,
} from './assertions.ts';
import { digestOf, unknownDigest } from './content.ts';
import { allocatedBytes } from './disk-use.ts';
import { type BlobPush, pushChunked, pushPostOnly, pushPostPut, pushStream } from './push-ways.ts';
import { openRaw, requestHead } from './raw.ts';
import { startsStowage, useRegistry } from './registry.ts';
import {
  blobPath,
  closeUpload,
  closing,
  get,
  head,
  patchUpload,
  pushBlob,
  remove,
  startUpload,
  uploadStatus,
  uploadsPath,
} from './requests.ts';

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/i;
const OCTETS = { 'content-type': 'application/octet-stream' };

describe('beyond', () => {
  const registry = useRegistry();
  const repository = registry.repository();

  async function expectAbsent(...digests: string[]): Promise<void> {
    for (const digest of digests) {
      expectStatus(await head(registry.client, blobPath(repository, digest)), 404);
    }
  }

  describe('opening', () => {
    it('UP-1 (MUST) POST is 202 with a Location that no other upload has', async () => {
      const first = await startUpload(registry.client, repository);
      const second = await startUpload(registry.client, repository);
      const ids = [first, second].map(({ location }) => UUID.exec(location.href)?.[0]);
      expect(ids[0], first.location.href).toBeDefined();
      expect(ids[1]).not.toBe(ids[0]);
    });

    it.runIf(startsStowage)('UP-1 (our choice) Location is relative', async () => {
      const { response } = await startUpload(registry.client, repository);
      expect(response.get('location')).toMatch(/^\/v2\//);
    });

    it('UP-8 (MAY) Docker-Upload-UUID names the upload', async () => {
      const { location, response } = await startUpload(registry.client, repository);
      const id = response.get('docker-upload-uuid');
      expect(id).toMatch(UUID);
      expect(location.href).toContain(id);
    });
  });

  describe('in one piece', () => {
    it.each(['sha256', 'sha512'] as const)(
      'UP-2 (MUST) PUT of everything, %s',
      async (algorithm) => {
        const { client } = registry;
        const bytes = randomBytes(100_000);
        const digest = digestOf(bytes, algorithm);
        const { location } = await startUpload(client, repository);
        const response = expectStatus(await closeUpload(client, location, digest, { bytes }), 201);
        expectDigestHeader(response, digest, true);
        expectBody(expectStatus(await get(client, response.location()), 200), bytes);
      },
    );

    it.each(['application/x-www-form-urlencoded', 'text/plain', 'multipart/form-data; boundary=x'])(
      'UP-2 (our test) the body is taken whatever its type: %s',
      async (type) => {
        const { client } = registry;
        const bytes = Buffer.from(
          `a=b&digest=sha256:${'0'.repeat(64)}&c=${randomBytes(8).toString('hex')}`,
        );
        const digest = digestOf(bytes);
        const { location } = await startUpload(client, repository);
        const response = await client.request({
          method: 'PUT',
          target: closing(location, digest),
          headers: { 'content-type': type },
          body: bytes,
        });
        expectStatus(response, 201);
        expectBody(await get(client, blobPath(repository, digest)), bytes);
      },
    );

    const ways: [name: string, (push: BlobPush) => Promise<unknown>][] = [
      ['POST', pushPostOnly],
      ['POST and PUT', pushPostPut],
      ['chunks', pushChunked],
      ['chunks, the last on PUT', (push) => pushChunked(push, { putLast: true })],
      ['a stream', pushStream],
    ];
    it.each(ways)('UP-3 (suite) the Location given for %s serves the bytes', async (_, way) => {
      const bytes = randomBytes(4000);
      const digest = digestOf(bytes);
      await way({ client: registry.client, repository, bytes, digest, requireDigestHeader: true });
      expectBody(await get(registry.client, blobPath(repository, digest)), bytes);
    });

    it.each(ways)('UP-4 (suite) a wrong digest by %s leaves nothing to read', async (_, way) => {
      const bytes = randomBytes(20_000);
      const digest = unknownDigest();
      const { client } = registry;
      const push = { client, repository, bytes, digest, requireDigestHeader: true };
      await way({ ...push, badDigest: true });
      await expectAbsent(digest, digestOf(bytes), digestOf(bytes, 'sha512'));
    });

    it('UP-4 (suite) a wrong digest is DIGEST_INVALID', async () => {
      const { client } = registry;
      const bytes = randomBytes(100);
      const { location } = await startUpload(client, repository);
      const response = await closeUpload(client, location, unknownDigest(), { bytes });
      expectError(response, 400, 'DIGEST_INVALID');
    });

    it('UP-5 (MAY) POST takes the whole blob', async (context) => {
      const { client } = registry;
      const bytes = randomBytes(50_000);
      const digest = digestOf(bytes);
      const push = { client, repository, bytes, digest, requireDigestHeader: true };
      if ((await pushPostOnly(push)) === 'fallback') unsupported(context, 'POST takes no content');
      expectHeader(await head(client, blobPath(repository, digest)), 'content-length', '50000');
    });
  });

  describe('lengths', () => {
    it('UP-6 (our test) a body shorter than its Content-Length is not taken', async () => {
      const { client } = registry;
      const bytes = randomBytes(1000);
      const digest = digestOf(bytes);
      const { location } = await startUpload(client, repository);
      const authorization = await client.authorization(repository);
      const raw = await openRaw(client, 'short body');
      const target = closing(location, digest);
      const headers = { ...OCTETS, 'Content-Length': '1500' };
      await raw.write(requestHead(client, { method: 'PUT', target, headers, authorization }));
      await raw.write(bytes);
      raw.end();
      const response = await raw.response();
      if (response !== undefined) expectError(response, 400, 'SIZE_INVALID');
      await expectAbsent(digest);
    });

    it('UP-6 (our test) of a body longer than its Content-Length the rest is no content', async () => {
      const { client } = registry;
      const bytes = Buffer.concat([randomBytes(600), Buffer.from('\x01not a request\r\n\r\n')]);
      const { location } = await startUpload(client, repository);
      const authorization = await client.authorization(repository);
      const raw = await openRaw(client, 'long body');
      const target = closing(location, digestOf(bytes));
      const headers = { ...OCTETS, 'Content-Length': '600' };
      await raw.write(requestHead(client, { method: 'PUT', target, headers, authorization }));
      await raw.write(bytes);
      const response = await raw.response();
      // The rest, which is no request, may spoil the answer to the first one.
      expectStatus(response!, 400);
      expect((await raw.response())?.status ?? 400).toBe(400);
      expect(await raw.closed(10_000)).toBe(true);
      await expectAbsent(digestOf(bytes), digestOf(bytes.subarray(0, 600)));
    });

    it('UP-6 (our test) a cut connection leaves the session', async () => {
      const { client } = registry;
      const bytes = randomBytes(200_000);
      const digest = digestOf(bytes);
      const { location } = await startUpload(client, repository);
      const authorization = await client.authorization(repository);
      const raw = await openRaw(client, 'cut PUT');
      const headers = { ...OCTETS, 'Content-Length': String(bytes.length) };
      const target = closing(location, digest);
      await raw.write(requestHead(client, { method: 'PUT', target, headers, authorization }));
      await raw.write(bytes.subarray(0, 100_000));
      raw.cut();
      await expectAbsent(digest);
      await expect.poll(async () => (await get(client, location)).status).toBe(204);
    });
  });

  describe('sessions', () => {
    const unknown = '00000000-0000-4000-8000-000000000000';

    /** Whatever can be asked of an upload. */
    async function askAll(location: URL): Promise<void> {
      const { client } = registry;
      const bytes = randomBytes(10);
      const answers = [
        await get(client, location),
        await patchUpload(client, location, { bytes }),
        await closeUpload(client, location, digestOf(bytes), { bytes }),
        await remove(client, location),
      ];
      for (const answer of answers) expectError(answer, 404, 'BLOB_UPLOAD_UNKNOWN');
    }

    it.each([
      ['of zeros', unknown],
      ['x', 'x'],
      ['_', '_'],
      ['of 300 characters', 'a'.repeat(300)],
    ])('UP-7 (our test) the session %s is unknown', async (_, id) => {
      await askAll(new URL(`${uploadsPath(repository)}${id}`, registry.client.origin));
    });

    it('UP-7 (our test) a closed session is unknown', async () => {
      const { client } = registry;
      const bytes = randomBytes(10);
      const { location } = await startUpload(client, repository);
      expectStatus(await closeUpload(client, location, digestOf(bytes), { bytes }), 201);
      await askAll(location);
    });

    it('UP-7 (decisions 4) a session works in its own repository only', async () => {
      const { client } = registry;
      const { location } = await startUpload(client, repository);
      const moved = new URL(location);
      moved.pathname = location.pathname.replace(repository, registry.otherRepository());
      await askAll(moved);
      expectStatus(await get(client, location), 204);
    });

    it('UP-7 (our test) a closing PUT without a digest is 400 and closes nothing', async () => {
      const { client } = registry;
      const bytes = randomBytes(10);
      const { location } = await startUpload(client, repository);
      const patched = expectStatus(await patchUpload(client, location, { bytes }), 202);
      const put = await client.request({ method: 'PUT', target: patched.location() });
      expectError(put, 400, 'DIGEST_INVALID');
      const status = await uploadStatus(client, patched.location());
      expect(status.last).toBe(9);
      expectStatus(await closeUpload(client, status.location, digestOf(bytes)), 201);
    });
  });

  describe('de-duplication', () => {
    it('UP-9 (MUST) eight clients may push the same blob at once', async () => {
      const { client } = registry;
      const bytes = randomBytes(300_000);
      const places = Array.from({ length: 8 }, (_, i) =>
        i < 4 ? repository : `${repository}-${i}`,
      );
      const digests = await Promise.all(places.map((place) => pushBlob(client, place, bytes)));
      for (const [i, digest] of digests.entries()) {
        expectBody(await get(client, blobPath(places[i]!, digest)), bytes);
      }
    });

    it.runIf(startsStowage)('UP-9 (MUST) one copy is kept, whoever pushed it', async () => {
      const { client, server } = registry;
      const bytes = randomBytes(8 * 1024 * 1024);
      await pushBlob(client, repository, bytes);
      const before = await allocatedBytes(server!.dataDir);
      for (const place of [repository, `${repository}-b`, registry.otherRepository()]) {
        await pushBlob(client, place, bytes);
      }
      await expect
        .poll(async () => (await allocatedBytes(server!.dataDir)) - before)
        .toBeLessThan(bytes.length);
    });
  });

  describe('bodies', () => {
    it.each(['PATCH', 'PUT'])('UP-10 (our test) %s waits for 100 Continue', async (method) => {
      const { client } = registry;
      const bytes = randomBytes(5000);
      const { location } = await startUpload(client, repository);
      const target = method === 'PUT' ? closing(location, digestOf(bytes)) : location;
      // The client holds the body back until the interim answer has come.
      const response = await client.request({
        method,
        target,
        headers: OCTETS,
        body: bytes,
        expectContinue: true,
      });
      expectStatus(response, method === 'PUT' ? 201 : 202);
      if (method === 'PUT') return;
      expectStatus(await closeUpload(client, response.location(), digestOf(bytes)), 201);
    });

    it('UP-10 (our test) a refused request is answered without its body', async () => {
      const { client } = registry;
      const authorization = await client.authorization(repository);
      const raw = await openRaw(client, 'PATCH of an unknown session, its body held back');
      const target = `${uploadsPath(repository)}00000000-0000-4000-8000-000000000000`;
      const headers = { ...OCTETS, 'Content-Length': '5000', Expect: '100-continue' };
      await raw.write(requestHead(client, { method: 'PATCH', target, headers, authorization }));
      const response = await raw.response({ timeoutMs: 5000 });
      expectError(response!, 404, 'BLOB_UPLOAD_UNKNOWN');
    });

    it('UP-10 (our test) chunked bodies are taken by PATCH and PUT', async () => {
      const { client } = registry;
      const chunks = [randomBytes(1), randomBytes(70_000), randomBytes(3)];
      const more = [randomBytes(10), randomBytes(200)];
      const digest = digestOf(Buffer.concat([...chunks, ...more]));
      const { location } = await startUpload(client, repository);
      const patched = await client.request({
        method: 'PATCH',
        target: location,
        headers: OCTETS,
        chunks,
      });
      expectHeader(expectStatus(patched, 202), 'range', '0-70003');
      const target = closing(patched.location(), digest);
      const put = await client.request({ method: 'PUT', target, headers: OCTETS, chunks: more });
      expectStatus(put, 201);
      expectBody(
        await get(client, blobPath(repository, digest)),
        Buffer.concat([...chunks, ...more]),
      );
    });

    it('UP-10 (our test) POST takes a chunked body as well', async (context) => {
      const { client } = registry;
      const chunks = [randomBytes(100), randomBytes(100)];
      const digest = digestOf(Buffer.concat(chunks));
      const target = `${uploadsPath(repository)}?digest=${digest}`;
      const response = await client.request({ method: 'POST', target, headers: OCTETS, chunks });
      if (response.status === 202) unsupported(context, 'POST takes no content');
      expectStatus(response, 201);
      expectBody(await get(client, blobPath(repository, digest)), Buffer.concat(chunks));
    });
  });
});
