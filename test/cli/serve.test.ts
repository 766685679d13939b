import { access, readFile, truncate, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  addressFile,
  readAddressFile,
  writeAddressFile,
} from '../../src/registry/admin/address-file.ts';
import { openDirectory } from '../../src/registry/admin/local-operations.ts';
import { makeCertificate } from '../support/certificate.ts';
import { StartError, startServer } from '../support/server.ts';
import { makeTemporary, removeTemporary } from '../support/temporary.ts';
import { cli } from './support.ts';

async function failure(promise: Promise<AsyncDisposable>): Promise<StartError> {
  const error = await promise.then(
    async (server) => {
      await server[Symbol.asyncDispose]();
      return new Error('the server started');
    },
    (thrown: unknown) => thrown,
  );
  if (error instanceof StartError) return error;
  throw error;
}

describe('decisions 7: stowage serve and the commands', () => {
  it('find each other by the address file while the server runs', async () => {
    await using server = await startServer();
    const address = await readAddressFile(server.dataDir);
    expect(address).toMatchObject({ url: server.url, pid: server.pid });
    const environment = { STOWAGE_DATA__DIR: server.dataDir };
    const status = await cli(['status', '--json'], { environment });
    expect([status.code, status.err]).toEqual([0, '']);
    expect(JSON.parse(status.out)).toMatchObject({ repositories: 0, formatVersion: 3 });
    const gc = await cli(['gc', '--now'], { environment });
    expect([gc.code, gc.err]).toEqual([0, '']);
    const audited = await server.waitForLog((line) => line.audit === true);
    expect(audited).toMatchObject({ action: 'collection.start', subject: 'local', status: 202 });
  });

  it('ends with 0 on SIGTERM, takes the address file away, and lets go of the directory', async () => {
    const dataDir = await makeTemporary('serve');
    try {
      const server = await startServer({ dataDir });
      await access(addressFile(dataDir));
      expect(await server.stop()).toEqual({ code: 0, signal: null, forced: false });
      expect(await readAddressFile(dataDir)).toBeUndefined();
      const environment = { STOWAGE_DATA__DIR: dataDir };
      const { code, out } = await cli(['status'], { environment, openDirectory });
      expect(code).toBe(0);
      expect(out).toMatch(new RegExp(`^place +${dataDir}$`, 'm'));
    } finally {
      await removeTemporary(dataDir);
    }
  });

  it('refuses a directory that another server has: 4, with a hint and no stack', async () => {
    await using server = await startServer();
    const error = await failure(startServer({ dataDir: server.dataDir }));
    expect(error.code).toBe(4);
    expect(error.output).toContain(`${server.dataDir} is in use by another process`);
    expect(error.output).toContain('hint: ');
    expect(error.output).not.toMatch(/^\s+at /m);
    // The first one's address is still there.
    expect(await readAddressFile(server.dataDir)).toMatchObject({ pid: server.pid });
  });

  it('refuses a database that is damaged: 4, with a hint and no stack', async () => {
    const folder = await makeTemporary('damaged');
    try {
      const dataDir = join(folder, 'data');
      const database = join(dataDir, 'metadata', 'stowage.mdb');
      const { stop } = await startServer({ dataDir });
      await stop();
      await truncate(database, 4096);
      const error = await failure(startServer({ dataDir }));
      expect(error.code).toBe(4);
      expect(error.output).toContain(`the database ${database} is damaged: it has 4096 bytes`);
      expect(error.output).toContain('hint: ');
      expect(error.output).not.toMatch(/internal error|^\s+at /m);
    } finally {
      await removeTemporary(folder);
    }
  });

  it('says when the port is taken: 1', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = taken.address() as AddressInfo;
      const env = { STOWAGE_HTTP__LISTEN: `127.0.0.1:${port}` };
      const error = await failure(startServer({ env }));
      expect(error.code).toBe(1);
      expect(error.output).toMatch(/EADDRINUSE[\s\S]*hint: another program listens there/);
    } finally {
      taken.close();
    }
  });

  it('refuses a wrong configuration before it touches anything: 3', async () => {
    const config = 'gc: {leese: 1h}\nlog: {level: loud}\n';
    const error = await failure(startServer({ config }));
    expect(error.code).toBe(3);
    expect(error.output).toMatch(/stowage\.yaml:1:6: gc\.leese: unknown key \(did you mean gc\./);
    expect(error.output).toMatch(/stowage\.yaml:2:7: log\.level/);
  });

  it('takes over new access rules on SIGHUP, and keeps the old ones when they are wrong', async () => {
    const folder = await makeTemporary('reload');
    try {
      const file = join(folder, 'stowage.yaml');
      const rules = (action: string) =>
        `auth:\n  policies:\n    - {repositories: ["**"], anonymous: true, actions: [${action}]}\n`;
      await writeFile(file, rules('pull'));
      await using server = await startServer({ env: { STOWAGE_CONFIG: file } });
      const push = async () => {
        const url = `${server.url}/v2/a/blobs/uploads/`;
        return (await fetch(url, { method: 'POST' })).status;
      };
      expect(await push()).toBe(401);
      await writeFile(file, rules('push, pull'));
      process.kill(server.pid, 'SIGHUP');
      await server.waitForLog((line) => line.msg === 'access rules reloaded');
      expect(await push()).toBe(202);
      await writeFile(file, rules('publish'));
      process.kill(server.pid, 'SIGHUP');
      await expect.poll(server.output).toContain('the new configuration is wrong');
      expect(await push()).toBe(202);
    } finally {
      await removeTemporary(folder);
    }
  });

  it('find each other also with a certificate for another name, or a server on every address', async () => {
    const folder = await makeTemporary('tls');
    try {
      const { cert, key } = makeCertificate(['registry.example.com']);
      await writeFile(join(folder, 'cert.pem'), cert);
      await writeFile(join(folder, 'key.pem'), key);
      const env = {
        STOWAGE_HTTP__TLS__CERT: join(folder, 'cert.pem'),
        STOWAGE_HTTP__TLS__KEY: join(folder, 'key.pem'),
      };
      await using server = await startServer({ env });
      const environment = { STOWAGE_DATA__DIR: server.dataDir };
      const byFile = await cli(['status'], { environment });
      expect([byFile.code, byFile.err]).toEqual([0, '']);
      expect(byFile.out).toContain(server.url);
      // What a server writes that listens on every address.
      const address = (await readAddressFile(server.dataDir))!;
      const everywhere = address.url.replace('127.0.0.1', '0.0.0.0');
      await writeAddressFile(server.dataDir, { ...address, url: everywhere });
      expect((await cli(['status'], { environment })).code).toBe(0);
      // Nobody vouches for an address that the caller names.
      const byName = await cli(['status', '--server', server.url]);
      expect([byName.code, byName.err.includes('certificate')]).toEqual([4, true]);
    } finally {
      await removeTemporary(folder);
    }
  });

  it('makes a token of its own and keeps it out of the log', async () => {
    await using server = await startServer();
    const text = await readFile(addressFile(server.dataDir), 'utf8');
    const { token } = JSON.parse(text);
    expect(Buffer.from(token, 'base64url').length).toBeGreaterThanOrEqual(16);
    expect(server.output()).not.toContain(token);
  });
});
