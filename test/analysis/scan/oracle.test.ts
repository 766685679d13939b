/** Scans beside independent programs: GNU tar, find, sha256sum, gzip, and tar-stream. */

import { createHash } from 'node:crypto';
import { chmod, link, mkdir, readFile, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { pack } from 'tar-stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../support/run.ts';
import { makeTemporary, removeTemporary } from '../../support/temporary.ts';
import { type Row, scanBytes } from './support/scan-bytes.ts';

let folder: string;
let tree: string;

beforeAll(async () => {
  folder = await makeTemporary('analysis-scan');
  tree = join(folder, 'tree');
  await mkdir(join(tree, 'a/b c/d'), { recursive: true });
  for (let i = 0; i < 200; i++) {
    const name = `a/${i % 3 === 0 ? 'b c/' : ''}file-${i}`;
    await writeFile(join(tree, name), Buffer.alloc(i * i, `content ${i % 50} `));
  }
  await writeFile(join(tree, 'a/grüße'), 'x');
  await writeFile(join(tree, `a/${'long'.repeat(50)}`), 'long');
  await chmod(join(tree, 'a/file-1'), 0o4755);
  await link(join(tree, 'a/file-2'), join(tree, 'a/hard'));
  await symlink('../nowhere', join(tree, 'a/soft'));
  await writeFile(join(tree, 'sparse'), 'begin');
  await truncate(join(tree, 'sparse'), 3_000_000);
});

afterAll(async () => {
  await removeTemporary(folder);
});

/** What find and sha256sum say of a tar that GNU tar has unpacked, as lines. */
async function oracle(tar: string): Promise<string[]> {
  const out = join(folder, 'out');
  await mkdir(out);
  try {
    await run('tar', ['-xpf', tar, '-C', out]);
    const list = await run(
      'find',
      ['.', '-mindepth', '1', '-printf', '%P\\t%y\\t%s\\t%m\\t%U\\t%G\\t%l\\n'],
      { cwd: out },
    );
    const sums = await run('sh', ['-c', 'find . -type f -exec sha256sum {} +'], { cwd: out });
    const hashes = new Map(
      sums.split('\n').map((line) => [line.slice(68), line.slice(0, 64)] as const),
    );
    return list.split('\n').map((line) => {
      const [path = '', kind = '', size, mode, uid, gid, target] = line.split('\t');
      return kind === 'f'
        ? [path, kind, size, mode, uid, gid, hashes.get(path)].join(' ')
        : [path, kind, mode, uid, gid, target].join(' ');
    });
  } finally {
    await removeTemporary(out);
  }
}

/** The same of rows; a hard link is the file that it leads to. */
function linesOf(rows: readonly Row[]): string[] {
  const files = new Map(rows.map((row) => [row.path, row]));
  return rows
    .filter(({ path }) => path !== '')
    .map((row) => {
      const file = row.kind === 'hardlink' ? files.get(row.link!)! : row;
      const { size, sha256, mode, uid, gid, link: target = '' } = file;
      const bits = mode.toString(8);
      if (file.kind === 'file') return [row.path, 'f', size, bits, uid, gid, sha256].join(' ');
      return [row.path, file.kind === 'symlink' ? 'l' : 'd', bits, uid, gid, target].join(' ');
    });
}

describe.each(['gnu', 'pax', 'ustar', 'oldgnu'])('an archive of GNU tar, format %s', (format) => {
  it.each(['none', 'gzip', 'zstd'] as const)('compressed: %s', async (compression) => {
    const path = join(folder, `${format}.tar`);
    // It has neither sparse files nor long names.
    const options = format === 'ustar' ? ['--exclude=*longlong*'] : ['--sparse'];
    await run('tar', ['-c', `--format=${format}`, ...options, '-f', path, '-C', tree, '.']);
    const tar = await readFile(path);
    let stored: Buffer = tar;
    if (compression === 'gzip') {
      await run('gzip', ['-kf', path]);
      stored = await readFile(`${path}.gz`);
    } else if (compression === 'zstd') {
      stored = zstdCompressSync(tar);
    }
    const { scan, rows, codes } = await scanBytes(stored, { pieceSize: 70_001 });
    expect(codes).toEqual({});
    expect(linesOf(rows).sort()).toEqual((await oracle(path)).sort());
    const [sum] = (await run('sha256sum', [path])).split(' ');
    expect(scan).toMatchObject({
      compression,
      diffId: `sha256:${sum}`,
      archiveSize: tar.length,
      storedSize: stored.length,
      entries: rows.length,
    });
    // What fell to the bodies is a part of what is stored.
    const packed = rows.reduce((total, row) => total + row.packedSize, 0);
    expect(packed).toBeGreaterThan(0);
    expect(packed).toBeLessThan(stored.length);
  });
});

it('archives of tar-stream, however they are cut', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(
        fc.record({
          name: fc.stringMatching(/^[a-zäß]{1,8}(\/[a-z0-9_-]{1,60}){0,4}$/),
          size: fc.integer({ min: 0, max: 40_000 }),
          // tar-stream takes 0 for none.
          mode: fc.integer({ min: 1, max: 0o7777 }),
        }),
        { selector: ({ name }) => name, maxLength: 20 },
      ),
      fc.integer({ min: 1, max: 60_000 }),
      async (files, pieceSize) => {
        const packer = pack();
        const bodies = files.map(({ name, size }) => Buffer.alloc(size, name));
        for (const [i, { name, mode }] of files.entries()) packer.entry({ name, mode }, bodies[i]!);
        packer.finalize();
        const { rows, codes } = await scanBytes(await buffer(packer), { pieceSize });
        expect(codes).toEqual({});
        expect(rows.map(({ path, size, mode, sha256 }) => [path, size, mode, sha256])).toEqual(
          files.map(({ name, size, mode }, i) => [
            name,
            size,
            mode,
            createHash('sha256').update(bodies[i]!).digest('hex'),
          ]),
        );
      },
    ),
    { numRuns: 40 },
  );
});
