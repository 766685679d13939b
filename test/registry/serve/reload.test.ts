/** SIGHUP: access rules that change while clients are at work. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hash } from 'bcryptjs';
import { describe, expect, it } from 'vitest';
import { expectError, expectStatus } from '../../conformance/assertions.ts';
import { RegistryClient } from '../../conformance/client.ts';
import { blobPath, get, pushBlob, uploadsPath } from '../../conformance/requests.ts';
import { type LogLine, type RunningServer, startServer } from '../../support/server.ts';
import { makeTemporary, removeTemporary } from '../../support/temporary.ts';

interface Rules {
  readonly actions: readonly string[];
  readonly catalog: readonly string[];
}

function configOf(htpasswd: string, { actions, catalog }: Rules): string {
  return `auth:
  htpasswd: ${htpasswd}
  token: {enabled: true}
  policies:
    - {repositories: ["team/**"], users: [ann], actions: [${actions.join(', ')}]}
  rights: {catalog: [${catalog.join(', ')}]}
`;
}

describe('decisions 5: SIGHUP', () => {
  it('changes what tokens that are out already may do', async () => {
    const folder = await makeTemporary('sighup');
    const [file, htpasswd] = [join(folder, 'stowage.yaml'), join(folder, 'htpasswd')];
    const rule = (rules: Rules): Promise<void> => writeFile(file, configOf(htpasswd, rules));
    let client: RegistryClient | undefined;
    try {
      await writeFile(htpasswd, `ann:${await hash('secret', 4)}\n`);
      await rule({ actions: ['"*"'], catalog: ['ann'] });
      await using server: RunningServer = await startServer({ env: { STOWAGE_CONFIG: file } });
      client = new RegistryClient({ origin: server.url, username: 'ann', password: 'secret' });
      const isReload = ({ msg }: LogLine): boolean => msg === 'access rules reloaded';
      const reload = async (): Promise<void> => {
        const before = server.lines().filter(isReload).length;
        process.kill(server.pid, 'SIGHUP');
        await expect.poll(() => server.lines().filter(isReload).length).toBe(before + 1);
      };

      const digest = await pushBlob(client, 'team/app', Buffer.from('content'));
      const target = blobPath('team/app', digest);
      const authorization = await client.authorization('team/app', 'pull,push,delete');
      const ask = (method: string, path: string) =>
        client!.request({ method, target: path, authorization: authorization! });
      expectStatus(await ask('POST', uploadsPath('team/app')), 202);
      expectStatus(await get(client, '/v2/_catalog'), 200);

      await rule({ actions: ['pull'], catalog: ['ann'] });
      await reload();
      expectStatus(await ask('GET', target), 200);
      expectError(await ask('POST', uploadsPath('team/app')), 403, 'DENIED');
      expectError(await ask('DELETE', target), 403, 'DENIED');

      await rule({ actions: ['push'], catalog: ['nobody'] });
      await reload();
      expectError(await ask('GET', target), 404, 'BLOB_UNKNOWN');
      expectStatus(await ask('POST', uploadsPath('team/app')), 202);
      expectError(await get(client, '/v2/_catalog'), 403, 'DENIED');

      // A file that is wrong, or that would open the registry to everybody, changes nothing.
      for (const text of ['auth: {policies: 5}\n', '{}\n', 'auth: {}\n']) {
        const said = server.output().length;
        await writeFile(file, text);
        process.kill(server.pid, 'SIGHUP');
        await expect.poll(() => server.output().length).toBeGreaterThan(said);
        expectError(await ask('GET', target), 404, 'BLOB_UNKNOWN');
        expectStatus(await get(client, '/v2/'), 200);
      }
    } finally {
      client?.close();
      await removeTemporary(folder);
    }
  });
});
