/** Pushing a blob piece by piece: order, ranges, status, cancelling, resuming. */
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { expectBody, expectError, expectHeader, expectStatus } from './assertions.ts';
import type { RegistryClient } from './client.ts';
import { digestOf } from './content.ts';
import { openRaw, requestHead } from './raw.ts';
import { startsStowage, useRegistry } from './registry.ts';
import {
  blobPath,
  type Chunk,
  closeUpload,
  get,
  head,
  patchUpload,
  remove,
  startUpload,
  uploadStatus,
} from './requests.ts';
import type { RegistryResponse } from './response.ts';

const OCTETS = { 'content-type': 'application/octet-stream' };

describe('beyond', () => {
  const registry = useRegistry();
  const repository = registry.repository();

  /** Opens an upload and sends chunks, one after the other; gives where to go on. */
  async function startWith(...chunks: Buffer[]): Promise<URL> {
    let { location } = await startUpload(registry.client, repository);
    let start = 0;
    for (const bytes of chunks) {
      const response = await patchUpload(registry.client, location, { bytes, start });
      location = expectStatus(response, 202).location();
      start += bytes.length;
    }
    return location;
  }

  /** Closes an upload that should hold exactly `bytes` and reads them back. */
  async function expectHolds(location: URL, bytes: Buffer, rest: Chunk = {}): Promise<void> {
    const { client } = registry;
    const digest = digestOf(bytes);
    expectStatus(await closeUpload(client, location, digest, rest), 201);
    expectBody(await get(client, blobPath(repository, digest)), bytes);
  }

  function expectOutOfOrder(response: RegistryResponse): void {
    expectError(response, 416, 'BLOB_UPLOAD_INVALID');
  }

  describe('opening', () => {
    it('CH-1 (MUST) the opening POST has Content-Length: 0', async () => {
      const { client } = registry;
      const authorization = await client.authorization(repository);
      const raw = await openRaw(client, 'POST with Content-Length: 0');
      const target = `/v2/${repository}/blobs/uploads/`;
      const headers = { 'Content-Length': '0' };
      await raw.write(requestHead(client, { method: 'POST', target, headers, authorization }));
      expect((await raw.response())?.status).toBe(202);
    });

    it.each(['sha256', 'sha512'] as const)(
      'CH-1 (SHOULD) digest-algorithm=%s opens an upload, which either digest may close',
      async (algorithm) => {
        const { client } = registry;
        for (const used of ['sha256', 'sha512'] as const) {
          const bytes = randomBytes(40_000);
          const query = `?digest-algorithm=${algorithm}`;
          const { location } = await startUpload(client, repository, query);
          const patched = await patchUpload(client, location, { bytes, start: 0 });
          const digest = digestOf(bytes, used);
          const put = await closeUpload(client, expectStatus(patched, 202).location(), digest);
          expectHeader(expectStatus(put, 201), 'docker-content-digest', digest);
          expectBody(await get(client, blobPath(repository, digest)), bytes);
        }
      },
    );

    it('CH-1 (SHOULD) an unknown digest-algorithm is refused', async () => {
      const target = `/v2/${repository}/blobs/uploads/?digest-algorithm=md5`;
      const response = await registry.client.request({ method: 'POST', target });
      expectError(response, 400, 'DIGEST_INVALID', { elsewhere: [202] });
    });

    it('CH-2 (SHOULD) OCI-Chunk-Min-Length, if sent, is a length', async () => {
      const { response } = await startUpload(registry.client, repository);
      const minimum = response.get('oci-chunk-min-length');
      if (minimum !== undefined) expect(minimum).toMatch(/^[0-9]+$/);
    });
  });

  describe('chunks', () => {
    it('CH-3 (MUST) each chunk answers 202, Location and the Range so far', async () => {
      const { client } = registry;
      const bytes = randomBytes(150_000);
      let { location } = await startUpload(client, repository);
      let start = 0;
      for (const end of [1, 2, 1024, 65_536, 65_537, 150_000]) {
        const chunk = { bytes: bytes.subarray(start, end), start };
        const response = expectStatus(await patchUpload(client, location, chunk), 202);
        expectHeader(response, 'range', `0-${end - 1}`);
        location = response.location();
        start = end;
      }
      await expectHolds(location, bytes);
    });

    it.each(['bytes 0-9/10', 'bytes=0-9', '0-', '-9', '9-0', '0-9/10', 'a-b', '0x0-0x9'])(
      'CH-3 (MUST) Content-Range: %s is malformed',
      async (range) => {
        const { client } = registry;
        const bytes = randomBytes(10);
        const { location } = await startUpload(client, repository);
        const headers = { ...OCTETS, 'content-range': range };
        const target = location;
        const response = await client.request({ method: 'PATCH', target, headers, body: bytes });
        expectStatus(response, 400, 416);
        const patched = expectStatus(await patchUpload(client, location, { bytes, start: 0 }), 202);
        await expectHolds(patched.location(), bytes);
      },
    );

    it('CH-4 (MUST) the first chunk starts at 0', async () => {
      const { client } = registry;
      const bytes = randomBytes(2000);
      const { location } = await startUpload(client, repository);
      expectOutOfOrder(await patchUpload(client, location, { bytes, start: 1 }));
      const patched = await patchUpload(client, location, { bytes, start: 0 });
      await expectHolds(expectStatus(patched, 202).location(), bytes);
    });

    it.each([
      ['a gap', 1001],
      ['an overlap', 999],
      ['a repetition', 0],
      ['a far-off start', 2 ** 40],
    ])('CH-4 (MUST) %s is 416 and the session stays usable', async (_, start) => {
      const { client } = registry;
      const first = randomBytes(1000);
      const second = randomBytes(1000);
      const location = await startWith(first);
      expectOutOfOrder(await patchUpload(client, location, { bytes: second, start }));
      const status = await uploadStatus(client, location);
      expect(status.range).toBe('0-999');
      const patched = await patchUpload(client, status.location, { bytes: second, start: 1000 });
      await expectHolds(expectStatus(patched, 202).location(), Buffer.concat([first, second]));
    });

    it('CH-5 (MUST) an out-of-order closing PUT is 416 and closes nothing', async () => {
      const { client } = registry;
      const first = randomBytes(1000);
      const second = randomBytes(1000);
      const bytes = Buffer.concat([first, second]);
      const digest = digestOf(bytes);
      const location = await startWith(first);
      for (const start of [0, 999, 1001]) {
        expectOutOfOrder(await closeUpload(client, location, digest, { bytes: second, start }));
        expectStatus(await head(client, blobPath(repository, digest)), 404);
      }
      const { location: next } = await uploadStatus(client, location);
      await expectHolds(next, bytes, { bytes: second, start: 1000 });
    });
  });

  describe('status', () => {
    it('CH-6 (MUST) GET tells the Range, also at the location before', async () => {
      const { client } = registry;
      const { location: opened } = await startUpload(client, repository);
      expect((await uploadStatus(client, opened)).range).toMatch(/^0-(?:0|-1)$/);
      const bytes = randomBytes(3000);
      const patched = await patchUpload(client, opened, { bytes, start: 0 });
      const location = expectStatus(patched, 202).location();
      for (const place of [opened, location]) {
        const status = await uploadStatus(client, place);
        expect(status.range).toBe('0-2999');
      }
      const { location: next } = await uploadStatus(client, opened);
      await expectHolds(next, bytes);
    });
  });

  describe('streams', () => {
    it('CH-7 (MAY) PATCH without Content-Range appends', async () => {
      const { client } = registry;
      const parts = [randomBytes(1000), randomBytes(70_000), randomBytes(1)];
      let { location } = await startUpload(client, repository);
      let total = 0;
      for (const bytes of parts) {
        total += bytes.length;
        const response = expectStatus(await patchUpload(client, location, { bytes }), 202);
        expectHeader(response, 'range', `0-${total - 1}`);
        location = response.location();
      }
      await expectHolds(location, Buffer.concat(parts));
    });
  });

  describe('closing', () => {
    const first = randomBytes(1000);
    const second = randomBytes(500);
    const bytes = Buffer.concat([first, second]);

    it('CH-8 (MUST) PUT may carry the last chunk with its Content-Range', async () => {
      await expectHolds(await startWith(first), bytes, { bytes: second, start: 1000 });
    });

    it('CH-8 (MUST) PUT may carry the last chunk without Content-Range', async () => {
      await expectHolds(await startWith(first), bytes, { bytes: second });
    });

    it('CH-8 (MUST) PUT may be empty', async () => {
      await expectHolds(await startWith(first, second), bytes);
    });

    it('CH-8 (MUST) PUT may carry everything with a Content-Range', async () => {
      await expectHolds(await startWith(), bytes, { bytes, start: 0 });
    });
  });

  describe('lengths', () => {
    it.each(['PATCH', 'PUT'])(
      'CH-9 (our test) %s whose Content-Length is not that of its Content-Range is 400',
      async (method) => {
        const { client } = registry;
        const first = randomBytes(100);
        const second = randomBytes(50);
        const location = await startWith(first);
        for (const range of ['100-150', '100-148', '100-100']) {
          const target = new URL(location);
          if (method === 'PUT') target.searchParams.set('digest', digestOf(second));
          const headers = { ...OCTETS, 'content-range': range };
          const response = await client.request({ method, target, headers, body: second });
          expectError(response, 400, 'SIZE_INVALID', { elsewhere: [416] });
        }
        const status = await uploadStatus(client, location);
        expect(status.range).toBe('0-99');
        await expectHolds(status.location, first);
      },
    );
  });

  describe('cancelling', () => {
    it('CH-10 (SHOULD) DELETE is 204, and then the session is unknown', async () => {
      const { client } = registry;
      const bytes = randomBytes(1000);
      const location = await startWith(bytes);
      expectStatus(await remove(client, location), 204);
      const answers = [
        await get(client, location),
        await patchUpload(client, location, { bytes }),
        await closeUpload(client, location, digestOf(bytes)),
        await remove(client, location),
      ];
      for (const answer of answers) expectError(answer, 404, 'BLOB_UPLOAD_UNKNOWN');
      expectStatus(await head(client, blobPath(repository, digestOf(bytes))), 404);
    });
  });

  describe('resuming', () => {
    /** Sends part of a PATCH and cuts the connection once the registry has some of it. */
    async function sendAndCut(
      client: RegistryClient,
      location: URL,
      { bytes, chunked }: { bytes: Buffer; chunked: boolean },
    ): Promise<void> {
      const authorization = await client.authorization(repository);
      const raw = await openRaw(client, 'cut PATCH');
      const headers = chunked
        ? { ...OCTETS, 'Transfer-Encoding': 'chunked' }
        : { ...OCTETS, 'Content-Length': String(bytes.length) };
      const target = location;
      await raw.write(requestHead(client, { method: 'PATCH', target, headers, authorization }));
      const half = bytes.subarray(0, bytes.length / 2);
      await (chunked ? raw.writeChunk(half) : raw.write(half));
      raw.cut();
    }

    it.each([false, true])(
      'CH-11 (use case) a cut upload goes on where it stopped (chunked body: %s)',
      async (chunked) => {
        const { client } = registry;
        const bytes = randomBytes(4 * 1024 * 1024);
        const { location } = await startUpload(client, repository);
        await sendAndCut(client, location, { bytes, chunked });
        // The registry may still be busy with what it got when the client is back.
        let patched: RegistryResponse | undefined;
        await expect
          .poll(async () => {
            const answer = await get(client, location);
            if (answer.status !== 204) return answer.status;
            const end = Number(answer.get('range')?.slice(2));
            const start = end > 0 ? end + 1 : 0;
            const rest = { bytes: bytes.subarray(start), start };
            patched = await patchUpload(client, answer.location(), rest);
            // Nobody else writes any more, whatever is still on its way to the disk.
            if (startsStowage) expectStatus(patched, 202, 416);
            return patched.status;
          })
          .toBe(202);
        await expectHolds(patched!.location(), bytes);
      },
    );
  });

  describe('writers', () => {
    it('CH-13 (our test) a second writer is refused while the first one writes', async () => {
      const { client } = registry;
      const bytes = randomBytes(4 * 1024 * 1024);
      const half = bytes.length / 2;
      const { location } = await startUpload(client, repository);
      const authorization = await client.authorization(repository);
      const raw = await openRaw(client, 'first writer');
      const headers = { ...OCTETS, 'Content-Length': String(bytes.length) };
      const target = location;
      await raw.write(requestHead(client, { method: 'PATCH', target, headers, authorization }));
      await raw.write(bytes.subarray(0, half));
      // From the first byte that is there on, the first writer holds the session.
      await expect
        .poll(async () => Number((await get(client, location)).get('range')?.slice(2)))
        .toBeGreaterThan(0);

      const other = randomBytes(1000);
      for (const chunk of [
        { bytes: other },
        { bytes: other, start: 0 },
        { bytes: other, start: half },
      ]) {
        const refused = expectStatus(await patchUpload(client, location, chunk), 409, 416);
        expectError(refused, refused.status, 'BLOB_UPLOAD_INVALID');
      }
      const closed = await closeUpload(client, location, digestOf(other), { bytes: other });
      expectError(expectStatus(closed, 409, 416), closed.status, 'BLOB_UPLOAD_INVALID');

      await raw.write(bytes.subarray(half));
      const response = await raw.response();
      expectStatus(response!, 202);
      expectHeader(response!, 'range', `0-${bytes.length - 1}`);
      await expectHolds(new URL(response!.get('location')!, location), bytes);
    });

    it.each([10, 20_000, 500_000])(
      'CH-13 (our test) of many writers of %i bytes one wins, and no bytes are mixed',
      async (size) => {
        const { client } = registry;
        const { location } = await startUpload(client, repository);
        const bodies = Array.from({ length: 8 }, (_, i) => Buffer.alloc(size, i + 1));
        const answers = await Promise.all(
          bodies.map((bytes) => patchUpload(client, location, { bytes, start: 0 })),
        );
        for (const answer of answers) expectStatus(answer, 202, 409, 416);
        const winners = answers.flatMap(({ status }, i) => (status === 202 ? [i] : []));
        expect(winners).toHaveLength(1);
        await expectHolds(answers[winners[0]!]!.location(), bodies[winners[0]!]!);
      },
    );
  });
});
