import { describe, expect, it } from 'vitest';
import { file, headerBlock, longName, padded, pax, zeros } from './support/archive.ts';
import { walk } from './support/walk.ts';

/** The only entry of an archive. */
function only(...parts: readonly Buffer[]) {
  const { found } = walk(Buffer.concat([...parts, zeros(2)]));
  expect(found).toHaveLength(1);
  return found[0]!;
}

describe('header blocks', () => {
  it('gives every field of a ustar header', () => {
    const { entry, body } = only(
      file(
        {
          path: 'b.txt',
          prefix: 'a/long/way',
          mode: '0104755\0',
          uid: '0001750\0',
          mtime: '14371600000\0',
          user: 'alice',
          raw: [
            [116, '0000144\0'],
            [297, 'users'],
          ],
        },
        'hello',
      ),
    );
    expect(body.toString()).toBe('hello');
    expect(entry).toEqual({
      type: 'file',
      typeFlag: 0x30,
      format: 'ustar',
      path: 'a/long/way/b.txt',
      pathBytes: new Uint8Array(Buffer.from('a/long/way/b.txt')),
      link: '',
      linkBytes: new Uint8Array(0),
      mode: 0o4755,
      uid: 1000,
      gid: 100,
      user: 'alice',
      group: 'users',
      mtime: { seconds: 0o14371600000, nanoseconds: 0 },
      deviceMajor: 0,
      deviceMinor: 0,
      size: 5,
      xattrs: new Map(),
      pax: new Map(),
      archive: 0,
      headerStart: 0,
      bodyStart: 512,
      bodySize: 5,
    });
  });

  it.each([
    ['0', 'file'],
    ['\0', 'file'],
    ['7', 'file'],
    ['1', 'hardlink'],
    ['2', 'symlink'],
    ['3', 'character-device'],
    ['4', 'block-device'],
    ['5', 'directory'],
    ['6', 'fifo'],
    ['Z', 'other'],
  ])('type %j is a %s', (type, expected) => {
    expect(only(file({ type })).entry.type).toBe(expected);
  });

  it.each(['1', '2', '3', '4', '5', '6'])(
    'type %s has no body, whatever size it states',
    (type) => {
      const { found, stretches } = walk(
        Buffer.concat([headerBlock({ type, size: 5000 }), file({ path: 'next' }, 'x'), zeros(2)]),
      );
      expect(found.map(({ entry }) => [entry.path, entry.bodySize])).toEqual([
        ['file', 0],
        ['next', 1],
      ]);
      expect(stretches.map(([region]) => region)).not.toContain('opaque');
    },
  );

  it('an unknown type keeps its body', () => {
    const { entry, body } = only(file({ type: 'Z' }, 'something'));
    expect([entry.type, body.toString()]).toEqual(['other', 'something']);
  });

  it('a V7 file whose name ends with a slash is a directory', () => {
    const { entry } = only(headerBlock({ path: 'dir/', type: '\0', magic: '', size: 512 }));
    expect([entry.type, entry.format, entry.bodySize]).toEqual(['directory', 'v7', 0]);
  });

  it('the prefix of a GNU header is not a part of the name', () => {
    const { entry } = only(file({ magic: 'ustar  \0', prefix: '14371600000\u000014371600001\0' }));
    expect(entry.path).toBe('file');
    expect(entry.atime?.seconds).toBe(0o14371600000);
    expect(entry.ctime?.seconds).toBe(0o14371600001);
  });

  it('star has a shorter prefix and its times behind it', () => {
    const { entry } = only(
      file({
        prefix: 'dir',
        raw: [
          [476, '00000000007\0'],
          [488, '00000000010\0'],
          [508, 'tar\0'],
        ],
      }),
    );
    expect([entry.format, entry.path, entry.atime?.seconds, entry.ctime?.seconds]).toEqual([
      'star',
      'dir/file',
      7,
      8,
    ]);
  });

  it('device numbers', () => {
    const { entry } = only(
      file({
        type: '3',
        raw: [
          [329, '0000010\0'],
          [337, '0000377\0'],
        ],
      }),
    );
    expect([entry.deviceMajor, entry.deviceMinor]).toEqual([8, 255]);
  });

  it('the whole width of a name field, without a NUL', () => {
    expect(only(file({ path: 'n'.repeat(100) })).entry.path).toBe('n'.repeat(100));
  });

  it('a name that is not UTF-8 is kept byte for byte', () => {
    const { entry } = only(file({ raw: [[0, Uint8Array.of(0x66, 0xff, 0x66, 0)]] }));
    expect(entry.pathBytes).toEqual(Uint8Array.of(0x66, 0xff, 0x66));
    expect(entry.path).toBe('f\ufffdf');
  });
});

