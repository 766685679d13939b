import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { analysisReport } from '../../src/analysis/metrics/schema.ts';
import { imageOfLayers, jsonContent, makeLayer } from '../analysis/sources/support.ts';
import { OCI, writeDockerArchive, writeLayout } from '../support/images.ts';
import { makeTemporary, removeTemporary } from '../support/temporary.ts';
import { cli } from './support.ts';

const MAIN = resolve(import.meta.dirname, '../../src/cli/main.ts');

const base = makeLayer([
  { path: 'etc/' },
  { path: 'etc/config', bytes: Buffer.from('old\n'.repeat(500)) },
  { path: 'etc/gone', bytes: Buffer.from('shipped all the same') },
]);
const changes = makeLayer([
  { path: 'etc/config', mode: 0o600, bytes: Buffer.from('new\n'.repeat(300)) },
  { path: 'etc/.wh.gone' },
  { path: 'etc/added', bytes: Buffer.from('added') },
]);
/** What the higher layer of it replaces and deletes is waste: 2000 and 20 bytes. */
const WASTED = 2020;
const IMAGES = {
  'team/app:v1': imageOfLayers([base]),
  'team/app:v2': imageOfLayers([base, changes]),
};

let shared: string;
let layout: string;
let old: string;
let renewed: string;
/** Of one test: the directory in which the command runs, and what is temporary to it. */
let directory: string;
let temporary: string;

beforeAll(async () => {
  shared = await makeTemporary('analyze');
  layout = join(shared, 'layout');
  await writeLayout(layout, IMAGES);
  [old, renewed] = [join(shared, 'old.tar'), join(shared, 'new.tar')] as const;
  await writeDockerArchive(old, IMAGES['team/app:v1'], 'team/app:v1');
  await writeDockerArchive(renewed, IMAGES['team/app:v2'], 'team/app:v2');
});
afterAll(() => removeTemporary(shared));

beforeEach(async () => {
  directory = await makeTemporary('analyze-run');
  temporary = join(directory, 'temporary');
  await mkdir(temporary);
  vi.stubEnv('TMPDIR', temporary);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  const left = await readdir(temporary);
  await removeTemporary(directory);
  expect(left).toEqual([]);
});

const analyze = (...args: readonly string[]) => cli(['analyze', ...args], { directory });
const textOf = (name: string) => readFile(join(directory, name), 'utf8');

