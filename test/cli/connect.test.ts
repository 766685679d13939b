import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { OpenDirectory } from '../../src/cli/connect.ts';
import {
  addressFile,
  readAddressFile,
  removeAddressFile,
  writeAddressFile,
} from '../../src/registry/admin/address-file.ts';
import { openDirectory } from '../../src/registry/admin/local-operations.ts';
import { anonymousAccess, LOCAL_ACCESS } from '../../src/registry/auth/access.ts';
import { compilePolicies } from '../../src/registry/auth/policies.ts';
import { lockDirectory } from '../../src/storage/lock.ts';
import { createFakeOperations } from '../registry/admin/fake-operations.ts';
import { serveAdmin } from '../registry/admin/serve-admin.ts';
import { makeTemporary, removeTemporary } from '../support/temporary.ts';
import { cli } from './support.ts';

const NOBODY = anonymousAccess(compilePolicies({ policies: [], rights: {} }).anonymous);

/** A server that asks for one value of the Authorization header. */
function guarded(authorization: string, repositories: Record<string, string[]>) {
  return serveAdmin(createFakeOperations({ repositories }), (given) =>
    given === authorization ? LOCAL_ACCESS : NOBODY,
  );
}

let directory: string;

beforeEach(async () => {
  directory = await makeTemporary('connect');
});

afterEach(() => removeTemporary(directory));

describe('decisions 9: how a command finds the server', () => {
  it('prefers --server to STOWAGE_SERVER', async () => {
    await using first = await serveAdmin(createFakeOperations({ repositories: { first: [] } }));
    await using second = await serveAdmin(createFakeOperations({ repositories: { second: [] } }));
    const environment = { STOWAGE_SERVER: second.url };
    const byVariable = await cli(['repos'], { environment });
    const byOption = await cli(['repos', '--server', first.url], { environment });
    expect(byVariable.out).toContain('second');
    expect(byOption.out).toContain('first');
  });

  it('uses the address file in the data directory, with its token', async () => {
    await using server = await guarded('Bearer local-token', { inside: [] });
    const data = join(directory, 'data');
    await mkdir(data);
    await writeAddressFile(data, { url: server.url, token: 'local-token', pid: process.pid });
    const { code, out } = await cli(['repos'], { directory });
    expect([code, out.includes('inside')]).toEqual([0, true]);
  });

  it('takes the data directory from the configuration', async () => {
    await using server = await guarded('Bearer t', { inside: [] });
    await mkdir(join(directory, 'elsewhere'));
    const address = { url: server.url, token: 't', pid: 1 };
    await writeAddressFile(join(directory, 'elsewhere'), address);
    await writeFile(join(directory, 'my.yaml'), 'data: {dir: elsewhere}');
    const byOption = await cli(['repos', '--config', 'my.yaml'], { directory });
    expect(byOption.out).toContain('inside');
    const environment = { STOWAGE_DATA__DIR: 'elsewhere' };
    const byVariable = await cli(['repos'], { directory, environment });
    expect(byVariable.out).toContain('inside');
  });

  it.each([
    ['there is no address file', undefined],
    ['nothing listens at the address', { url: 'http://127.0.0.1:1', token: 't', pid: 1 }],
  ])('opens the directory when %s, and closes it', async (_, address) => {
    await mkdir(join(directory, 'data'));
    if (address !== undefined) await writeAddressFile(join(directory, 'data'), address);
    let closed = 0;
    const open: OpenDirectory = async (config) => {
      expect(config.data.dir).toBe(join(directory, 'data'));
      const operations = createFakeOperations({ repositories: { direct: [] } });
      return {
        operations,
        close: async () => {
          closed++;
        },
      };
    };
    const { code, out } = await cli(['repos'], { directory, openDirectory: open });
    expect([code, out.includes('direct'), closed]).toEqual([0, true, 1]);
    const missing = await cli(['tags', 'no/such'], { directory, openDirectory: open });
    expect([missing.code, closed]).toEqual([5, 2]);
  });

  it('makes no data directory where there is none', async () => {
    const { code, err } = await cli(['status'], { directory });
    expect(code).toBe(4);
    expect(err).toContain(`there is no ${join(directory, 'data')}`);
  });

  it('ends with 4 when another process has the directory', async () => {
    const data = join(directory, 'data');
    await mkdir(data);
    const lock = lockDirectory(data);
    try {
      const { code, err } = await cli(['status'], { directory, openDirectory });
      expect(code).toBe(4);
      expect(err).toContain(`${data} is in use by another process\n  hint: end that process`);
    } finally {
      lock.release();
    }
  });

  it('ends with 4 when the directory is of a newer version', async () => {
    const data = join(directory, 'data');
    await mkdir(data);
    await writeFile(join(data, 'format.json'), '{"format": 999}');
    const { code, err } = await cli(['status'], { directory, openDirectory });
    expect(code).toBe(4);
    expect(err).toContain('has format 999');
  });

  it('works on the directory itself when no server runs', async () => {
    await mkdir(join(directory, 'data'));
    for (const args of [['status'], ['repos'], ['gc', '--now'], ['scrub', '--now']]) {
      const { code, err } = await cli(args, { directory, openDirectory });
      expect([code, err]).toEqual([0, '']);
    }
  });

  it('sends the token of STOWAGE_TOKEN, or name and password of the URL', async () => {
    await using bearer = await guarded('Bearer abc', { inside: [] });
    const environment = { STOWAGE_SERVER: bearer.url, STOWAGE_TOKEN: 'abc' };
    expect((await cli(['repos'], { environment })).code).toBe(0);
    const basic = `Basic ${Buffer.from('ann:p@ss').toString('base64')}`;
    await using server = await guarded(basic, { inside: [] });
    const url = server.url.replace('//', '//ann:p%40ss@');
    expect((await cli(['repos', '-s', url])).code).toBe(0);
  });

  it('says what to do without the right', async () => {
    await using server = await guarded('Bearer abc', {});
    const { code, err } = await cli(['repos', '-s', server.url]);
    expect(code).toBe(1);
    expect(err).toContain('hint: set STOWAGE_TOKEN');
  });

  it('ends with 4 when the named server does not answer', async () => {
    const { code, err } = await cli(['status', '-s', 'http://127.0.0.1:1']);
    expect(code).toBe(4);
    expect(err).toMatch(/http:\/\/127\.0\.0\.1:1 cannot be reached.*\n {2}hint: is the server/);
    expect(err).not.toContain('    at ');
  });

  it('ends with 2 when the URL is none', async () => {
    expect((await cli(['status', '-s', 'localhost:5000'])).code).toBe(2);
  });
});

describe('decisions 9: the address file', () => {
  it('is readable by its owner only, and comes back as it was written', async () => {
    const address = { url: 'http://127.0.0.1:5000', token: 'secret', pid: 42 };
    await writeAddressFile(directory, address);
    expect((await stat(addressFile(directory))).mode & 0o777).toBe(0o600);
    expect(await readAddressFile(directory)).toEqual(address);
    await removeAddressFile(directory);
    expect(await readAddressFile(directory)).toBeUndefined();
    await removeAddressFile(directory);
  });

  it.each(['', '{', '{"url":5}', 'null'])('counts as missing when it holds %j', async (text) => {
    await writeFile(addressFile(directory), text);
    expect(await readAddressFile(directory)).toBeUndefined();
  });
});
