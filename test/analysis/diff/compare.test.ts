import { mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { compareImages } from '../../../src/analysis/diff/compare.ts';
import { writeLayout } from '../../support/images.ts';
import { run } from '../../support/run.ts';
import { makeTemporary, removeTemporary } from '../../support/temporary.ts';
import { describeWith, needsRoot, requireTool } from '../../support/tools.ts';
import { imageOfLayers, makeLayer } from '../sources/support.ts';
import { GO_ON, layerOf, layersOf, type Row, rowsOf } from './support.ts';

const umoci = needsRoot(await requireTool('umoci', 'umoci'));

const compare = (from: readonly (readonly Row[])[], to: readonly (readonly Row[])[]) =>
  compareImages(layersOf(...from), layersOf(...to), GO_ON);

/** Changes as lines. */
async function lines(from: readonly (readonly Row[])[], to: readonly (readonly Row[])[]) {
  const { changes } = await compare(from, to);
  return changes.map(({ kind, path, differences }) => [kind, path, ...differences].join(' '));
}

describe('the difference of two images', () => {
  const base: Row[] = [
    { path: 'bin', kind: 'directory', mode: 0o755 },
    { path: 'bin/sh', content: 'shell' },
    { path: 'etc', kind: 'directory', mode: 0o755 },
    { path: 'etc/os', content: 'one' },
  ];

  test('of an image and itself is nothing', async () => {
    const { changes, same, differences } = await compare([base], [base]);
    expect(changes).toEqual([]);
    expect(same).toEqual({ paths: 4, fromBytes: 8, toBytes: 8 });
    expect(differences).toEqual({ type: 0, content: 0, mode: 0, owner: 0, link: 0, time: 0 });
  });

  test('does not depend on how files are spread over layers', async () => {
    const [a, b, c, d] = base;
    expect(await lines([base], [[a!, b!], [], [c!], [d!, d!]])).toEqual([]);
    expect(await lines([base], [base, [{ path: 'x' }], [{ path: 'x', kind: 'whiteout' }]])).toEqual(
      [],
    );
  });

  test.each<[string, Partial<Row>, string[]]>([
    ['content', { content: 'two' }, ['changed etc/os content']],
    ['mode', { content: 'one', mode: 0o600 }, ['changed etc/os mode']],
    ['owner', { content: 'one', uid: 5 }, ['changed etc/os owner']],
    ['time only', { content: 'one', mtime: 5 }, ['changed etc/os time']],
    ['time beside another', { content: 'two', mtime: 5 }, ['changed etc/os content']],
    ['several', { content: 'two', mode: 0o600, uid: 5 }, ['changed etc/os content mode owner']],
    ['type', { kind: 'symlink', link: 'a' }, ['changed etc/os type']],
    ['a file that became a directory', { kind: 'directory' }, ['changed etc/os type']],
  ])('tells %s', async (_, row, expected) => {
    expect(await lines([base], [base, [{ path: 'etc/os', ...row }]])).toEqual(expected);
  });

  test('tells where links lead, and leaves times of directories alone', async () => {
    const link = (to: string): Row => ({ path: 'l', kind: 'symlink', link: to });
    expect(await lines([[link('a')]], [[link('b')]])).toEqual(['changed l link']);
    const later = { ...base[0]!, mtime: 9 };
    expect(await lines([base], [base, [later]])).toEqual([]);
    expect(await lines([base], [base, [{ ...later, mode: 0o700 }]])).toEqual(['changed bin mode']);
  });

  test('names paths in their order, what is in a directory right behind it', async () => {
    const rows = ['b/x', 'b.c', 'b-d', 'a', 'b/a/z'].map((path): Row => ({ path }));
    expect(await lines([], [rows])).toEqual([
      'added a',
      'added b',
      'added b/a',
      'added b/a/z',
      'added b/x',
      'added b-d',
      'added b.c',
    ]);
    expect(await lines([rows], [[{ path: 'b' }]])).toEqual([
      'removed a',
      'changed b type',
      'removed b/a',
      'removed b/a/z',
      'removed b/x',
      'removed b-d',
      'removed b.c',
    ]);
  });

  test('says nothing of a directory that has no entry in one of them', async () => {
    expect(await lines([[{ path: 'bin/sh', content: 'shell' }]], [base.slice(0, 2)])).toEqual([]);
  });

  test('takes a hard link for the file, and counts its bytes once', async () => {
    const linked: Row[] = [
      { path: 'f', content: 'x'.repeat(10) },
      { path: 'g', kind: 'hardlink', link: 'f' },
    ];
    const apart: Row[] = ['f', 'g'].map((path) => ({ path, content: 'x'.repeat(10) }));
    const { changes, same } = await compare([linked], [apart]);
    expect(changes).toEqual([]);
    expect(same).toEqual({ paths: 2, fromBytes: 10, toBytes: 20 });
    const { added } = await compare([], [linked]);
    expect(added).toEqual({ paths: 2, fromBytes: 0, toBytes: 10 });
  });

  test('gives states, layers and totals', async () => {
    const { changes, added, removed, changed, differences } = await compare(
      [base, [{ path: 'old', content: 'four' }]],
      [base, [{ path: 'etc/os', content: 'longer' }], [{ path: 'new', content: 'new' }]],
    );
    expect(
      changes.map(({ path, from, to }) => [path, from?.size, from?.layer, to?.size, to?.layer]),
    ).toEqual([
      ['etc/os', 3, '0', 6, '1'],
      ['new', undefined, undefined, 3, '2'],
      ['old', 4, '1', undefined, undefined],
    ]);
    expect(changes[1]!.to!.sha256).toBe(
      '11507a0e2f5e69d5dfa40a62a1bd7b6ee57e6bcd85c67c9b8431b36fff21c437',
    );
    expect(added).toEqual({ paths: 1, fromBytes: 0, toBytes: 3 });
    expect(removed).toEqual({ paths: 1, fromBytes: 4, toBytes: 0 });
    expect(changed).toEqual({ paths: 1, fromBytes: 3, toBytes: 6 });
    expect(differences).toMatchObject({ content: 1, mode: 0 });
  });
});

/** Regular files, links and directories below a folder, with the bytes of each file. */
async function listFiles(folder: string, below = ''): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(join(folder, below), { withFileTypes: true })) {
    const path = join(below, entry.name);
    if (entry.isDirectory()) found.push(`${path}/`, ...(await listFiles(folder, path)));
    else if (entry.isSymbolicLink()) found.push(`${path} link`);
    else {
      const { mode } = await stat(join(folder, path));
      found.push(`${path} ${(mode & 0o7777).toString(8)} ${await readFile(join(folder, path))}`);
    }
  }
  return found.sort();
}