describe('stowage analyze', () => {
  it('tells what there is', async () => {
    const { code, out, err } = await analyze(layout);
    expect([code, err]).toEqual([0, '']);
    expect(out).toContain(`OCI layout ${layout}`.slice(-40));
    expect(out).toMatch(/^2 images, 2 layers, 4 files, .* read in \d+ s$/m);
  });

  it('prints all figures as JSON, of chunks when they are asked for', async () => {
    const { code, out, err } = await analyze(layout, old, '--json', '--chunks', '--threads', '1');
    expect([code, err]).toEqual([0, '']);
    const report = analysisReport.parse(JSON.parse(out));
    expect(report.sources.map(({ kind }) => kind)).toEqual(['oci-layout', 'docker-archive']);
    expect(report.chunks.map(({ method }) => method).sort()).toEqual(['cdc-8192', 'fixed-4096']);
    expect(report.waste.images.find(({ image }) => image === 'team/app:v2')?.wastedBytes).toBe(
      WASTED,
    );
  });

  it('chooses among images by the platform', async () => {
    const { code, out, err } = await analyze(layout, '--json', '--platform', 'linux/arm64');
    expect(JSON.parse(out)).toMatchObject({ correct: { layers: { count: 0 } }, problems: [] });
    expect(JSON.parse(out).leftOut).toEqual([
      { what: 'team/app:v1', reason: 'it has no image for linux/arm64' },
      { what: 'team/app:v2', reason: 'it has no image for linux/arm64' },
    ]);
    expect([code, err]).toEqual([5, expect.stringContaining('nothing in these sources')]);
  });

  it('chooses among images by name, and refuses globs that have nothing to choose from', async () => {
    const { out } = await analyze(layout, '--json', '-r', 'team/*', '-t', 'v2');
    expect(JSON.parse(out).correct.images.count).toBe(1);
    const refused = await analyze('docker://127.0.0.1:1/team/app:v1', '-t', 'v2');
    expect([refused.code, refused.out]).toEqual([2, '']);
    expect(refused.err).toMatch(/--tag has nothing to choose from.*\n {2}hint: leave --tag out/);
  });

  it('writes a page, tables and what a build server reads', async () => {
    const files = ['--html', 'out/page.html', '--csv', 'out/tables', '--junit', 'out/gate.xml'];
    const { code, err } = await analyze(layout, ...files, '--max-wasted', '2.1kB');
    expect([code, err]).toEqual([0, 'passed: 2 images checked, 0 over the limits\n']);
    expect(await textOf('out/page.html')).toMatch(/^<!doctype html>.*<svg.*<\/html>\s*$/is);
    const tables = await readdir(join(directory, 'out/tables'));
    expect(tables.length).toBeGreaterThan(3);
    for (const table of tables) {
      expect(table).toMatch(/^[a-z-]+\.csv$/);
      expect(await textOf(`out/tables/${table}`)).toMatch(/^[^\r\n]+\r\n/);
    }
    expect(await textOf('out/gate.xml')).toMatch(
      /<testsuite name="stowage analyze" tests="2" failures="0" errors="0">/,
    );
  });

  it.each([
    ['--max-wasted', `${WASTED - 1}`, `${WASTED}`],
    ['--max-wasted-percent', '50', '80'],
    ['--min-efficiency', '0.9', '0.1'],
  ])('holds images against %s', async (limit, narrow, wide) => {
    const failed = await analyze(layout, limit, narrow, '--junit', 'gate.xml');
    expect(failed.code).toBe(1);
    expect(failed.err).toMatch(
      new RegExp(
        `^team/app:v2: ${limit}: .*\n {2}2.00 kB in 1 copy of etc/config, replaced\n {2}20 B in 1 copy of etc/gone, deleted\nfailed: 2 images checked, 1 over the limits\n$`,
      ),
    );
    expect(failed.out).toContain('2 images');
    expect(await textOf('gate.xml')).toMatch(/failures="1" errors="0".*<failure message=/s);
    const passed = await analyze(layout, limit, wide);
    expect([passed.code, passed.err]).toEqual([0, 'passed: 2 images checked, 0 over the limits\n']);
  });

  it('reads a file again that was replaced, with the same dataset, and no other', async () => {
    const [kept, replaced] = [
      join(directory, 'kept.tar'),
      join(directory, 'replaced.tar'),
    ] as const;
    await writeFile(kept, base.tar);
    await writeFile(replaced, changes.tar);
    const entries = () => readdir(join(directory, 'data/entries'));
    const args = [kept, replaced, '--json', '--dataset', 'data'];
    await analyze(...args);
    expect(await entries()).toHaveLength(2);
    await analyze(...args);
    expect(await entries()).toHaveLength(2);
    await writeFile(replaced, makeLayer([{ path: 'other', bytes: Buffer.from('file') }]).tar);
    const { out } = await analyze(...args);
    expect(await entries()).toHaveLength(3);
    expect(JSON.parse(out).correct.layers.count).toBe(3);
  });

  it('tells images of one name from several sources apart', async () => {
    const again = join(directory, 'again.tar');
    await writeDockerArchive(again, IMAGES['team/app:v2'], 'team/app:v1');
    const { err } = await analyze(old, again, '--max-wasted', '1', '--junit', 'gate.xml');
    expect(err).toContain(`team/app:v1 (docker-archive ${again}): --max-wasted: `);
    const junit = await textOf('gate.xml');
    for (const path of [old, again]) {
      expect(junit).toContain(`classname="team/app:v1 (docker-archive ${path})"`);
    }
  });

  it('does not pass a gate when something could not be read', async () => {
    const damaged = join(directory, 'layout');
    await writeLayout(damaged, IMAGES);
    await rm(join(damaged, 'blobs', ...changes.descriptor.digest.split(':')));
    const { code, err } = await analyze(damaged, '--max-wasted', '1GB');
    expect(code).toBe(1);
    expect(err).toContain(`not checked: layer ${changes.descriptor.digest}: `);
  });

  it('tells what could not be read, and ends with a code of its own', async () => {
    const damaged = join(directory, 'layout');
    await writeLayout(damaged, IMAGES);
    const remove = (layer: typeof base) =>
      rm(join(damaged, 'blobs', ...layer.descriptor.digest.split(':')));
    await remove(changes);
    const some = await analyze(damaged, '--json');
    expect(some.code).toBe(7);
    expect(JSON.parse(some.out).problems).toHaveLength(2);
    expect(some.err).toMatch(
      new RegExp(
        `^stowage: 2 things could not be read.*:\n {2}layer ${changes.descriptor.digest}: .*\n {2}team/app:v2: left out.*\n$`,
      ),
    );
    await remove(base);
    const none = await analyze(damaged, '--json');
    expect([none.code, JSON.parse(none.out).estimate.dedup]).toEqual([1, null]);
    expect(none.err).toMatch(/^stowage: nothing could be read:\n/);
  });

  it('tells the first of many that could not be read', async () => {
    const damaged = join(directory, 'layout');
    const layers = Array.from({ length: 7 }, (_, i) =>
      makeLayer([{ path: 'file', bytes: Buffer.from(`content ${i}`) }]),
    );
    await writeLayout(damaged, { 'team/app:v1': imageOfLayers([base, ...layers]) });
    for (const { descriptor } of layers) {
      await rm(join(damaged, 'blobs', ...descriptor.digest.split(':')));
    }
    const { code, err } = await analyze(damaged, '--json');
    expect([code, err.split('\n').length]).toEqual([7, 8]);
    expect(err).toMatch(/\n {2}and 3 more, which the reports list \(--json: problems\)\n$/);
    // The summary begins with them.
    const summary = await analyze(damaged);
    expect(summary.out).toMatch(/^These figures are not of all: 8 problems\n/);
    expect([summary.code, summary.err]).toEqual([
      7,
      'stowage: 8 things could not be read, and the figures are without what is in them\n',
    ]);
  });

  it.each([
    ['--html', 'taken/page.html'],
    ['--html', 'folder'],
    ['--csv', 'taken'],
    ['--junit', 'taken/gate.xml'],
  ])('says before it reads that %s %s cannot be written', async (option, path) => {
    await writeFile(join(directory, 'taken'), '');
    await mkdir(join(directory, 'folder'));
    const { code, out, err } = await analyze('nowhere', option, path, '--max-wasted', '1MB');
    expect([code, out]).toEqual([1, '']);
    expect(err).toMatch(
      new RegExp(`^stowage: ${option}: ${path} cannot be written: .*\n {2}hint: `),
    );
  });

  it('goes on with a dataset that is kept, and keeps layers', async () => {
    const own = join(directory, 'layout');
    await writeLayout(own, IMAGES);
    const args = [own, '--json', '--dataset', 'data', '--keep-layers', 'kept'];
    const first = JSON.parse((await analyze(...args)).out);
    const blob = join('blobs', ...base.descriptor.digest.split(':'));
    await rm(join(own, blob));
    const second = JSON.parse((await analyze(...args)).out);
    expect(second.problems).toEqual([]);
    expect([second.correct, second.waste]).toEqual([first.correct, first.waste]);
    expect(await readdir(join(directory, 'data/entries'))).toHaveLength(2);
    // With another dataset it comes from the layers that were kept.
    const third = JSON.parse((await analyze(...args.with(3, 'other'))).out);
    expect([third.problems, third.correct]).toEqual([[], first.correct]);
  });

  it.each<[string, string[], RegExp]>([
    ['no source', [], /nothing to analyse\n {2}hint: .*--help/],
    ['JUnit without limits', ['.', '--junit', 'x'], /--junit .*\n {2}hint: add --max-wasted/],
    ['no size', ['.', '--max-wasted', 'much'], /--max-wasted.*50MB/],
    ['a size below nothing', ['.', '--memory', '-1'], /--memory.*50MB/],
    ['more than all', ['.', '--min-efficiency', '1.1'], /--min-efficiency.*from 0 to 1/],
    ['more than a hundred', ['.', '--max-wasted-percent', '101'], /from 0 to 100/],
    ['no thread', ['.', '--threads', '0'], /--threads.*from 1 on/],
    ['a name without a password', ['.', '-u', 'me'], /password\n {2}hint: .*--password-stdin/],
    ['no second image', ['diff', 'a'], /missing required argument 'to'/],
    [
      'a sample of Docker Hub to compare',
      ['diff', 'docker-hub:x', 'a'],
      /more than one image\n {2}hint: .*docker:\/\//,
    ],
  ])('says what is wrong with %s', async (_, args, message) => {
    const { code, out, err } = await analyze(...args);
    expect([code, out]).toEqual([2, '']);
    expect(err).toMatch(message);
  });

  it.each<[string, (path: string) => Promise<unknown>, RegExp, string?]>([
    [
      'a path where nothing is',
      async () => undefined,
      /there is nothing of that name/,
      'a path is that of an OCI layout',
    ],
    ['a text', (path) => writeFile(path, 'no tar\n'.repeat(200)), /is no tar/],
    [
      'an empty folder',
      (path) => mkdir(path),
      /is a folder, and none of an OCI layout/,
      'looked for oci-layout',
    ],
  ])('says that %s is no source', async (_, make, message, hint) => {
    const path = join(directory, 'what');
    await make(path);
    const { code, out, err } = await analyze(path);
    expect([code, out]).toEqual([1, '']);
    expect(err).toMatch(message);
    expect(err).not.toContain('internal error');
    if (hint !== undefined) expect(err).toContain(`\n  hint: ${hint}`);
    const asJson = JSON.parse((await analyze(path, '--json')).err);
    expect(asJson.error).toMatchObject({ message: expect.stringMatching(message), exitCode: 1 });
  });
});

