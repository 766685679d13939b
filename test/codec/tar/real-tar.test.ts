/** Archives made by GNU tar of a tree that holds what layers hold, compared with that tree. */
import {
  chmod,
  link,
  lstat,
  lutimes,
  mkdir,
  open,
  readFile,
  readlink,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../support/run.ts';
import { makeTemporary, removeTemporary } from '../../support/temporary.ts';
import { type Found, walk } from './support/walk.ts';

const LONG = `${'long/'.repeat(25)}${'n'.repeat(60)}`;
const LONGER = `${'d'.repeat(120)}/${'e'.repeat(120)}/${'f'.repeat(120)}`;
/** Formats of GNU tar, and what their headers are. */
const NAMES = { v7: 'v7', ustar: 'ustar', gnu: 'gnu', oldgnu: 'gnu', pax: 'ustar' } as const;
const FORMATS = ['v7', 'ustar', 'gnu', 'oldgnu', 'pax'] as const;
/** Only pax has the fraction. */
const MTIME = 1_600_000_000.25;

let folder: string;
let tree: string;

async function put(path: string, bytes: string | Buffer): Promise<void> {
  await mkdir(dirname(join(tree, path)), { recursive: true });
  await writeFile(join(tree, path), bytes);
}

/** A file with a byte at the start of each of `count` stretches of 64 KiB. */
async function putSparse(path: string, count: number): Promise<void> {
  const handle = await open(join(tree, path), 'w');
  for (let i = 0; i < count; i++) await handle.write('x', i * 65_536);
  await handle.truncate(count * 65_536 + 1000);
  await handle.close();
}

beforeAll(async () => {
  folder = await makeTemporary('tar');
  tree = join(folder, 'tree');
  await put('empty', '');
  await put('one', 'x');
  await put('block', Buffer.alloc(512, 'b'));
  await put('large', Buffer.alloc(100_001, 'large'));
  await put('bin/su', 'set-user-ID');
  await chmod(join(tree, 'bin/su'), 0o4755);
  await put('dir/.wh.gone', '');
  await put('dir/.wh..wh..opq', '');
  await put('ünï/cødé', 'unicode');
  await symlink('../one', join(tree, 'dir/link'));
  await link(join(tree, 'large'), join(tree, 'twin'));
  await run('mkfifo', [join(tree, 'pipe')]);
  await put('old', 'old');
  await lutimes(join(tree, 'old'), MTIME, MTIME);
  await putSparse('sparse-3', 3);
  await putSparse('sparse-40', 40);
  // What V7 and ustar cannot name lies apart.
  await mkdir(join(folder, 'names'));
  const names = tree;
  tree = join(folder, 'names');
  await put(LONG, 'long');
  await put(LONGER, 'longer');
  await symlink(LONGER, join(tree, 'far'));
  tree = names;
});

afterAll(() => removeTemporary(folder));

async function pack(root: string, ...options: readonly string[]): Promise<readonly Found[]> {
  const archive = join(folder, 'archive.tar');
  await run('tar', ['--create', '--file', archive, ...options, '--directory', root, '.']);
  const { found, stretches } = walk(await readFile(archive));
  expect(stretches.map(([region]) => region)).not.toContain('opaque');
  return found;
}

/** The body with its holes. */
function unpacked({ entry, body }: Found): Buffer {
  if (entry.sparse === undefined) return body;
  const file = Buffer.alloc(entry.size);
  let at = 0;
  for (const { offset, length } of entry.sparse) {
    body.copy(file, offset, at, at + length);
    at += length;
  }
  return file;
}

/** @param filter - of `find`, which lists the paths that there must be */
async function expectSame(
  root: string,
  found: readonly Found[],
  hasFraction: boolean,
  filter: readonly string[] = [],
) {
  const listed = await run('find', ['.', ...filter], { cwd: root });
  const paths = found.map(({ entry }) => entry.path.replace(/\/$/, ''));
  expect([...paths].sort()).toEqual(listed.split('\n').sort());
  for (const one of found) {
    const { entry } = one;
    const path = join(root, entry.path);
    const stat = await lstat(path, { bigint: true });
    expect(entry.mode).toBe(Number(stat.mode & 0o7777n));
    expect([entry.uid, entry.gid]).toEqual([Number(stat.uid), Number(stat.gid)]);
    expect(entry.mtime.seconds).toBe(Number(stat.mtimeNs / 1_000_000_000n));
    const fraction = Number(stat.mtimeNs % 1_000_000_000n);
    expect(entry.mtime.nanoseconds).toBe(hasFraction ? fraction : 0);
    if (entry.type === 'hardlink') {
      expect((await lstat(join(root, entry.link), { bigint: true })).ino).toBe(stat.ino);
    } else if (entry.type === 'symlink') {
      expect(entry.link).toBe(await readlink(path));
    } else if (entry.type === 'file') {
      expect(entry.size).toBe(Number(stat.size));
      expect(unpacked(one).equals(await readFile(path))).toBe(true);
    } else {
      expect(entry.type).toBe(stat.isDirectory() ? 'directory' : 'fifo');
    }
  }
}

describe('archives of GNU tar', () => {
  it.each(FORMATS)('%s', async (format) => {
    // V7 has no way to say what a fifo is.
    const [exclude, filter] =
      format === 'v7' ? [['--exclude=pipe'], ['!', '-type', 'p']] : [[], []];
    const found = await pack(tree, `--format=${format}`, ...exclude);
    await expectSame(tree, found, format === 'pax', filter);
    const formats = new Set(found.map(({ entry }) => entry.format));
    expect([...formats]).toEqual([NAMES[format]]);
    const whiteouts = found.filter(({ entry }) => entry.whiteout !== undefined);
    expect(whiteouts.map(({ entry }) => [entry.path, entry.whiteout]).sort()).toEqual([
      ['./dir/.wh..wh..opq', 'opaque'],
      ['./dir/.wh.gone', 'file'],
    ]);
  });

  it.each(['gnu', 'oldgnu', 'pax'])('%s with long names', async (format) => {
    const root = join(folder, 'names');
    await expectSame(root, await pack(root, `--format=${format}`), format === 'pax');
  });

  it.each([
    ['gnu', '0.0'],
    ['oldgnu', '0.0'],
    ['pax', '0.0'],
    ['pax', '0.1'],
    ['pax', '1.0'],
  ])('%s with sparse files, version %s', async (format, version) => {
    const found = await pack(tree, '--sparse', `--format=${format}`, `--sparse-version=${version}`);
    const sparse = found.filter(({ entry }) => entry.sparse !== undefined);
    expect(sparse.map(({ entry }) => entry.path).sort()).toEqual(['./sparse-3', './sparse-40']);
    for (const { entry } of sparse) expect(entry.bodySize).toBeLessThan(entry.size / 4);
    await expectSame(tree, found, format === 'pax');
  });
});
