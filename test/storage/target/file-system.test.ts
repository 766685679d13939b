import { readdirSync, readlinkSync } from 'node:fs';
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openFileSystemTarget } from '../../../src/storage/target/file-system.ts';
import { pathOf } from '../../../src/storage/target/paths.ts';
import { type FileId, FileMissingError, type Target } from '../../../src/storage/target/types.ts';
import { MOUNT, makeSmallDisk, type SmallDisk } from '../../support/small-disk.ts';
import { makeTemporary, removeTemporary } from '../../support/temporary.ts';
import { describeWith } from '../../support/tools.ts';
import { readAll } from '../support/targets.ts';

/** Counts the numbers it hands out. */
function counter() {
  const state = { next: 0, calls: 0 };
  return {
    state,
    allocate: async (count: number): Promise<FileId> => {
      state.calls++;
      state.next += count;
      return state.next - count;
    },
  };
}

async function filesOf(target: Target): Promise<FileId[]> {
  const found: FileId[] = [];
  for await (const id of target.files()) found.push(id);
  return found;
}

/** Where the system tells which files a process holds open. */
const LISTS_OPEN_FILES = process.platform === 'linux';

/** Files below a folder that this process holds open. */
function openBelow(folder: string): number {
  const links = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return '';
    }
  });
  return links.filter((path) => path.startsWith(folder)).length;
}

describe('a target in a folder', () => {
  let root: string;
  let target: Target | undefined;
  beforeEach(async () => {
    root = join(await makeTemporary('file-system'), 'blobs');
  });
  afterEach(async () => {
    await target?.close();
    await removeTemporary(join(root, '..'));
  });

  it('decisions 2: makes files ahead, many with one reservation', async () => {
    const { state, allocate } = counter();
    target = await openFileSystemTarget({ root, allocate });
    const ids: FileId[] = [];
    for (let i = 0; i < 40; i++) {
      const writer = await target.create();
      ids.push(writer.id);
      await writer.close();
    }
    expect(state.calls).toBe(1);
    expect(await filesOf(target)).toHaveLength(64);
    for (let i = 0; i < 200; i++) await (await target.create()).close();
    // Made anew before the stock is empty: 240 were taken.
    expect(state.calls).toBeGreaterThanOrEqual(4);
    expect(state.calls).toBeLessThanOrEqual(5);
    expect(ids).toEqual([...ids].sort((a, b) => a - b));
  });

  it('makes files that nobody else may read', async () => {
    target = await openFileSystemTarget({ root, allocate: counter().allocate });
    const writer = await target.create();
    await writer.close();
    expect((await stat(root)).mode & 0o777).toBe(0o700);
    expect((await stat(pathOf(root, writer.id))).mode & 0o777).toBe(0o600);
  });

  it('goes on with the next folder when one is full', async () => {
    let next = 4090;
    const allocate = async (count: number): Promise<FileId> => {
      next += count;
      return next - count;
    };
    target = await openFileSystemTarget({ root, allocate });
    const writers = await Promise.all(Array.from({ length: 20 }, () => target!.create()));
    for (const writer of writers) {
      await writer.write([Buffer.from(String(writer.id))], 0);
      await writer.close();
      expect((await readAll(target, writer.id)).toString()).toBe(String(writer.id));
    }
    expect((await readdir(root)).sort()).toEqual(['00000', '00001']);
  });

  it('leaves alone what is none of its files', async () => {
    target = await openFileSystemTarget({ root, allocate: counter().allocate });
    await (await target.create()).close();
    await writeFile(join(root, 'README'), '');
    await writeFile(join(root, '00000', 'notes.txt'), '');
    await mkdir(join(root, 'lost+found'));
    const ids = await filesOf(target);
    expect(ids).toHaveLength(64);
    expect(ids.every((id) => id < 64)).toBe(true);
  });

  it('passes on that no numbers can be had, and tries again', async () => {
    const { allocate } = counter();
    let fails = true;
    target = await openFileSystemTarget({
      root,
      allocate: async (count) => {
        if (fails) throw new Error('metadata could not be written');
        return await allocate(count);
      },
    });
    await expect(target.create()).rejects.toThrow('metadata could not be written');
    fails = false;
    await (await target.create()).close();
  });

  it('leaves no files behind when it cannot make all of a stock', async () => {
    const { allocate } = counter();
    target = await openFileSystemTarget({ root, allocate });
    await (await target.create()).close();
    const before = await filesOf(target);
    // Something stands where the last file of the next stock should be made.
    await writeFile(pathOf(root, 127), 'in the way');
    await expect(
      (async () => {
        for (let i = 0; i < 64; i++) await (await target!.create()).close();
      })(),
    ).rejects.toThrow('EEXIST');
    expect((await filesOf(target)).sort()).toEqual([...before, 127].sort());
    await (await target.create()).close();
  });

  it.skipIf(!LISTS_OPEN_FILES)(
    'keeps a limited number of idle files open, and closes removed and unread ones',
    async () => {
      target = await openFileSystemTarget({ root, allocate: counter().allocate });
      const ids: FileId[] = [];
      for (let i = 0; i < 400; i++) {
        const writer = await target.create();
        await writer.write([Buffer.from(String(i))], 0);
        await writer.close();
        ids.push(writer.id);
      }
      for (const [i, id] of ids.entries()) {
        expect((await readAll(target, id)).toString()).toBe(String(i));
      }
      await new Promise((resolve) => setImmediate(resolve));
      const stock = 64 + 16;
      expect(openBelow(root)).toBeLessThanOrEqual(256 + stock + 1);
      // All at once, more than are kept idle.
      const readers = await Promise.all(ids.map(async (id) => await target!.open(id)));
      for (const reader of readers) reader.release();
      for (const id of ids) await target.remove(id);
      for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
      expect(openBelow(root)).toBeLessThanOrEqual(stock);
      await target.close();
      target = undefined;
      for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
      expect(openBelow(root)).toBe(0);
    },
  );

  it('makes no file once it is closed', async () => {
    target = await openFileSystemTarget({ root, allocate: counter().allocate });
    const waiting = target.create().then(
      (writer) => writer.close(),
      (error: Error) => expect(error.message).toBe('the target is closed'),
    );
    await target.close();
    await waiting;
    await expect(target.create()).rejects.toThrow('the target is closed');
    target = undefined;
  });
});

describeWith([MOUNT], 'a target on a full disk', () => {
  let disk: SmallDisk;
  let target: Target;
  beforeEach(async () => {
    disk = await makeSmallDisk(1024 * 1024);
    const root = join(disk.root, 'blobs');
    target = await openFileSystemTarget({ root, allocate: counter().allocate });
  });
  afterEach(async () => {
    await target.close();
    await disk[Symbol.asyncDispose]();
  });

  it('decisions 2: says ENOSPC, and goes on once something was removed', async () => {
    const first = await target.create();
    await first.write([Buffer.alloc(600 * 1024, 'a')], 0);
    const second = await target.create();
    const chunks = Array.from({ length: 10 }, () => Buffer.alloc(100 * 1024, 'b'));
    await expect(second.write(chunks, 0)).rejects.toMatchObject({ code: 'ENOSPC' });
    await second.close();
    await target.remove(second.id);
    expect((await target.space()).free).toBeGreaterThan(300 * 1024);
    await first.close();
    await target.remove(first.id);
    const third = await target.create();
    await third.write(chunks.slice(0, 8), 0);
    await third.close();
    expect((await readAll(target, third.id)).equals(Buffer.concat(chunks.slice(0, 8)))).toBe(true);
    await expect(async () => await target.open(first.id)).rejects.toThrow(FileMissingError);
  });
});