describe('stowage analyze diff', () => {
  it('compares two images file by file', async () => {
    const { code, out, err } = await analyze('diff', old, renewed);
    expect([code, err]).toEqual([0, '']);
    expect(out.split('\n')).toEqual([
      expect.stringMatching(/^\+ etc\/added {2}5 B$/),
      expect.stringMatching(/^~ etc\/config {2}.* -> .* {2}content, mode$/),
      expect.stringMatching(/^- etc\/gone {2}20 B$/),
      expect.stringMatching(/^1 added .*, 1 removed .*, 1 changed .*, 1 the same$/),
      '',
    ]);
  });

  it.each([[['diff', '--json']], [['--json', 'diff']]])('prints JSON: %j', async (words) => {
    const { out } = await analyze(...words, old, renewed);
    const { changes: found, changed } = JSON.parse(out);
    expect(found.map(({ path, kind }: Record<string, string>) => [kind, path])).toEqual([
      ['added', 'etc/added'],
      ['changed', 'etc/config'],
      ['removed', 'etc/gone'],
    ]);
    expect(changed).toMatchObject({ paths: 1, fromBytes: 2000, toBytes: 1200 });
  });

  it('has options of its own', async () => {
    const arm = await analyze('diff', old, renewed, '--platform', 'linux/arm64');
    expect([arm.code, arm.err]).toEqual([1, expect.stringContaining('not for linux/arm64')]);
    const page = await analyze('diff', old, renewed, '--html', 'page.html');
    expect([page.code, page.err]).toEqual([2, expect.stringContaining('has no option --html')]);
  });

  it('compares two images of one layout', async () => {
    const names = ['team/app:v1', 'team/app:v2'].map((name) => `oci:${layout}:${name}`);
    const [named, plain] = [
      await analyze('diff', ...names),
      await analyze('diff', `docker-archive:${old}:team/app:v1`, renewed),
    ];
    expect([named.code, named.err]).toEqual([0, '']);
    expect(named.out).toMatch(/^1 added .*, 1 removed .*, 1 changed .*, 1 the same$/m);
    expect(plain).toEqual(named);
  });

  it('wants one image on each side, and layers that are what they are called', async () => {
    const several = await analyze('diff', layout, old);
    expect(several).toEqual({
      code: 1,
      out: '',
      err: `stowage: OCI layout ${layout} has several images: team/app:v1, team/app:v2\n  hint: name one, as oci:PATH:NAME\n`,
    });
    const none = await analyze('diff', `oci:${layout}:v3`, old);
    expect(none.err).toBe(
      `stowage: OCI layout ${layout}: no image v3: there are team/app:v1, team/app:v2\n`,
    );
    const platforms = join(directory, 'platforms');
    const both = ['amd64', 'arm64'].map((architecture) => imageOfLayers([base], architecture));
    const manifests = both.map(({ manifest, architecture }) => ({
      ...manifest.descriptor,
      platform: { os: 'linux', architecture },
    }));
    const index = jsonContent(OCI.index, { schemaVersion: 2, mediaType: OCI.index, manifests });
    await writeLayout(platforms, { v1: { images: both, index } });
    expect((await analyze('diff', platforms, old)).err).toMatch(
      /has several images: v1 for linux\/amd64, linux\/arm64\n {2}hint: choose one by --platform\n$/,
    );
    const damaged = join(directory, 'damaged');
    await writeLayout(damaged, { v1: IMAGES['team/app:v1'] });
    const blob = join(damaged, 'blobs', ...base.descriptor.digest.split(':'));
    const bytes = await readFile(blob);
    // The time in the header of gzip: all else stays as it is.
    bytes[4] = bytes[4]! ^ 1;
    await writeFile(blob, bytes);
    const { code, err } = await analyze('diff', damaged, old);
    expect([code, err]).toEqual([1, expect.stringMatching(/^stowage: the bytes have the digest/)]);
  });
});