describeWith([umoci], 'layers laid over one another', () => {
  test('are what an engine unpacks (umoci)', async () => {
    const folder = await makeTemporary('umoci');
    const text = (path: string, content: string, mode = 0o644) => ({
      path,
      bytes: Buffer.from(content),
      mode,
    });
    const gone = (path: string) => ({ path, bytes: Buffer.alloc(0) });
    const layers = [
      makeLayer([
        { path: 'etc/', mode: 0o755 },
        text('etc/os', 'one'),
        text('etc/gone', 'gone'),
        { path: 'lib/', mode: 0o755 },
        text('lib/a', 'a'),
        { path: 'lib/b', hardLink: 'lib/a' },
        { path: 'opaque/', mode: 0o755 },
        { path: 'opaque/sub/', mode: 0o755 },
        text('opaque/sub/x', 'x'),
        text('opaque/y', 'y'),
        { path: 'dir/', mode: 0o755 },
        text('dir/z', 'z'),
        text('file', 'file'),
      ]),
      makeLayer([
        gone('etc/.wh.gone'),
        text('etc/os', 'two', 0o600),
        gone('lib/.wh.a'),
        gone('opaque/.wh..wh..opq'),
        text('opaque/new', 'new'),
        text('dir', 'a file now'),
        gone('.wh.file'),
        { path: 'file/', mode: 0o755 },
        text('file/inner', 'inner'),
        { path: 'link', link: 'etc/os' },
      ]),
      makeLayer([gone('.wh.nothing'), text('etc/gone', 'back'), gone('opaque/.wh.sub')]),
    ];
    try {
      await writeLayout(join(folder, 'layout'), { v1: imageOfLayers(layers) });
      await mkdir(join(folder, 'bundles'));
      const bundle = join(folder, 'bundles/one');
      await run(umoci.path, ['unpack', '--image', `${join(folder, 'layout')}:v1`, bundle]);
      const expected = await listFiles(join(bundle, 'rootfs'));
      const entries = layers.map(({ tar }, i) => layerOf(String(i), rowsOf(tar)));
      const { changes } = await compareImages([], entries, GO_ON);
      const contents = new Map<string, string | undefined>(
        layers.flatMap(({ tar }, i) =>
          rowsOf(tar).map((row) => [`${i} ${row.path}`, row.content] as const),
        ),
      );
      const found = changes.map(({ path, to }) => {
        if (to!.kind === 'directory') return `${path}/`;
        if (to!.kind === 'symlink') return `${path} link`;
        // The name under which the layer has it may be another one, that of a hard link.
        const from = path === 'lib/b' ? 'lib/a' : path;
        return `${path} ${to!.mode.toString(8)} ${contents.get(`${to!.layer} ${from}`)}`;
      });
      expect(found.sort()).toEqual(expected);
      expect(expected.length).toBeGreaterThan(10);
    } finally {
      await removeTemporary(folder);
    }
  });
});
