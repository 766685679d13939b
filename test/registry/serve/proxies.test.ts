/** Who asks, and under which name they know this server. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectStatus } from '../../conformance/assertions.ts';
import { parseChallenge } from '../../conformance/challenge.ts';
import type { RegistryClient } from '../../conformance/client.ts';
import { addImage, digestOf, MEDIA_TYPES, newContent } from '../../conformance/content.ts';
import { blobPath, manifestPath, startUpload, uploadsPath } from '../../conformance/requests.ts';
import type { LogLine } from '../../support/server.ts';
import { openSocket, readToEnd } from '../http/listening.ts';
import { basic, type ServerWithUsers, startWithUsers, useUsers } from './users.ts';

const TOKENS = { STOWAGE_AUTH__TOKEN__ENABLED: 'true' };

/** A GET from an address of this machine with these header lines, and nothing else. */
async function raw(
  { server }: ServerWithUsers,
  options: { readonly lines: readonly string[]; readonly from?: string; readonly version?: string },
): Promise<string> {
  const { lines, from, version = '1.1' } = options;
  const socket = await openSocket(Number(new URL(server.url).port), from);
  const head = ['GET /v2/ HTTP/'.concat(version), 'Connection: close', ...lines];
  socket.write(`${head.join('\r\n')}\r\n\r\n`);
  return (await readToEnd(socket)).toString('latin1');
}

function realmIn(answer: string): string | undefined {
  const header = /^www-authenticate: (.*)$/im.exec(answer)?.[1];
  return header && parseChallenge([header.trim()])?.parameters.realm;
}