describe('numbers', () => {
  const size = (bytes: string | Uint8Array) => file({ raw: [[124, bytes]] }, 'abc');

  it.each([
    ['NUL at the end', '00000000003\0'],
    ['space at the end', '00000000003 '],
    ['all digits', '000000000003'],
    ['spaces in front', '          3 '],
    ['NULs in front', '\0\0\0\0\0\0\0\0\0\u00003\0'],
    ['base-256', Uint8Array.of(0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3)],
  ])('%s', (_, bytes) => {
    expect(only(size(bytes)).entry.bodySize).toBe(3);
  });

  it.each([
    ['letters', 'abcdefghijk\0'],
    ['a nine', '00000000009\0'],
    ['negative', new Uint8Array(12).fill(0xff)],
    ['beyond the safe integers', Uint8Array.of(0x80, 0, 0, 0, 0, 0x20, 0, 0, 0, 0, 0, 0)],
  ])('a size of %s is no header', (_, bytes) => {
    const { found, stretches } = walk(Buffer.concat([size(bytes), zeros(2)]));
    expect(found).toEqual([]);
    expect(stretches[0]).toEqual(['opaque', 1024]);
  });

  it('negative times in base-256', () => {
    const bytes = new Uint8Array(12).fill(0xff);
    bytes[11] = 0xfe;
    expect(only(file({ raw: [[136, bytes]] })).entry.mtime.seconds).toBe(-2);
  });

  it.each(['unsigned', 'signed'] as const)('a checksum of %s bytes', (checksum) => {
    for (const path of ['é', 'aéüñßø', 'é'.repeat(10)]) {
      expect(only(file({ path, checksum })).entry.path).toBe(path);
    }
  });

  it('a field that cannot be read counts as 0', () => {
    expect(only(file({ uid: 'xxxxxxx\0' })).entry.uid).toBe(0);
  });
});

