/** Layers that are not as they should be: each is read as far as it goes, with remarks (issue 5, item 3). */
import { createHash } from 'node:crypto';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { HOLE_LIMIT, SIZE_LIMIT } from '../../../src/analysis/scan/file-content.ts';
import { emptyFiles, nastyEntry, nastyTar, paxHeader } from './support/nasty-tar.ts';
import { noise } from './support/noise.ts';
import { scanBytes } from './support/scan-bytes.ts';

const sha256 = (bytes: string | Uint8Array): string =>
  createHash('sha256').update(bytes).digest('hex');

const A = { name: 'a', body: Buffer.from('alpha') };
const B = { name: 'b', body: Buffer.from('beta') };

describe('compression', () => {
  const tar = nastyTar(A, { name: 'noise', body: noise(300_000) }, B);

  it('reads what there is of truncated gzip', async () => {
    const packed = gzipSync(tar);
    const { rows, codes, scan } = await scanBytes(packed.subarray(0, 100_000));
    expect(codes).toMatchObject({ truncated: 2 });
    expect(rows.map(({ path }) => path)).toEqual(['a', 'noise']);
    const { size, sha256: hash } = rows[1]!;
    expect(size).toBeGreaterThan(90_000);
    expect(hash).toBe(sha256(noise(300_000).subarray(0, size)));
    expect(scan.digest).toBe(`sha256:${sha256(packed.subarray(0, 100_000))}`);
    expect(scan.archiveSize).toBe(1024 + 512 + size);
  });

  it('reads gzip up to where it is damaged, and hashes all that is stored', async () => {
    // A member that begins with a block of no type.
    const broken = Buffer.concat([gzipSync('').subarray(0, 10), Buffer.alloc(600_000, 0x07)]);
    const packed = Buffer.concat([gzipSync(tar.subarray(0, 700)), broken]);
    const { codes, scan, rows } = await scanBytes(packed);
    expect(codes).toEqual({ 'damaged-compression': 1, 'no-end': 1 });
    expect(rows.map(({ path, sha256: hash }) => [path, hash])).toEqual([['a', sha256('alpha')]]);
    expect(scan.digest).toBe(`sha256:${sha256(packed)}`);
    expect(scan.storedSize).toBe(packed.length);
    expect(scan.archiveSize).toBe(700);
  });

  it('takes several members, and bytes after the last', async () => {
    const members = [tar.subarray(0, 700), tar.subarray(700, 200_000), tar.subarray(200_000)];
    const packed = Buffer.concat([
      ...members.map((part) => gzipSync(part)),
      Buffer.from('garbage'),
    ]);
    const { rows, codes, scan } = await scanBytes(packed);
    expect(codes).toEqual({ 'trailing-bytes': 1 });
    expect(rows).toHaveLength(3);
    expect(scan.diffId).toBe(`sha256:${sha256(tar)}`);
  });

  it('notices a wrong size', async () => {
    const packed = gzipSync(tar);
    packed.writeUInt32LE(tar.length + 1, packed.length - 4);
    expect((await scanBytes(packed)).codes).toEqual({ 'size-wrong': 1 });
  });

  it('takes several zstd frames and skippable ones, and truncated ones', async () => {
    const skippable = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
    const packed = Buffer.concat([
      skippable,
      zstdCompressSync(tar.subarray(0, 100_000)),
      skippable,
      zstdCompressSync(tar.subarray(100_000)),
    ]);
    const whole = await scanBytes(packed);
    expect(whole.codes).toEqual({});
    expect(whole.scan).toMatchObject({ compression: 'zstd', diffId: `sha256:${sha256(tar)}` });
    const half = await scanBytes(packed.subarray(0, 250_000));
    expect(half.codes.truncated).toBe(2);
    expect(half.rows.map(({ path }) => path)).toEqual(['a', 'noise']);
  });

  it('believes bytes, not media types, and says so', async () => {
    const hints = { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', size: 5 };
    const { scan, codes } = await scanBytes(zstdCompressSync(tar), { hints });
    expect(scan.compression).toBe('zstd');
    expect(codes).toEqual({ 'media-type-lies': 1, 'size-differs': 1 });
  });

  it.each([
    ['JSON', Buffer.from('{"architecture":"amd64"}'), 'unknown'],
    ['JSON in gzip', gzipSync('{"architecture":"amd64"}'), 'gzip'],
  ])('%s is no archive', async (_, bytes, compression) => {
    const { scan, codes, rows } = await scanBytes(bytes);
    expect(rows).toEqual([]);
    expect(scan.compression).toBe(compression);
    expect(codes).toHaveProperty('not-an-archive');
  });

  it('takes layers of nothing', async () => {
    expect((await scanBytes(Buffer.alloc(0))).codes).toEqual({ empty: 1 });
    const { scan, codes } = await scanBytes(gzipSync(Buffer.alloc(1024)));
    expect(scan).toMatchObject({ entries: 0, archiveSize: 1024, compression: 'gzip' });
    expect(codes).toEqual({});
  });
});

describe('archives', () => {
  it('writes every path in one way', async () => {
    const names: readonly (readonly [string | Buffer, string])[] = [
      ['./x/y', 'x/y'],
      ['/abs', 'abs'],
      ['./', ''],
      ['p//q/./r/', 'p/q/r'],
      ['up/../../over', 'over'],
      ['.hidden/..twodots/...', '.hidden/..twodots/...'],
      ['..', ''],
      ['back\\slash', 'back\\\\slash'],
      [Buffer.from([0x66, 0xff, 0x6f, 0xc3, 0xa9]), 'f\\xffoé'],
      [Buffer.from([0xed, 0xa0, 0x80]), '\\xed\\xa0\\x80'],
      ['grüße/日本', 'grüße/日本'],
    ];
    const { rows, codes } = await scanBytes(nastyTar(...names.map(([name]) => ({ name }))));
    expect(rows.map(({ path }) => path)).toEqual(names.map(([, path]) => path));
    expect(codes).toEqual({ 'dotdot-path': 2, 'not-utf8': 2, 'duplicate-path': 1 });
  });

  it('counts what comes again, and hard links without a target', async () => {
    const { rows, codes } = await scanBytes(
      nastyTar(
        A,
        { name: 'dir/', type: '5' },
        { name: 'dir/', type: '5' },
        { ...A, body: Buffer.from('other') },
        { name: 'good', type: '1', link: './a', size: 5 },
        { name: 'self', type: '1', link: 'self' },
        { name: 'loop-1', type: '1', link: 'loop-2' },
        { name: 'loop-2', type: '1', link: 'loop-1' },
        { name: 'soft', type: '2', link: '../a\\b' },
      ),
    );
    expect(codes).toEqual({ 'duplicate-path': 1, 'hardlink-without-target': 2 });
    expect(rows.map(({ kind }) => kind)).toEqual([
      'file',
      'directory',
      'directory',
      'file',
      'hardlink',
      'hardlink',
      'hardlink',
      'hardlink',
      'symlink',
    ]);
    expect(rows[4]).toMatchObject({ link: 'a', size: 0, sha256: '', type: '' });
    expect(rows[8]!.link).toBe('../a\\\\b');
  });

  it('tells whiteouts from files', async () => {
    const { rows, codes } = await scanBytes(
      nastyTar(
        { name: 'd/.wh.gone', body: Buffer.from('no body counts') },
        { name: 'd/.wh..wh..opq' },
        { name: '.wh..wh.plnk', type: '5' },
      ),
    );
    expect(rows.map(({ kind, size }) => [kind, size])).toEqual([
      ['whiteout', 0],
      ['opaque-whiteout', 0],
      ['other', 0],
    ]);
    expect(codes).toEqual({ 'aufs-metadata': 1 });
  });

  it('goes on after absurd headers', async () => {
    const { rows, codes } = await scanBytes(
      Buffer.concat([
        nastyEntry(A),
        nastyEntry({ name: 'odd', type: 'Z', body: Buffer.from('?') }),
        nastyEntry({ ...paxHeader({}), body: Buffer.from('no records') }),
        nastyEntry({ name: 'lost with its header', body: Buffer.from('x') }),
        nastyEntry(B),
        nastyEntry({ name: 'bad', badChecksum: true }),
        nastyTar({ name: 'after' }),
      ]),
    );
    expect(rows.map(({ path, kind }) => [path, kind])).toEqual([
      ['a', 'file'],
      ['odd', 'other'],
      ['b', 'file'],
    ]);
    expect(codes).toMatchObject({ 'unknown-entry-type': 1, 'after-end': 1 });
    expect(codes['not-tar']).toBeGreaterThan(0);
  });

  it('takes a file that claims to be larger than the layer', async () => {
    const huge = 4 * 2 ** 30 + 17;
    const { rows, codes } = await scanBytes(
      nastyEntry({ name: 'huge', size: huge, body: Buffer.from('begin') }),
    );
    // The padding of the block is all that follows.
    expect(rows[0]).toMatchObject({ path: 'huge', size: 512, type: 'data' });
    expect(codes).toEqual({ truncated: 1, 'no-end': 1 });
  });

  it('leaves out what comes after the end', async () => {
    const { rows, codes, scan } = await scanBytes(Buffer.concat([nastyTar(A), nastyTar(B)]));
    expect(rows.map(({ path }) => path)).toEqual(['a']);
    expect(scan.entries).toBe(1);
    expect(codes).toEqual({ 'after-end': 1 });
  });

  it('cuts paths that no system takes', async () => {
    const { rows, codes } = await scanBytes(
      nastyTar(paxHeader({ path: 'long/'.repeat(20_000) }), { name: 'x' }),
    );
    expect(rows[0]!.path.length).toBeLessThanOrEqual(4096);
    expect(codes).toEqual({ 'path-too-long': 1 });
  });

  it('takes a directory of 100,000 entries', async () => {
    const { rows, codes } = await scanBytes(gzipSync(emptyFiles(100_000), { level: 1 }));
    expect(rows).toHaveLength(100_000);
    expect(rows[77_777]).toMatchObject({ path: 'd/77777', type: 'empty', sha256: sha256('') });
    expect(codes).toEqual({ 'no-end': 1 });
  });
});

describe('sparse files', () => {
  const sparse = (size: number): Buffer =>
    nastyTar(
      paxHeader({
        'GNU.sparse.major': '0',
        'GNU.sparse.minor': '1',
        'GNU.sparse.name': 'sparse',
        'GNU.sparse.size': String(size),
        'GNU.sparse.map': `1000,5,100000,4,${size},0`,
      }),
      { name: 'GNUSparseFile.0/sparse', body: Buffer.from('alphabeta') },
    );

  it('hashes what they hold when unpacked', async () => {
    const content = Buffer.alloc(300_000);
    content.write('alpha', 1000);
    content.write('beta', 100_000);
    const { rows, codes } = await scanBytes(sparse(300_000));
    expect(rows[0]).toMatchObject({ path: 'sparse', size: 300_000, sha256: sha256(content) });
    expect(codes).toEqual({});
  });

  it('does not hash holes without end', async () => {
    const size = HOLE_LIMIT + 10_000_000;
    const { rows, codes } = await scanBytes(sparse(size));
    expect(rows[0]).toMatchObject({ path: 'sparse', size });
    expect(rows[0]!.sha256).not.toBe('');
    expect(codes).toEqual({ 'holes-not-hashed': 1 });
    const other = await scanBytes(sparse(size + 1));
    expect(other.rows[0]!.sha256).not.toBe(rows[0]!.sha256);
  });

  it('does not believe sizes beyond all disks, so that sums stay sums', async () => {
    const { rows, codes } = await scanBytes(sparse(Number.MAX_SAFE_INTEGER));
    expect(rows[0]).toMatchObject({ path: 'sparse', size: 'alphabeta'.length });
    expect(rows[0]!.sha256).not.toBe(sha256(Buffer.from('alphabeta')));
    expect(codes).toEqual({ 'size-not-believed': 1 });
    const below = await scanBytes(sparse(SIZE_LIMIT));
    expect(below.rows[0]).toMatchObject({ size: SIZE_LIMIT });
    expect(below.codes).toEqual({ 'holes-not-hashed': 1 });
  });
});
