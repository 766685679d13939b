import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hash } from 'bcryptjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { imageOfLayers, makeLayer } from '../analysis/sources/support.ts';
import { RegistryClient } from '../conformance/client.ts';
import { digestOf, writeLayout } from '../support/images.ts';
import { run } from '../support/run.ts';
import { makeTemporary, removeTemporary } from '../support/temporary.ts';
import { startProgram } from './program.ts';
import { SYSTEM_PATH } from './system-path.ts';

const ROOT = join(import.meta.dirname, '../..');

const env = { PATH: SYSTEM_PATH };

/** A program of somebody who uses the package: all of an analysis, with types for whoever checks them. */
const CONSUMER = `
import {
  type AnalysisReport,
  type AnalyzeOptions,
  analyze,
  checkGate,
  type GateLimits,
  htmlReport,
  openDataset,
  openSources,
  openTables,
  type Row,
  TYPES,
} from 'stowage/analysis';

const { signal } = new AbortController();
const sources = await openSources(['layout'], { folder: 'crawl' }, signal);
const options: AnalyzeOptions = {
  sources,
  folder: 'data',
  version: 'consumer',
  threads: 1,
  chunks: ['fixed-4096'],
  signal,
};
const report: AnalysisReport = await analyze(options);
for (const source of sources) await source.close();
const limits: GateLimits = { maxWastedBytes: 0 };
const dataset = await openDataset('data', { types: TYPES });
await openTables(dataset);
const rows: Row[] = await dataset.database.rows('SELECT path, size FROM entries WHERE kind = 0');
await dataset.close();
// @ts-expect-error what has no types would be anything
const never: string = report.waste.duplicateBytes;
console.log(
  JSON.stringify({
    never,
    problems: report.problems,
    wasted: report.waste.images.map(({ wastedBytes }) => wastedBytes),
    method: report.chunks[0]?.method,
    passed: checkGate(report, limits).passed,
    page: htmlReport(report).length > 10_000,
    rows,
  }),
);
`;

/** The files that `exports` of package.json lead to. */
function exportTargets(exports: string | object): string[] {
  if (typeof exports === 'string') return [exports.replace(/^\.\//, '')];
  return Object.values(exports).flatMap(exportTargets);
}

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
    for (const target of exportTargets(packageJson.exports)) expect(paths).toContain(target);
    expect(paths.filter((path) => /^(src|test|bench|scripts)\//.test(path))).toEqual([]);
  });

  it('tells its version', async () => {
    expect(await run(stowage, ['--version'], { env, cwd: folder })).toBe(packageJson.version);
  });

  it('is a library: stowage/analysis has types for every resolution, and analyses a layout', async () => {
    const project = join(folder, 'consumer');
    await mkdir(join(project, 'node_modules/@types'), { recursive: true });
    await symlink(
      join(folder, 'prefix/lib/node_modules/stowage'),
      join(project, 'node_modules/stowage'),
    );
    // Whoever writes TypeScript for Node has these.
    await symlink(
      join(ROOT, 'node_modules/@types/node'),
      join(project, 'node_modules/@types/node'),
    );
    await writeFile(join(project, 'package.json'), '{ "type": "module" }');
    await writeFile(join(project, 'main.ts'), CONSUMER);
    const bytes = Buffer.from('twice\n');
    const layers = ['a', 'b'].map((path) =>
      makeLayer([
        { path: 'same', bytes },
        { path, bytes },
      ]),
    );
    await writeLayout(join(project, 'layout'), { v1: imageOfLayers(layers) });

    const check = (compiler: string, ...more: string[]): Promise<string> =>
      run(
        process.execPath,
        [
          join(ROOT, 'node_modules', compiler, 'bin/tsc'),
          ...['main.ts', '--strict', '--target', 'es2024', '--types', 'node', ...more],
        ],
        { cwd: project },
      );
    await check('typescript', '--noEmit', '--module', 'esnext', '--moduleResolution', 'bundler');
    await check('ts7', '--module', 'nodenext');
    // As Node runs it from the packed JavaScript, with the threads and queries that lie beside it.
    const printed = JSON.parse(await run(process.execPath, ['main.js'], { cwd: project }));
    expect(printed).toMatchObject({
      problems: [],
      wasted: [bytes.length],
      method: 'fixed-4096',
      passed: false,
      page: true,
    });
    expect(printed.rows).toHaveLength(4);
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