describe('extension headers', () => {
  it('pax records count more than the header block', () => {
    const { entry, body } = only(
      pax([
        ['path', 'dir/päth'],
        ['size', '3'],
        ['uid', '4294967295'],
        ['gid', '8'],
        ['uname', 'älice'],
        ['gname', 'gröup'],
        ['mtime', '1350244992.0239601089'],
        ['atime', '-1.25'],
        ['ctime', '-2'],
        ['comment', 'no one reads it'],
      ]),
      Buffer.concat([headerBlock({ size: 0, path: 'short' }), padded(Buffer.from('abc'))]),
    );
    expect(body.toString()).toBe('abc');
    expect(entry).toMatchObject({
      path: 'dir/päth',
      size: 3,
      uid: 4294967295,
      gid: 8,
      user: 'älice',
      group: 'gröup',
      mtime: { seconds: 1350244992, nanoseconds: 23_960_108 },
      atime: { seconds: -2, nanoseconds: 750_000_000 },
      ctime: { seconds: -2, nanoseconds: 0 },
      headerStart: 0,
      bodyStart: 3 * 512,
    });
    expect(Buffer.from(entry.pax.get('comment')!).toString()).toBe('no one reads it');
  });

  it('global records count until they are taken back, local ones for one entry', () => {
    const { found } = walk(
      Buffer.concat([
        pax(
          [
            ['uname', 'all'],
            ['gname', 'all'],
          ],
          'g',
        ),
        pax([['uname', 'one']]),
        file({ path: '1' }),
        file({ path: '2' }),
        pax([['gname', '']]),
        file({ path: '3' }),
        pax([['uname', '']], 'g'),
        file({ path: '4', user: 'own' }),
        zeros(2),
        file({ path: '5' }),
      ]),
    );
    expect(found.map(({ entry }) => [entry.path, entry.user, entry.group])).toEqual([
      ['1', 'one', 'all'],
      ['2', 'all', 'all'],
      ['3', 'all', ''],
      ['4', 'own', 'all'],
      // Another archive, with which the records of the first have nothing to do.
      ['5', '', ''],
    ]);
  });

  it('link targets by pax and by GNU', () => {
    const link = file({ type: '2', link: 'short' });
    expect(only(pax([['linkpath', 'far/away']]), link).entry.link).toBe('far/away');
    expect(only(longName('l'.repeat(300), 'K'), link).entry.link).toBe('l'.repeat(300));
  });

  it('long names of GNU count more than pax', () => {
    const { entry } = only(pax([['path', 'pax']]), longName('n'.repeat(300)), file({}));
    expect(entry.path).toBe('n'.repeat(300));
    expect(entry.headerStart).toBe(0);
  });

  it('extended attributes, binary ones too', () => {
    const value = Uint8Array.of(1, 0, 0, 2, 10, 61, 255);
    const { entry } = only(
      pax([
        ['SCHILY.xattr.security.capability', value],
        ['LIBARCHIVE.xattr.user.a%20b', 'AQI='],
        ['LIBARCHIVE.xattr.security.capability', 'AAAA'],
      ]),
      file({}),
    );
    expect(entry.xattrs).toEqual(
      new Map<string, Uint8Array>([
        ['security.capability', value],
        ['user.a b', Buffer.from([1, 2])],
      ]),
    );
  });

  it.each([
    ['a length that is too short', '3 path=x\n'],
    ['a length that is too long', '99 path=x\n'],
    ['no line feed', '9 path=xy'],
    ['no keyword', '6 =xy\n'],
    ['no equals sign', '9 pathxy\n'],
    ['no number', 'path=x\n'],
    ['a size that is none', '10 size=x\n'],
  ])('records with %s make the entry opaque, and nothing else', (_, text) => {
    const { found, stretches } = walk(
      Buffer.concat([
        file({ type: 'x' }, text),
        file({ path: 'lost' }, 'body'),
        file({ path: 'next' }, 'x'),
        zeros(2),
      ]),
    );
    expect(found.map(({ entry }) => entry.path)).toEqual(['next']);
    expect(stretches.slice(0, 2)).toEqual([
      ['header', 1024],
      ['opaque', 1024],
    ]);
  });

  it.each(['x', 'L', 'K'])('%s of more than 1 MiB is opaque, with its entry', (type) => {
    const size = 1024 * 1024 + 1;
    const { found, stretches } = walk(
      Buffer.concat([
        headerBlock({ type, size }),
        padded(Buffer.alloc(size, 'a')),
        file({ path: 'lost' }, 'body'),
        file({ path: 'next' }),
      ]),
    );
    expect(found.map(({ entry }) => entry.path)).toEqual(['next']);
    expect(stretches).toEqual([
      ['header', 512],
      ['opaque', 1024 * 1024 + 512 + 1024],
      ['header', 512],
    ]);
  });

  it('global records of more than 1 MiB in all are not taken', () => {
    const value = 'v'.repeat(600_000);
    const { found } = walk(
      Buffer.concat([pax([['a', value]], 'g'), pax([['b', value]], 'g'), file({})]),
    );
    expect([...found[0]!.entry.pax.keys()]).toEqual(['a']);
  });
});

describe('whiteouts', () => {
  it.each([
    ['.wh.gone', 'file'],
    ['a/b/.wh.gone', 'file'],
    ['a/.wh.gone/', 'file'],
    ['a/.wh..wh..opq', 'opaque'],
    ['.wh..wh.plnk', 'metadata'],
    ['a/.wh.dir/file', undefined],
    ['a/x.wh.y', undefined],
  ])('%s is %s', (path, whiteout) => {
    expect(only(file({ path })).entry.whiteout).toBe(whiteout);
  });
});
