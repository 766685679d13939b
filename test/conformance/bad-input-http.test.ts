/** Requests that try paths and headers: status, code, and nothing left behind. */
import { describe, expect, it } from 'vitest';
import { errorEntries, expectError, expectStatus } from './assertions.ts';
import { MEDIA_TYPES, unknownDigest } from './content.ts';
import { expectNothingLeft } from './leftovers.ts';
import { openRaw, requestHead } from './raw.ts';
import { startsStowage, useRegistry } from './registry.ts';
import type { RegistryResponse } from './response.ts';

const UNUSED = `sha256:${'b'.repeat(64)}`;

describe('beyond', () => {
  const registry = useRegistry();
  const repository = registry.repository();

  /** Sends a target byte for byte. */
  async function send(
    method: string,
    target: string,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<RegistryResponse> {
    const { client } = registry;
    const authorization = await client.authorization(repository);
    const raw = await openRaw(client, `${method} ${target.slice(0, 100)}`);
    await raw.write(requestHead(client, { method, target, headers, authorization }));
    const response = await raw.response({ toHead: method === 'HEAD' });
    return response!;
  }

  describe('names', () => {
    const NAMES = [
      '..',
      '.',
      'a/..',
      'a/../b',
      '../a',
      'a/./b',
      '%2e%2e',
      'a/%2e%2e/b',
      'a%2Fb',
      'a%2f..%2fb',
      'a//b',
      '/a',
      '//a',
      'a/',
      'a%00',
      'a%00b',
      'a%0d%0aX: y'.replace(' ', '%20'),
      'a%5cb',
      'a\\b',
      'a;b',
      'a%252fb',
      'a%',
      'a%zz',
      'a%ff',
      'a*',
    ];
    /** With a prefix that is fine, so that only the trick can be the reason. */
    it.each([...NAMES.map((name) => [name, name]), ['of 5,000 characters', 'a'.repeat(5000)]] as [
      string,
      string,
    ][])('bad input: the name %s is 400 NAME_INVALID', async (_, name) => {
      const place = `${repository}/${name}`;
      const requests: [string, string][] = [
        ['GET', `/v2/${place}/tags/list`],
        ['GET', `/v2/${place}/manifests/latest`],
        ['GET', `/v2/${place}/blobs/${UNUSED}`],
        ['GET', `/v2/${place}/referrers/${UNUSED}`],
        ['POST', `/v2/${place}/blobs/uploads/`],
      ];
      for (const [method, target] of requests) {
        const response = await send(
          method,
          target,
          method === 'POST' ? { 'Content-Length': '0' } : {},
        );
        // Other registries may clean the path and redirect, or not route it at all.
        expectError(response, 400, 'NAME_INVALID', {
          elsewhere: [200, 202, 301, 307, 308, 404, 405, 414],
        });
      }
      await expectNothingLeft(registry, repository);
    });

    it('bad input: an empty name is 400 NAME_INVALID', async () => {
      const response = await send('GET', '/v2//tags/list');
      expectError(response, 400, 'NAME_INVALID', { elsewhere: [301, 307, 308, 404] });
    });
  });

  describe('references', () => {
    const TRICKS = [
      '..',
      '../x',
      '%2e%2e',
      '%2e%2e%2fx',
      'a%2fb',
      'a%00',
      '%00',
      'a%0a',
      '.',
      'a%5cb',
    ];

    it.each(TRICKS)('bad input: the tag %s is refused', async (tag) => {
      for (const method of ['GET', 'PUT', 'DELETE']) {
        const headers = { 'Content-Type': MEDIA_TYPES.manifest, 'Content-Length': '0' };
        const response = await send(method, `/v2/${repository}/manifests/${tag}`, headers);
        expectStatus(response, 400, 404, 405, ...(startsStowage ? [] : [301, 307, 308]));
        if (startsStowage) errorEntries(response);
      }
      await expectNothingLeft(registry, repository);
    });

    it.each([
      '..',
      '../x',
      '%2e%2e',
      'sha256:..%2f..%2fx',
      `${UNUSED}%00`,
      `${UNUSED}/x`,
      `sha256:${'../'.repeat(21)}x`,
    ])('bad input: the digest %s is refused', async (digest) => {
      for (const method of ['GET', 'HEAD', 'DELETE']) {
        const response = await send(method, `/v2/${repository}/blobs/${digest}`);
        expectStatus(response, 400, 404, 405, ...(startsStowage ? [] : [301, 307, 308]));
      }
      await expectNothingLeft(registry, repository);
    });

    it.each(['..', '../..', '%2e%2e', '..%2f..%2fx', '%00', 'a/b', 'a%2fb', '*', '~'])(
      'bad input: the upload %s is unknown',
      async (id) => {
        for (const method of ['GET', 'PATCH', 'PUT', 'DELETE']) {
          const query = method === 'PUT' ? `?digest=${UNUSED}` : '';
          const target = `/v2/${repository}/blobs/uploads/${id}${query}`;
          const response = await send(method, target, { 'Content-Length': '0' });
          expectStatus(response, 400, 404, 405, ...(startsStowage ? [] : [301, 307, 308]));
          if (startsStowage) errorEntries(response);
        }
        await expectNothingLeft(registry, repository);
      },
    );

    it.each([
      '/v2/..',
      '/v2/../..',
      '/..',
      '//',
      '/v2',
      '/v2/%2e%2e/',
      '/v2x/',
      '/V2/',
      '/v2/_catalog/',
      '/v2/_catalog/x',
      '/v2/a',
      '/v2/a/b/c',
      '/v2/a/tags',
      '/v2/a/tags/list/',
      '/v2/a/tags/x',
      '/v2/a/blobs/uploads',
      `/v2/a/blobs/${UNUSED}/x`,
      '*',
      '%2fv2%2f',
    ])('bad input: %s is no route, or leads to one', async (target) => {
      const response = await send('GET', target);
      expectStatus(response, 200, 301, 307, 308, 400, 404, 405);
      if (target.includes('..')) expect(response.status, response.describe()).not.toBe(200);
    });
  });

  describe('headers', () => {
    it.each([
      ['one header of 1 MiB', { 'X-Filler': 'f'.repeat(1024 * 1024) }],
      [
        '10,000 headers',
        Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`X-${i}`, 'f'])),
      ],
      ['a header name of 1 MiB', { ['x'.repeat(1024 * 1024)]: 'f' }],
    ])('bad input: %s is 431 NAME_INVALID', async (_, headers) => {
      const response = await send('GET', '/v2/', headers);
      expectError(response, 431, 'NAME_INVALID');
      await expectNothingLeft(registry, repository);
    });

    it('bad input: too many headers are 431 NAME_INVALID before they end', async () => {
      const { client } = registry;
      const raw = await openRaw(client, 'unfinished headers');
      const lines = Array.from({ length: 1500 }, (_, i) => `X-${i}: ${'f'.repeat(1000)}\r\n`);
      await raw.write(`GET /v2/ HTTP/1.1\r\nHost: ${client.origin.host}\r\n${lines.join('')}`);
      const response = await raw.response();
      expectError(response!, 431, 'NAME_INVALID');
    });

    it('bad input: headers that never end are 431, or the connection is cut', async () => {
      const { client } = registry;
      const raw = await openRaw(client, 'endless headers');
      await raw.write(`GET /v2/ HTTP/1.1\r\nHost: ${client.origin.host}\r\n`);
      let over = false;
      const answer = raw.response().finally(() => {
        over = true;
      });
      for (let i = 0; !over; i++) {
        expect(i, 'headers of 1,000 bytes taken').toBeLessThan(100_000);
        // Once the other side reads no more, the system takes no more either.
        await Promise.race([raw.write(`X-${i}: ${'f'.repeat(1000)}\r\n`), answer]);
      }
      const response = await answer;
      if (response !== undefined) expectStatus(response, 431);
      await expectNothingLeft(registry, repository);
    });

    it('bad input: a target of 1 MiB is 414 or 431 NAME_INVALID', async () => {
      const response = await send('GET', `/v2/${'a'.repeat(1024 * 1024)}/tags/list`);
      expectError(expectStatus(response, 414, 431), response.status, 'NAME_INVALID');
    });

    it.each([
      ['no HTTP', 'GARBAGE\r\n\r\n'],
      ['half a request line', 'GET\r\n\r\n'],
      ['an unknown version', 'GET /v2/ HTTP/9.9\r\nHost: x\r\n\r\n'],
      ['a space before the colon', 'GET /v2/ HTTP/1.1\r\nHost : x\r\n\r\n'],
      ['a NUL in a header', 'GET /v2/ HTTP/1.1\r\nHost: x\r\nX-A: a\0b\r\n\r\n'],
      ['a TLS handshake on a plain port', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
      ['two Hosts', 'GET /v2/ HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n'],
    ])('bad input: %s is 4XX or a closed connection, and the server lives', async (_, text) => {
      const { client } = registry;
      const raw = await openRaw(client, 'malformed request');
      await raw.write(Buffer.from(text, 'latin1'));
      raw.end();
      const response = await raw.response();
      if (response !== undefined) expectStatus(response, 400, 401, 505);
      await expectNothingLeft(registry, repository, [unknownDigest()]);
    });

    it.each([
      ['a huge position', 'Range', 'bytes=99999999999999999999999-'],
      ['2,000 ranges', 'Range', `bytes=${'0-1,'.repeat(2000)}0-1`],
      ['5,000 quotation marks', 'If-None-Match', '"'.repeat(5000)],
      ['800 types', 'Accept', `${'a/b;q=0.1,'.repeat(800)}*/*`],
      ['no token', 'Authorization', 'Bearer'],
      ['6,000 letters', 'Authorization', `Basic ${'A'.repeat(6000)}`],
      ['semicolons', 'Content-Type', ';;;;'],
      ['a length', 'Content-Length', '0'],
      ['another expectation', 'Expect', '200-ok'],
    ])('bad input: %s in %s breaks nothing', async (_, name, value) => {
      const headers = { [name]: value };
      const { client } = registry;
      const raw = await openRaw(client, `${name}: ${value.slice(0, 50)}`);
      const target = `/v2/${repository}/blobs/${UNUSED}`;
      await raw.write(requestHead(client, { method: 'GET', target, headers }));
      const response = await raw.response();
      expectStatus(response!, 400, 401, 404, 416, 417);
      await expectNothingLeft(registry, repository);
    });
  });
});