describe('decisions 5: behind a trusted proxy at 127.0.0.1', () => {
  const running = useUsers({
    users: ['ann'],
    env: { ...TOKENS, STOWAGE_HTTP__TRUSTED_PROXIES: '127.0.0.1' },
  });
  let client: RegistryClient;
  let pushes = 0;

  beforeAll(() => {
    client = running().clientOf('ann');
  });

  /** Pushes a blob of its own with these headers and gives the audit line of it. */
  async function audited(headers: Readonly<Record<string, string>>): Promise<LogLine> {
    const body = `blob ${++pushes}`;
    const digest = digestOf(body);
    const target = `${uploadsPath('a/b')}?digest=${digest}`;
    const authorization = basic('ann');
    expectStatus(
      await client.request({ method: 'POST', target, headers, body, authorization }),
      201,
    );
    return await running().server.waitForLog(
      (line) => line.audit === true && line.digest === digest,
    );
  }

  it('the audit log has the address that the proxy names', async () => {
    expect(await audited({})).toMatchObject({ client: '127.0.0.1' });
    const cases = {
      '203.0.113.7': '203.0.113.7',
      '198.51.100.1, 203.0.113.7': '203.0.113.7',
      '203.0.113.7, 127.0.0.1': '203.0.113.7',
      '2001:db8::7': '2001:db8::7',
      'not an address': '127.0.0.1',
      '203.0.113.7, "}{': '127.0.0.1',
    };
    for (const [said, address] of Object.entries(cases)) {
      expect(await audited({ 'x-forwarded-for': said }), said).toMatchObject({ client: address });
    }
  });

  it('the realm has the host and the scheme that the proxy names', async () => {
    const said = [
      'Host: inside:5000',
      'X-Forwarded-Host: registry.example.com',
      'X-Forwarded-Proto: https',
    ];
    const lines = await raw(running(), { lines: said });
    expect(realmIn(lines)).toBe('https://registry.example.com/token');
    // Somebody else says the same.
    const other = await raw(running(), { lines: said, from: '127.0.0.2' });
    expect(realmIn(other)).toBe('http://inside:5000/token');
  });

  it('an address that anybody else names is not believed', async () => {
    const socket = await openSocket(Number(new URL(running().server.url).port), '127.0.0.2');
    const digest = digestOf('from elsewhere');
    socket.write(
      `POST ${uploadsPath('a/b')}?digest=${digest} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n` +
        `Authorization: ${basic('ann')}\r\nX-Forwarded-For: 203.0.113.9\r\nContent-Length: 14\r\n\r\n` +
        'from elsewhere',
    );
    expect((await readToEnd(socket)).toString()).toContain(' 201 ');
    const line = await running().server.waitForLog(({ digest: logged }) => logged === digest);
    expect(line).toMatchObject({ client: '127.0.0.2' });
  });

  it('locations are relative, so that no name has to be known', async () => {
    const { response } = await startUpload(client, 'a/b');
    expect(response.get('location')).toMatch(/^\/v2\/a\/b\/blobs\/uploads\//);
  });

  it('failed log-ins are counted for the client that the proxy names', async () => {
    const attempt = async (address: string, user: string): Promise<number> => {
      const headers = { 'x-forwarded-for': address };
      const authorization = basic(user, 'guess');
      return (await client.request({ target: '/v2/', headers, authorization })).status;
    };
    const statuses: number[] = [];
    for (let i = 0; i < 30; i++) statuses.push(await attempt('198.51.100.66', `user${i}`));
    expect(statuses.at(-1)).toBe(429);
    expect(await attempt('198.51.100.77', 'user-x')).toBe(401);
  });
});

describe('bad input: the Host header', () => {
  const running = useUsers({ users: ['ann'], env: TOKENS });

  it.each([
    ['a name', 'registry.example.com', 'http://registry.example.com/token'],
    ['a name and a port', 'r.example.com:5000', 'http://r.example.com:5000/token'],
    ['an IPv6 address', '[2001:db8::1]:5000', 'http://[2001:db8::1]:5000/token'],
    ['a quotation mark', 'evil"x', 'http://localhost/token'],
    ['another parameter', 'evil",scope="x', 'http://localhost/token'],
    ['a path', 'evil/..', 'http://localhost/token'],
    ['credentials', 'user@evil', 'http://localhost/token'],
    ['a space', 'a b', 'http://localhost/token'],
    ['nothing', '', 'http://localhost/token'],
    ['1,000 letters', 'a'.repeat(1000), 'http://localhost/token'],
  ])('of %s leads nobody astray', async (_, host, realm) => {
    const answer = await raw(running(), { lines: [`Host: ${host}`] });
    expect(answer).toMatch(/^HTTP\/1\.1 401 /);
    expect(realmIn(answer)).toBe(realm);
    expect(answer.match(/^www-authenticate:/gim)).toHaveLength(1);
  });

  it('is needed by HTTP/1.1 and not by HTTP/1.0', async () => {
    expect(await raw(running(), { lines: [] })).toMatch(/^HTTP\/1\.1 400 /);
    const old = await raw(running(), { lines: [], version: '1.0' });
    expect(realmIn(old)).toBe('http://localhost/token');
  });
});

describe('decisions 5: http.external_url', () => {
  let users: ServerWithUsers;
  beforeAll(async () => {
    users = await startWithUsers({
      users: ['ann'],
      env: { ...TOKENS, STOWAGE_HTTP__EXTERNAL_URL: 'https://registry.example.com' },
    });
  });
  afterAll(() => users.stop());

  it('is what realms and locations are made from, whatever the request says', async () => {
    const lines = ['Host: elsewhere', 'X-Forwarded-Host: elsewhere', 'X-Forwarded-Proto: http'];
    expect(realmIn(await raw(users, { lines }))).toBe('https://registry.example.com/token');
    const client = users.clientOf();
    const authorization = basic('ann');
    const locationOf = async (
      method: string,
      target: string,
      body: Uint8Array = new Uint8Array(),
      type: string = MEDIA_TYPES.bytes,
    ): Promise<string> => {
      const headers = { 'content-type': type };
      const answer = await client.request({ method, target, headers, authorization, body });
      expectStatus(answer, 201, 202);
      const location = answer.get('location')!;
      expect(location).toMatch(/^https:\/\/registry\.example\.com\/v2\//);
      return location.slice('https://registry.example.com'.length);
    };
    const content = newContent();
    const image = addImage(content, { tag: 'latest' });
    for (const [digest, bytes] of content.blobs) {
      const opened = await locationOf('POST', uploadsPath('a/b'));
      const patched = await locationOf('PATCH', opened, bytes);
      const stored = await locationOf('PUT', `${patched}?digest=${digest}`);
      expect(stored).toBe(blobPath('a/b', digest));
      const mount = `${uploadsPath('a/c')}?mount=${digest}&from=a/b`;
      expect(await locationOf('POST', mount)).toBe(blobPath('a/c', digest));
    }
    const [{ bytes, mediaType }] = content.manifests as [(typeof content.manifests)[number]];
    const tagged = manifestPath('a/b', 'latest');
    expect(await locationOf('PUT', tagged, bytes, mediaType)).toBe(
      manifestPath('a/b', image.digest),
    );
  });
});
