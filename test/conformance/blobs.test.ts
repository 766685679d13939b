/** Reading blobs: bytes, ranges, conditions, repositories. */
import { randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  expectBody,
  expectDigestHeader,
  expectError,
  expectHeader,
  expectStatus,
} from './assertions.ts';
import { digestOf, unknownDigest } from './content.ts';
import { pushChunked, pushPostOnly, pushPostPut, pushStream } from './push-ways.ts';
import { useRegistry } from './registry.ts';
import { blobPath, get, head, pushBlob } from './requests.ts';

/** Bytes. Registries keep small and large blobs in different places. */
const SIZES = [1, 2048, 16_384, 16_385, 1_048_579];

describe('beyond', () => {
  const registry = useRegistry();
  const repository = registry.repository();

  describe.each(SIZES)('blobs of %i bytes', (size) => {
    const bytes = randomBytes(size);
    const digest = digestOf(bytes);
    const target = blobPath(repository, digest);

    beforeAll(async () => {
      await pushBlob(registry.client, repository, bytes);
    });

    it('BLOB-G1 (MUST) GET and HEAD: bytes, Content-Length, Docker-Content-Digest', async () => {
      const got = expectStatus(await get(registry.client, target), 200);
      expectBody(got, bytes);
      const headed = expectStatus(await head(registry.client, target), 200);
      expectBody(headed, Buffer.alloc(0));
      for (const response of [got, headed]) {
        expectHeader(response, 'content-length', String(size));
        expectDigestHeader(response, digest, true);
      }
    });

    it.each([
      ['the first byte', '0-0', 0, 1],
      ['the last byte', '-1', -1, undefined],
      ['all of it', '0-', 0, undefined],
      ['more than all of it', '-99999999999', 0, undefined],
      ['the second half', undefined, Math.floor(size / 2), undefined],
      ['up to beyond the end', undefined, Math.floor(size / 2), size + 5000],
    ])('BLOB-G3 (SHOULD) %s', async (_, text, from, to) => {
      const range = `bytes=${text ?? `${from}-${to ?? ''}`}`;
      const wanted = bytes.subarray(from, to);
      const response = expectStatus(await get(registry.client, target, { range }), 206);
      expectBody(response, wanted);
      const start = from < 0 ? size + from : from;
      expectHeader(response, 'content-length', String(wanted.length));
      const end = start + wanted.length - 1;
      expectHeader(response, 'content-range', `bytes ${start}-${end}/${size}`);
      expectDigestHeader(response, digest, false);
    });

    it.each([`${size}-`, `${size}-${size + 9}`, '99999999999-', '5-1', '-0'])(
      'BLOB-G4 (suite) the range %s is 416',
      async (text) => {
        const response = await get(registry.client, target, { range: `bytes=${text}` });
        expectStatus(response, 416);
      },
    );

    it('BLOB-G5 (our test) 416 tells the length in Content-Range', async () => {
      const response = await get(registry.client, target, { range: `bytes=${size}-` });
      expectHeader(expectStatus(response, 416), 'content-range', `bytes */${size}`);
    });

    it('BLOB-G5 (our test) If-Range decides between the range and everything', async () => {
      const range = 'bytes=0-0';
      const same = { range, 'if-range': `"${digest}"` };
      expectBody(expectStatus(await get(registry.client, target, same), 206), bytes.subarray(0, 1));
      const other = { range, 'if-range': `"${unknownDigest()}"` };
      expectBody(expectStatus(await get(registry.client, target, other), 200), bytes);
      const weak = { range, 'if-range': `W/"${digest}"` };
      expectBody(expectStatus(await get(registry.client, target, weak), 200), bytes);
    });

    it.each(['bytes=0-0,2-3', 'items=0-5', 'bytes=x-y', 'bytes'])(
      'BLOB-G5 (our test) Range: %s may be ignored, but gives no wrong bytes',
      async (range) => {
        const response = expectStatus(await get(registry.client, target, { range }), 200, 206, 416);
        if (response.status === 200) expectBody(response, bytes);
        if (response.status !== 206) return;
        const multipart = /^multipart\/byteranges/.test(response.get('content-type') ?? '');
        if (!multipart) expectBody(response, bytes.subarray(0, 1));
      },
    );

    it('BLOB-G6 (our test) Accept-Ranges, ETag, Cache-Control', async () => {
      for (const request of [get, head]) {
        const response = expectStatus(await request(registry.client, target), 200);
        expectHeader(response, 'accept-ranges', 'bytes');
        expectHeader(response, 'etag', `"${digest}"`);
        expect(response.get('cache-control') ?? '').toContain('max-age=31536000');
      }
    });

    it('BLOB-G6 (our test) If-None-Match answers 304', async () => {
      const same = { 'if-none-match': `"${digest}"` };
      const response = expectStatus(await get(registry.client, target, same), 304);
      expectBody(response, Buffer.alloc(0));
      const other = { 'if-none-match': `"${unknownDigest()}"` };
      expectBody(expectStatus(await get(registry.client, target, other), 200), bytes);
    });
  });

  it('BLOB-G1 (MUST) a sha512 blob is known by that digest', async () => {
    const { client } = registry;
    const bytes = randomBytes(20_000);
    const digest = await pushBlob(client, repository, bytes, 'sha512');
    const response = expectStatus(await get(client, blobPath(repository, digest)), 200);
    expectBody(response, bytes);
    expectDigestHeader(response, digest, true);
  });

  it('BLOB-G2 (MUST) an unknown blob is 404 BLOB_UNKNOWN', async () => {
    const { client } = registry;
    for (const algorithm of ['sha256', 'sha512'] as const) {
      const target = blobPath(repository, unknownDigest(algorithm));
      expectError(await get(client, target), 404, 'BLOB_UNKNOWN');
      const headed = expectStatus(await head(client, target), 404);
      expectBody(headed, Buffer.alloc(0));
    }
  });

  it('BLOB-G2 (MUST) a blob of another repository is unknown here', async () => {
    const { client } = registry;
    const digest = await pushBlob(client, registry.otherRepository(), randomBytes(100));
    expectError(await get(client, blobPath(repository, digest)), 404, 'BLOB_UNKNOWN');
    expectStatus(await head(client, blobPath(repository, digest)), 404);
  });

  describe('the empty blob', () => {
    const ways = { pushPostPut, pushPostOnly, pushStream, pushChunked };
    for (const algorithm of ['sha256', 'sha512'] as const) {
      it.each(Object.entries(ways))(`BLOB-G7 (suite) ${algorithm} by %s`, async (name, way) => {
        const { client } = registry;
        const place = registry.repository(`empty-${name.toLowerCase()}-${algorithm}`);
        const bytes = Buffer.alloc(0);
        const digest = digestOf(bytes, algorithm);
        const push = { client, repository: place, digest, bytes, requireDigestHeader: true };
        expectStatus(await head(client, blobPath(place, digest)), 404);
        await way(push);
        for (const request of [get, head]) {
          const response = expectStatus(await request(client, blobPath(place, digest)), 200);
          expectHeader(response, 'content-length', '0');
          expectBody(response, bytes);
        }
      });
    }

    it('BLOB-G5 (our test) no byte of it can be asked for', async () => {
      const { client } = registry;
      const digest = await pushBlob(client, repository, Buffer.alloc(0));
      const target = blobPath(repository, digest);
      expectStatus(await get(client, target, { range: 'bytes=0-' }), 416);
    });
  });
});
