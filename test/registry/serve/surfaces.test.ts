/** What the server serves where: one address or two, with and without access control. */
import { access, readFile, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectError, expectStatus } from '../../conformance/assertions.ts';
import { parseChallenge } from '../../conformance/challenge.ts';
import { RegistryClient } from '../../conformance/client.ts';
import { addImage, newContent } from '../../conformance/content.ts';
import {
  blobPath,
  closeUpload,
  get,
  manifestPath,
  patchUpload,
  pushContent,
  remove,
  startUpload,
} from '../../conformance/requests.ts';
import { type RunningServer, StartError, startServer } from '../../support/server.ts';
import { makeTemporary, removeTemporary } from '../../support/temporary.ts';
import { basic, startWithUsers } from './users.ts';

const addressFile = async (server: RunningServer) => {
  const path = join(server.dataDir, 'server.json');
  const { mode } = await stat(path);
  return { mode: mode & 0o777, ...JSON.parse(await readFile(path, 'utf8')) };
};

describe('decisions 9: on loopback without auth', () => {
  let server: RunningServer;
  let client: RegistryClient;
  beforeAll(async () => {
    server = await startServer({ env: { STOWAGE_DELETES__ENABLED: 'false' } });
    client = new RegistryClient({ origin: server.url });
  });
  afterAll(async () => {
    client.close();
    await server.stop();
  });

  it.each(['/v2/', '/v2/_catalog', '/metrics', '/api/v1/status', '/livez', '/readyz'])(
    '%s is open to everybody, whatever credentials they send',
    async (target) => {
      expectStatus(await get(client, target), 200);
      for (const authorization of [basic('anybody'), 'Bearer abc', 'Nonsense']) {
        expectStatus(await client.request({ target, authorization }), 200);
      }
    },
  );

  it('there is no token service', async () => {
    expectStatus(await get(client, '/token?service=stowage'), 404);
  });

  it('the health checks say ok, and only to GET and HEAD', async () => {
    for (const target of ['/livez', '/readyz']) {
      const answer = await get(client, target);
      expect([answer.body.toString(), answer.get('content-type')]).toEqual([
        'ok\n',
        'text/plain; charset=utf-8',
      ]);
      const head = await client.request({ method: 'HEAD', target });
      expect([head.status, head.get('content-length')]).toEqual([200, '3']);
      const post = await client.request({ method: 'POST', target });
      expectError(post, 405, 'UNSUPPORTED');
      expect(post.get('allow')).toBe('GET, HEAD');
    }
  });

  it('the address file names the server and is for its owner alone', async () => {
    expect(await addressFile(server)).toMatchObject({
      mode: 0o600,
      url: server.url,
      pid: server.pid,
    });
  });

  it('decisions 6: deletes that are turned off are 405 UNSUPPORTED, and change nothing', async () => {
    const content = newContent();
    const { digest } = addImage(content, { tag: 'latest' });
    await pushContent(client, 'a/b', content);
    const [blob] = content.blobs.keys();
    const there = [
      manifestPath('a/b', 'latest'),
      manifestPath('a/b', digest),
      blobPath('a/b', blob!),
    ];
    for (const target of [...there, manifestPath('a/b', 'none'), blobPath('a/none', blob!)]) {
      const answer = await remove(client, target);
      expectError(answer, 405, 'UNSUPPORTED');
      expect(answer.get('allow')).toBe('GET, HEAD');
    }
    for (const target of there) expectStatus(await get(client, target), 200);
    // Giving up an upload deletes nothing that anybody has.
    const { location } = await startUpload(client, 'a/b');
    expectStatus(await patchUpload(client, location, { bytes: Buffer.from('x') }), 202);
    expectStatus(await remove(client, location), 204);
    expectStatus(await closeUpload(client, location, blob!), 404);
  });
});

describe('decisions 9: admin.listen', () => {
  it('has /api/v1/ and /metrics to itself, and log-ins and health checks too', async () => {
    const users = await startWithUsers({
      users: ['root'],
      env: {
        STOWAGE_ADMIN__LISTEN: '127.0.0.1:0',
        STOWAGE_AUTH__TOKEN__ENABLED: 'true',
        STOWAGE_AUTH__RIGHTS__ADMIN: 'root',
      },
    });
    const { server } = users;
    const { url, mode } = await addressFile(server);
    const main = users.clientOf('root');
    // It logs in as the challenge says, which has to lead somewhere.
    const admin = new RegistryClient({ origin: url, username: 'root', password: 'root-secret' });
    try {
      expect([mode, url === server.url]).toEqual([0o600, false]);
      for (const target of ['/metrics', '/api/v1/status']) {
        expectError(await get(main, target), 404, 'UNSUPPORTED');
        expectStatus(await get(admin, target), 200);
        const refused = await admin.request({ target, authorization: null });
        const challenge = parseChallenge(refused.all('www-authenticate'));
        expect(challenge?.parameters.realm).toBe(`${url}/token`);
      }
      for (const target of ['/v2/', '/v2/_catalog', '/v2/a/tags/list']) {
        expectError(await get(admin, target), 404, 'UNSUPPORTED');
      }
      for (const client of [main, admin]) {
        expectStatus(await get(client, '/livez'), 200);
        expectStatus(await get(client, '/readyz'), 200);
      }
      expectStatus(await get(main, '/v2/_catalog'), 200);
    } finally {
      admin.close();
      await users.stop();
    }
  });

  it('decisions 7: that is taken ends the start, and leaves nothing behind', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const dataDir = await makeTemporary('taken');
    try {
      const { port } = taken.address() as AddressInfo;
      const env = { STOWAGE_ADMIN__LISTEN: `127.0.0.1:${port}` };
      const error = await startServer({ env, dataDir }).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(StartError);
      // It ended by itself: a listener that stayed would have kept it.
      expect((error as StartError).code).toBe(1);
      expect((error as StartError).output).toContain('EADDRINUSE');
      await expect(access(join(dataDir, 'server.json'))).rejects.toThrow('ENOENT');
      await using again = await startServer({ dataDir });
      expect(await addressFile(again)).toMatchObject({ pid: again.pid });
    } finally {
      taken.close();
      await removeTemporary(dataDir);
    }
  });
});
