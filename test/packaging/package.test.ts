import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hash } from 'bcryptjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RegistryClient } from '../conformance/client.ts';
import { digestOf } from '../support/images.ts';
import { run } from '../support/run.ts';
import { makeTemporary, removeTemporary } from '../support/temporary.ts';
import { startProgram } from './program.ts';
import { SYSTEM_PATH } from './system-path.ts';

const ROOT = join(import.meta.dirname, '../..');

const env = { PATH: SYSTEM_PATH };

interface PackedFile {
  readonly path: string;
  readonly mode: number;
}

describe('issue 3: the npm package', () => {
  let folder: string;
  let files: readonly PackedFile[];
  let stowage: string;

  beforeAll(async () => {
    folder = await makeTemporary('package');
    const packed = await run('npm', ['pack', '--json', '--pack-destination', folder], {
      cwd: ROOT,
      env,
    });
    // The build before it may print as well.
    const [first] = JSON.parse(packed.slice(packed.indexOf('[\n')));
    ({ files } = first);
    const prefix = join(folder, 'prefix');
    await run(
      'npm',
      [
        ...['install', '--global', '--prefix', prefix, '--ignore-scripts', '--loglevel=error'],
        join(folder, first.filename),
      ],
      { cwd: folder, env },
    );
    stowage = join(prefix, 'bin/stowage');
  });

  afterAll(() => removeTemporary(folder));

  it('holds JavaScript, the licence and no sources, tests or scripts', () => {
    const paths = files.map(({ path }) => path);
    for (const path of ['LICENSE', 'package.json', 'bin/stowage.mjs', 'dist/cli/main.js']) {
      expect(paths).toContain(path);
    }
    // Declarations of types are for whoever uses it as a library.
    expect(paths.filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts'))).toEqual([]);
    for (const path of ['dist/analysis/index.d.ts', 'dist/analysis/queries/layers.sql']) {
      expect(paths).toContain(path);
    }
    expect(paths.filter((path) => /^(src|test|bench|scripts)\//.test(path))).toEqual([]);
  });

  it('tells its version', async () => {
    const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
    expect(await run(stowage, ['--version'], { env, cwd: folder })).toBe(version);
  });

  it('serves from a global installation, log-in and all, and stops on SIGTERM', async () => {
    const login = { username: 'alice', password: 'correct horse' };
    const htpasswd = join(folder, 'htpasswd');
    // The hash is checked in a worker, whose file has to be found in the package too.
    await writeFile(htpasswd, `${login.username}:${await hash(login.password, 5)}\n`);
    const server = await startProgram(stowage, ['serve'], {
      cwd: folder,
      env: {
        ...env,
        STOWAGE_HTTP__LISTEN: '127.0.0.1:0',
        STOWAGE_DATA__DIR: join(folder, 'data'),
        STOWAGE_AUTH__HTPASSWD: htpasswd,
        STOWAGE_AUTH__TOKEN__ENABLED: 'true',
      },
    });
    try {
      const client = new RegistryClient({ origin: server.url, ...login });
      const body = Buffer.from('packed');
      const target = `/v2/package/blobs/uploads/?digest=${digestOf(body)}`;
      const pushed = await client.request({ method: 'POST', target, body });
      expect(pushed.describe()).toContain('-> 201');
      const pulled = await client.request({ target: `/v2/package/blobs/${digestOf(body)}` });
      expect(pulled.body).toEqual(body);
      client.close();
    } finally {
      expect(await server.stop()).toBe(0);
    }
  });
});
