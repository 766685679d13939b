import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SourceError } from '../../../src/analysis/sources/errors.ts';
import { openLocalSources } from '../../../src/analysis/sources/local/open.ts';
import { makeTar } from '../../support/tar.ts';
import { makeTemporary, removeTemporary } from '../../support/temporary.ts';
import { bytesOf, collect, GO_ON } from './support.ts';

let folder: string;

beforeEach(async () => {
  folder = await makeTemporary('open');
});
afterEach(() => removeTemporary(folder));

const rootfs = makeTar([{ path: 'etc/' }, { path: 'etc/passwd', bytes: Buffer.from('root') }]);
const flat = makeTar([{ path: 'app.js', bytes: Buffer.from('run()') }]);

async function write(name: string, bytes: Uint8Array | string): Promise<string> {
  await writeFile(join(folder, name), bytes);
  return join(folder, name);
}

describe('layers in files', () => {
  test('are one source of layers without images, each known by path, size and time', async () => {
    const paths = [
      await write('a.tar', rootfs),
      await write('b.tar.gz', gzipSync(rootfs)),
      await write('c.tar.zst', zstdCompressSync(flat)),
      await write('d.tar', Buffer.alloc(1024)),
    ];
    const sources = await openLocalSources([...paths, paths[0]!], {}, GO_ON);
    expect(sources).toHaveLength(1);
    const [source] = sources;
    expect(source!.kind).toBe('tar');
    expect([...source!.unknown.keys()]).toEqual(['images', 'pull-counts', 'compressed-size']);
    const { images, layers, problems } = await collect(source!);
    expect([images, problems]).toEqual([[], []]);
    const sizes = [rootfs.length, gzipSync(rootfs).length, zstdCompressSync(flat).length, 1024];
    expect(layers.map(({ id, size, digest }) => [id, size, digest])).toEqual(
      sizes.map((size, i) => [
        expect.stringMatching(new RegExp(`^tar:${paths[i]}#${size}-\\d+$`)),
        size,
        undefined,
      ]),
    );
    expect(await bytesOf(source!, layers[1]!)).toEqual(gzipSync(rootfs));
    await expect(bytesOf(source!, { ...layers[1]!, id: 'tar:/etc/passwd' })).rejects.toThrow(
      SourceError,
    );
  });

  test('that take the place of others are others, and not read as those', async () => {
    const path = await write('a.tar', rootfs);
    const find = async () => {
      const [source] = await openLocalSources([path], {}, GO_ON);
      return { source: source!, layer: (await collect(source!)).layers[0]! };
    };
    const before = await find();
    expect((await find()).layer.id).toBe(before.layer.id);
    // Of the same size, later by the least that a file system may tell.
    await write('a.tar', Buffer.from(rootfs).fill('x', rootfs.length - 1));
    await utimes(path, 0, 0.001);
    expect((await find()).layer.id).not.toBe(before.layer.id);
    await expect(bytesOf(before.source, before.layer)).rejects.toThrow('was changed since');
  });

  test('all compressed have sizes that count', async () => {
    const sources = await openLocalSources([await write('a', gzipSync(flat))], {}, GO_ON);
    expect([...sources[0]!.unknown.keys()]).toEqual(['images', 'pull-counts']);
  });

  test('leave nothing behind that was unpacked to look at them', async () => {
    const temporary = join(folder, 'temporary');
    await mkdir(temporary);
    await openLocalSources([await write('a', gzipSync(rootfs))], { temporary }, GO_ON);
    expect(await readdir(temporary)).toEqual([]);
  });
});

describe('what is no source', () => {
  const open = (path: string) => openLocalSources([path], {}, GO_ON);

  test.each<[string, () => Promise<string>, RegExp]>([
    [
      'nothing',
      async () => join(folder, 'none'),
      /there is nothing of that name\nhint: a path is that of an OCI layout/,
    ],
    [
      'an image of an engine',
      async () => 'docker-daemon:app:v1',
      /nothing of that name\nhint: docker-daemon: cannot be read as it is: docker save/,
    ],
    ['a text', () => write('text', 'hello'), /is no tar, nor one in gzip or zstd/],
    ['an empty file', () => write('empty', ''), /is no tar/],
    ['a device', async () => '/dev/null', /is neither a file nor a folder/],
    [
      'a folder of something',
      async () => folder,
      /is a folder, and none of an OCI layout.*\nhint: looked for oci-layout/,
    ],
    [
      'a folder of layouts',
      async () => {
        await mkdir(join(folder, 'one'));
        await write('one/oci-layout', '{}');
        return folder;
      },
      /holds several OCI layouts: give them by name, as .*one/,
    ],
    [
      'a folder of skopeo',
      async () => {
        await write('manifest.json', '{"schemaVersion":2}');
        await write('version', 'Directory Transport Version: 1.1');
        return folder;
      },
      /skopeo copy dir:/,
    ],
    [
      'the storage of podman',
      async () => {
        await mkdir(join(folder, 'overlay-layers'));
        return folder;
      },
      /podman save/,
    ],
    [
      'an archive of an old Docker',
      () => write('old.tar', makeTar([{ path: 'repositories', bytes: Buffer.from('{}') }])),
      /before 1\.10/,
    ],
    [
      'a folder that only looks like a data directory',
      async () => {
        await write('format.json', '{"format":3}');
        await mkdir(join(folder, 'metadata'));
        return folder;
      },
      /database .* is missing or empty/,
    ],
    [
      'a data directory of a newer version',
      async () => {
        await write('format.json', '{"format":99}');
        await mkdir(join(folder, 'metadata'));
        return folder;
      },
      /use a newer Stowage/,
    ],
  ])('%s: says so', async (_, make, message) => {
    const path = await make();
    const error = await open(path).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(SourceError);
    const { message: what, hint = '' } = error as SourceError;
    expect(`${what}\nhint: ${hint}`).toMatch(message);
  });

  test('closes what was opened before', async () => {
    const layer = await write('a.tar', rootfs);
    await expect(openLocalSources([layer, join(folder, 'none')], {}, GO_ON)).rejects.toThrow(
      SourceError,
    );
  });
});
