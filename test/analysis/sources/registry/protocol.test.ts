/** The small judges of headers and files. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseChallenges } from '../../../../src/analysis/sources/registry/challenge.ts';
import { findCredentials } from '../../../../src/analysis/sources/registry/credentials.ts';
import { shown } from '../../../../src/analysis/sources/registry/errors.ts';
import { nextLink } from '../../../../src/analysis/sources/registry/names.ts';
import {
  parseRetryAfter,
  requestedPause,
} from '../../../../src/analysis/sources/registry/patience.ts';
import { readRateLimits } from '../../../../src/analysis/sources/registry/rate-limits.ts';
import { registryUrl } from '../../../../src/analysis/sources/registry/source.ts';
import { makeTemporary, removeTemporary } from '../../../support/temporary.ts';

test('challenges: several in one header, quoted text with commas and quotes', () => {
  const header =
    'Basic realm="a, \\"b\\"", Bearer realm="https://x/token",service=s ,scope="r:a:pull,push"';
  expect(
    parseChallenges(header).map(({ scheme, parameters }) => [
      scheme,
      Object.fromEntries(parameters),
    ]),
  ).toEqual([
    ['basic', { realm: 'a, "b"' }],
    ['bearer', { realm: 'https://x/token', service: 's', scope: 'r:a:pull,push' }],
  ]);
});

test('challenges: any text ends, and never throws', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom(...'Bearer realm=",\\ \t;é'), maxLength: 60 }),
      (header) => {
        expect(Array.isArray(parseChallenges(header))).toBe(true);
      },
    ),
  );
});

test('Retry-After: seconds, dates, and nothing else', () => {
  const now = Date.parse('Mon, 30 Nov 2026 12:00:00 GMT');
  expect(parseRetryAfter('120', now)).toBe(120_000);
  expect(parseRetryAfter('Mon, 30 Nov 2026 12:00:30 GMT', now)).toBe(30_000);
  expect(parseRetryAfter('Monday, 30-Nov-26 12:00:30 GMT', now)).toBe(30_000);
  expect(parseRetryAfter('Mon, 30 Nov 2026 11:00:00 GMT', now)).toBe(0);
  for (const text of ['-5', '1.5', '', 'soon', '2026-11-30']) {
    expect(parseRetryAfter(text, now)).toBeUndefined();
  }
  expect(requestedPause({ 'x-ratelimit-reset': String(now / 1000 + 7) }, now)).toBe(7000);
  expect(requestedPause({ 'retry-after': '1', 'x-retry-after': String(now / 1000 + 7) }, now)).toBe(
    1000,
  );
});

test('limits of pulls are read with their window', () => {
  expect(
    readRateLimits({ 'ratelimit-limit': '100;w=21600', 'ratelimit-remaining': '76;w=21600' }),
  ).toEqual({ limit: 100, remaining: 76, window: 21_600_000 });
  expect(readRateLimits({ 'ratelimit-remaining': 'many' })).toBeUndefined();
  expect(readRateLimits({})).toBeUndefined();
});

test('Link: the one that is next, relative or not', () => {
  expect(nextLink('</v2/_catalog?n=2&last=b>; rel="next"')).toBe('/v2/_catalog?n=2&last=b');
  expect(nextLink('<https://a/x>; rel=prev, <https://a/y>; title="t"; rel=next')).toBe(
    'https://a/y',
  );
  expect(nextLink('<https://a/x>; rel="prev"')).toBeUndefined();
  expect(nextLink(undefined)).toBeUndefined();
});

test('text of the other side is shown on one line and not at length', () => {
  expect(shown('a\r\n\u001b[31mb\u202ec')).toBe('a [31mb c');
  expect(shown('x'.repeat(1000)).length).toBeLessThan(310);
});

test('a registry is a host, with HTTP on this machine alone', () => {
  expect(registryUrl('127.0.0.1:5000', false).origin).toBe('http://127.0.0.1:5000');
  expect(registryUrl('localhost:5000', false).origin).toBe('http://localhost:5000');
  expect(registryUrl('registry.example', false).origin).toBe('https://registry.example');
  expect(registryUrl('registry.example:5000', true).origin).toBe('http://registry.example:5000');
  for (const text of ['http://user@host', 'host/path', 'http://', 'a b']) {
    expect(() => registryUrl(text, false)).toThrow(/is no registry/);
  }
});

test("Docker's configuration: passwords, tokens, Docker Hub's own name, helpers", async () => {
  const folder = await makeTemporary('docker-config');
  const path = join(folder, 'config.json');
  const auth = (text: string): { auth: string } => ({ auth: Buffer.from(text).toString('base64') });
  await writeFile(
    path,
    JSON.stringify({
      auths: {
        'https://index.docker.io/v1/': auth('hub:a:b'),
        '127.0.0.1:5000': auth('me:secret'),
        'https://token.example/v2/': { identitytoken: 'abc' },
        'kept.example': {},
      },
      credsStore: 'desktop',
      credHelpers: { 'helped.example': 'x' },
    }),
  );
  const find = (host: string) => findCredentials(host, path);
  expect((await find('registry-1.docker.io')).credentials).toEqual({
    username: 'hub',
    password: 'a:b',
  });
  expect((await find('127.0.0.1:5000')).credentials).toEqual({
    username: 'me',
    password: 'secret',
  });
  expect((await find('token.example')).credentials).toEqual({ identityToken: 'abc' });
  expect((await find('helped.example')).note).toMatch(/helper/);
  expect((await find('kept.example')).note).toMatch(/helper/);
  expect(await find('other.example')).toEqual({ credentials: undefined, note: undefined });
  await writeFile(path, '{');
  expect((await find('127.0.0.1:5000')).note).toMatch(/cannot be read/);
  await removeTemporary(folder);
  expect(await find('127.0.0.1:5000')).toEqual({ credentials: undefined, note: undefined });
});
