/** Uploads that lie, stop, or come twice: status, code, and nothing left behind. */
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { expectError, expectStatus } from './assertions.ts';
import { digestOf, unknownDigest } from './content.ts';
import { allocatedBytes } from './disk-use.ts';
import { expectNothingLeft } from './leftovers.ts';
import { openRaw, requestHead } from './raw.ts';
import { startsStowage, useRegistry } from './registry.ts';
import {
  closeUpload,
  closing,
  get,
  patchUpload,
  remove,
  startUpload,
  uploadsPath,
} from './requests.ts';
import type { RegistryResponse } from './response.ts';

const MIB = 1024 * 1024;

describe('beyond', () => {
  const registry = useRegistry();
  let count = 0;
  /** A repository that has nothing yet. */
  const fresh = (): string => registry.repository(`bad-upload-${count++}`);

  describe('wrong digests', () => {
    it.each([
      ['of other bytes', () => unknownDigest()],
      ['of other bytes, sha512', () => unknownDigest('sha512')],
      ['of no bytes', () => digestOf('')],
    ])('bad input: the digest %s is 400 DIGEST_INVALID', async (_, wrong) => {
      const { client } = registry;
      const place = fresh();
      const bytes = randomBytes(50_000);
      const digest = wrong();
      const { location } = await startUpload(client, place);
      expectError(await closeUpload(client, location, digest, { bytes }), 400, 'DIGEST_INVALID');
      const target = `${uploadsPath(place)}?digest=${digest}`;
      const headers = { 'content-type': 'application/octet-stream' };
      const post = await client.request({ method: 'POST', target, headers, body: bytes });
      expectError(post, 400, 'DIGEST_INVALID', { elsewhere: [202] });
      await expectNothingLeft(registry, place, [digest, digestOf(bytes)]);
    });

    it('bad input: two digests in the query are not taken both', async () => {
      const { client } = registry;
      const place = fresh();
      const bytes = randomBytes(100);
      const { location } = await startUpload(client, place);
      const target = closing(location, unknownDigest());
      target.searchParams.append('digest', digestOf(bytes));
      const response = await client.request({ method: 'PUT', target, body: bytes });
      expectError(response, 400, 'DIGEST_INVALID');
      await expectNothingLeft(registry, place, [digestOf(bytes)]);
    });

    it.runIf(startsStowage)('bad input: the bytes of refused uploads leave the disk', async () => {
      const { client, server } = registry;
      const place = fresh();
      const before = await allocatedBytes(server!.dataDir);
      for (let i = 0; i < 4; i++) {
        const { location } = await startUpload(client, place);
        const bytes = randomBytes(8 * MIB);
        const response = await closeUpload(client, location, unknownDigest(), { bytes });
        expectError(response, 400, 'DIGEST_INVALID');
        // Whether the session outlives the refusal or not, after this it is gone.
        expectStatus(await remove(client, location), 204, 404);
      }
      await expect
        .poll(async () => (await allocatedBytes(server!.dataDir)) - before)
        .toBeLessThan(8 * MIB);
    });
  });

  describe('lying lengths', () => {
    /** Sends a request whose framing is written by hand; gives the answer, if any came. */
    async function send(
      target: string | URL,
      request: {
        readonly method: string;
        readonly repository: string;
        readonly headers: readonly (readonly [string, string])[];
        readonly body: string | Uint8Array;
      },
    ): Promise<RegistryResponse | undefined> {
      const { client } = registry;
      const { method, repository } = request;
      const authorization = await client.authorization(repository);
      const raw = await openRaw(client, `${method} with odd framing`);
      const head = requestHead(client, { method, target, authorization });
      const lines = request.headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
      await raw.write(head.replace(/\r\n$/, `${lines}\r\n`));
      await raw.write(request.body);
      raw.end();
      const response = await raw.response();
      return response;
    }

    it('bad input: a body that ends early is 400 SIZE_INVALID or no answer', async () => {
      const { client } = registry;
      const repository = fresh();
      const body = randomBytes(1000);
      const { location } = await startUpload(client, repository);
      for (const [method, target] of [
        ['PUT', closing(location, digestOf(body))],
        ['POST', `${uploadsPath(repository)}?digest=${digestOf(body)}`],
      ] as const) {
        const headers = [['Content-Length', '100000']] as const;
        const response = await send(target, { method, repository, headers, body });
        if (response !== undefined) expectError(response, 400, 'SIZE_INVALID');
      }
      await expectNothingLeft(registry, repository, [digestOf(body)]);
    });

    it.each([
      ['negative', [['Content-Length', '-5']]],
      ['no number', [['Content-Length', 'five']]],
      ['hexadecimal', [['Content-Length', '0x5']]],
      ['beyond all bounds', [['Content-Length', '99999999999999999999999']]],
      [
        'given twice',
        [
          ['Content-Length', '5'],
          ['Content-Length', '6'],
        ],
      ],
      [
        'given beside chunks',
        [
          ['Content-Length', '5'],
          ['Transfer-Encoding', 'chunked'],
        ],
      ],
    ] as const)('bad input: a Content-Length that is %s is 400', async (_, headers) => {
      const { client } = registry;
      const repository = fresh();
      const { location } = await startUpload(client, repository);
      const body = '5\r\nhello\r\n0\r\n\r\n';
      const target = closing(location, digestOf('hello'));
      const response = await send(target, { method: 'PUT', repository, headers, body });
      if (response !== undefined) expectStatus(response, 400, 501);
      await expectNothingLeft(registry, repository, [digestOf('hello'), digestOf(body)]);
    });

    it.each([
      ['a size that is none', 'zz\r\nhello\r\n0\r\n\r\n'],
      ['a size without end', `${'f'.repeat(100)}\r\nhello`],
      ['a chunk that is too long', '2\r\nhello\r\n0\r\n\r\n'],
      ['no last chunk', '5\r\nhello\r\n'],
    ])('bad input: a chunked body with %s is 400 or no answer', async (_, body) => {
      const { client } = registry;
      const repository = fresh();
      const headers = [['Transfer-Encoding', 'chunked']] as const;
      const { location } = await startUpload(client, repository);
      const target = closing(location, digestOf('hello'));
      const response = await send(target, { method: 'PUT', repository, headers, body });
      if (response !== undefined) expectStatus(response, 400);
      await expectNothingLeft(registry, repository, [digestOf('hello'), digestOf('he')]);
    });

    it('bad input: an unknown Transfer-Encoding is 400 or 501', async () => {
      const { client } = registry;
      const repository = fresh();
      const headers = [['Transfer-Encoding', 'gzip']] as const;
      const { location } = await startUpload(client, repository);
      const target = closing(location, digestOf('hello'));
      const response = await send(target, { method: 'PUT', repository, headers, body: 'hello' });
      if (response !== undefined) expectStatus(response, 400, 501);
      await expectNothingLeft(registry, repository, [digestOf('hello')]);
    });

    it('bad input: a Content-Range that is not the body is 400 SIZE_INVALID', async () => {
      const { client } = registry;
      const repository = fresh();
      const bytes = randomBytes(100);
      const { location } = await startUpload(client, repository);
      for (const range of ['0-98', '0-100', '0-0', `0-${2 ** 40}`]) {
        const headers = { 'content-range': range };
        const request = { method: 'PATCH', target: location, headers, body: bytes };
        expectError(await client.request(request), 400, 'SIZE_INVALID', { elsewhere: [416] });
      }
      await expectNothingLeft(registry, repository, [digestOf(bytes)]);
    });

    it('bad input: a chunked body longer than its Content-Range is 400 SIZE_INVALID', async () => {
      const { client } = registry;
      const repository = fresh();
      const bytes = randomBytes(100);
      const { location } = await startUpload(client, repository);
      const headers = { 'content-range': '0-49' };
      const request = { method: 'PATCH', target: location, headers, chunks: [bytes] };
      expectError(await client.request(request), 400, 'SIZE_INVALID', { elsewhere: [416, 202] });
      await expectNothingLeft(registry, repository, [digestOf(bytes)]);
    });
  });

  describe('order', () => {
    it('bad input: chunks out of order are 416 BLOB_UPLOAD_INVALID', async () => {
      const { client } = registry;
      const repository = fresh();
      const bytes = randomBytes(100);
      const { location } = await startUpload(client, repository);
      for (const start of [1, 100, 2 ** 40]) {
        const response = await patchUpload(client, location, { bytes, start });
        expectError(response, 416, 'BLOB_UPLOAD_INVALID');
      }
      expectStatus(await remove(client, location), 204);
      expectStatus(await get(client, location), 404);
      await expectNothingLeft(registry, repository, [digestOf(bytes)]);
    });

    it('bad input: of two that close an upload at once only one may', async () => {
      const { client } = registry;
      const repository = fresh();
      const { location } = await startUpload(client, repository);
      const bodies = [Buffer.alloc(400_000, 1), Buffer.alloc(400_000, 2)];
      const answers = await Promise.all(
        bodies.map((bytes) => closeUpload(client, location, digestOf(bytes), { bytes })),
      );
      for (const answer of answers) expectStatus(answer, 201, 404, 409, 416);
      expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
      for (const [i, bytes] of bodies.entries()) {
        const target = `/v2/${repository}/blobs/${digestOf(bytes)}`;
        const served = await get(client, target);
        expectStatus(served, answers[i]!.status === 201 ? 200 : 404);
      }
    });

    it('bad input: an upload cancelled under a writer is gone for both', async () => {
      const { client } = registry;
      const repository = fresh();
      const bytes = randomBytes(2 * MIB);
      const { location } = await startUpload(client, repository);
      const authorization = await client.authorization(repository, 'pull,push,delete');
      const raw = await openRaw(client, 'PATCH of an upload that is cancelled');
      const headers = { 'Content-Length': String(bytes.length) };
      const target = location;
      await raw.write(requestHead(client, { method: 'PATCH', target, headers, authorization }));
      await raw.write(bytes.subarray(0, MIB));
      const cancelled = expectStatus(await remove(client, location), 204, 409);
      await raw.write(bytes.subarray(MIB));
      const response = await raw.response();
      if (cancelled.status === 204) {
        if (response !== undefined) expectStatus(response, 202, 404, 409, 416);
        expectStatus(await get(client, location), 404);
      } else {
        expectStatus(response!, 202);
        expectStatus(await remove(client, location), 204);
      }
      await expectNothingLeft(registry, repository, [digestOf(bytes)]);
    });
  });
});