describe('Ctrl-C', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)(
    '%s ends an analysis, and nothing stays behind',
    async (name) => {
      const { config, manifest, layers } = IMAGES['team/app:v1'];
      const { promise: reached, resolve: reach } = Promise.withResolvers<void>();
      // A registry that never gives the layer.
      const server = createServer((request, response) => {
        const path = request.url!.replace(/\?.*/, '');
        const json = (value: unknown) => response.end(JSON.stringify(value));
        if (path === '/v2/_catalog') json({ repositories: ['app'] });
        else if (path.endsWith('/tags/list')) json({ name: 'app', tags: ['v1'] });
        else if (path.includes('/manifests/')) {
          response.setHeader('content-type', manifest.descriptor.mediaType);
          response.setHeader('docker-content-digest', manifest.descriptor.digest);
          response.end(request.method === 'HEAD' ? undefined : manifest.bytes);
        } else if (path.endsWith(config.descriptor.digest)) response.end(config.bytes);
        else if (path.endsWith(layers[0]!.descriptor.digest)) {
          response.write(layers[0]!.bytes.subarray(0, 20));
          reach();
        } else json({});
      });
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      try {
        const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
        const child = spawn(process.execPath, [MAIN, 'analyze', url, '--keep-layers', 'kept'], {
          cwd: directory,
          env: { PATH: process.env.PATH, HOME: directory, TMPDIR: temporary },
        });
        let err = '';
        child.stderr.on('data', (part) => {
          err += part;
        });
        const ended = once(child, 'close');
        await Promise.race([reached, ended]);
        expect(await readdir(temporary)).toEqual([expect.stringMatching(/^stowage-analysis-/)]);
        child.kill(name);
        expect(await ended).toEqual([130, null]);
        expect(err).toBe('stowage: interrupted\n');
        expect(await readdir(temporary)).toEqual([]);
        expect(await readdir(join(directory, 'kept'))).toEqual([]);
        await expect(access(join(directory, 'crawl'))).rejects.toThrow();
      } finally {
        server.closeAllConnections();
        server.close();
      }
    },
  );
});
