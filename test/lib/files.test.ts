import { mkdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  closeFile,
  makeFolder,
  openFile,
  syncData,
  syncFolder,
  truncateFile,
  writeVector,
} from '../../src/lib/files.ts';
import { makeTemporary, removeTemporary } from '../support/temporary.ts';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await makeTemporary('files');
  path = join(folder, 'file');
});
afterEach(() => removeTemporary(folder));

describe('files by their descriptors', () => {
  it('are opened, written, cut, synced and closed', async () => {
    const fd = await openFile(path, 'wx+', 0o600);
    expect(await writeVector(fd, [Buffer.from('hello '), Buffer.from('world')], 0)).toBe(11);
    expect(await writeVector(fd, [Buffer.from('W')], 6)).toBe(1);
    await truncateFile(fd, 8);
    await syncData(fd);
    await closeFile(fd);
    expect(await readFile(path, 'utf8')).toBe('hello Wo');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    await syncFolder(folder);
  });

  it('fail with the error of the system', async () => {
    await expect(openFile(path, 'r')).rejects.toMatchObject({ code: 'ENOENT' });
    const fd = await openFile(path, 'w');
    await expect(openFile(path, 'wx')).rejects.toMatchObject({ code: 'EEXIST' });
    await closeFile(fd);
    await expect(closeFile(fd)).rejects.toMatchObject({ code: 'EBADF' });
    const readOnly = await openFile(path, 'r');
    await expect(writeVector(readOnly, [Buffer.from('x')], 0)).rejects.toMatchObject({
      code: 'EBADF',
    });
    await expect(truncateFile(readOnly, 0)).rejects.toMatchObject({ code: 'EINVAL' });
    await closeFile(readOnly);
    await expect(syncFolder(path)).rejects.toMatchObject({ code: 'ENOTDIR' });
    await mkdir(join(folder, 'sub'));
    await syncFolder(join(folder, 'sub'));
  });
});

describe('a folder', () => {
  it('is made with those above it, for its owner only, and made once', async () => {
    const deep = join(folder, 'a', 'b', 'c');
    await makeFolder(deep);
    await makeFolder(deep);
    for (const one of [deep, join(folder, 'a', 'b'), join(folder, 'a')]) {
      expect((await stat(one)).mode & 0o777).toBe(0o700);
    }
    await makeFolder(join(folder, 'a', 'd'));
    await makeFolder(folder);
  });

  it('is not made where a file is', async () => {
    await closeFile(await openFile(path, 'w'));
    await expect(makeFolder(path)).rejects.toMatchObject({ code: 'EEXIST' });
    await expect(makeFolder(join(path, 'x'))).rejects.toMatchObject({ code: 'ENOTDIR' });
  });
});
