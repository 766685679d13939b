/**
 * A disk that can lose power. The data lies on ext4 on a loop device with direct I/O, so what the
 * device has been given stands in its backing file, and what is only in the page cache does not. The
 * backing file lies on XFS, where a copy that shares all blocks takes milliseconds: the copy is the
 * disk as a power loss at that moment would have left it.
 */
import { execFileSync } from 'node:child_process';
import { mkdir, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../support/run.ts';
import { makeTemporary, removeTemporary } from '../support/temporary.ts';

const GIB = 1024 ** 3;
/** Bytes of the disk, and of the file system that its copies must fit on; both start as holes. */
const DISK = 1 * GIB;
const HOST = 8 * GIB;

/** Where the disk's contents can be looked at after a power loss. */
export interface Snapshot extends AsyncDisposable {
  /** Root of the file system, its journal replayed as at a start of the machine. */
  readonly root: string;
}

/** The disk. `await using` takes everything down again. */
export interface PowerRig extends AsyncDisposable {
  /** Root of the file system that is in use. */
  readonly root: string;
  /**
   * Copies the disk as it is now.
   * @returns a function that mounts the copy; unmounting it throws it away
   */
  cut(): Promise<() => Promise<Snapshot>>;
}

async function makeSparse(path: string, bytes: number): Promise<void> {
  await writeFile(path, '');
  await truncate(path, bytes);
}

/** Builds the disk. Needs root, `mkfs.xfs` and `mkfs.ext4`. */
export async function buildPowerRig(): Promise<PowerRig> {
  const folder = await makeTemporary('power');
  const host = join(folder, 'host');
  const root = join(folder, 'disk');
  const copyRoot = join(folder, 'copy');
  /** What is mounted, in the order in which it was. */
  const mounts: string[] = [];
  let copies = 0;

  // Runs too when the test's process ends before its time. The kernel lets go of a loop device a
  // little after its last use, so the file system that it lies on may still be busy.
  const unmountAll = (): void => {
    for (const path of mounts.splice(0).reverse()) execFileSync('umount', ['--lazy', path]);
  };
  process.once('exit', unmountAll);

  const mount = async (source: string, path: string, options: string): Promise<void> => {
    await mkdir(path);
    await run('mount', ['-o', options, source, path]);
    mounts.push(path);
  };
  const takeDown = async (): Promise<void> => {
    process.removeListener('exit', unmountAll);
    unmountAll();
    await removeTemporary(folder);
  };

  try {
    await makeSparse(join(folder, 'host.img'), HOST);
    await run('mkfs.xfs', ['-q', '-m', 'reflink=1', join(folder, 'host.img')]);
    // A device of `mount -o loop` goes with its mount.
    await mount(join(folder, 'host.img'), host, 'loop');
    await makeSparse(join(host, 'disk.img'), DISK);
    const device = await run('losetup', [
      '--find',
      '--show',
      '--direct-io=on',
      join(host, 'disk.img'),
    ]);
    try {
      await run('mkfs.ext4', ['-q', device]);
      await mount(device, root, 'defaults');
    } finally {
      // The device stays until nothing of it is mounted.
      await run('losetup', ['--detach', device]);
    }
  } catch (error) {
    await takeDown();
    throw error;
  }

  return {
    root,
    async cut() {
      const copy = join(host, `copy-${copies++}.img`);
      await run('cp', ['--reflink=always', join(host, 'disk.img'), copy]);
      return async () => {
        await mount(copy, copyRoot, 'loop');
        return {
          root: copyRoot,
          async [Symbol.asyncDispose]() {
            await run('umount', [copyRoot]);
            mounts.splice(mounts.indexOf(copyRoot), 1);
            await rm(copyRoot, { recursive: true });
            await rm(copy);
          },
        };
      };
    },
    [Symbol.asyncDispose]: takeDown,
  };
}
