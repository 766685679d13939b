/** A disk of some megabytes that really fills up: a tmpfs of its own. Needs root. */
import { execFileSync } from 'node:child_process';
import { open, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './run.ts';
import { makeTemporary, removeTemporary } from './temporary.ts';
import { needsRoot, requireTool } from './tools.ts';

/** What makes such disks. */
export const MOUNT = needsRoot(await requireTool('mount', 'mount'));

/** A small disk. `await using` takes it away. */
export interface SmallDisk extends AsyncDisposable {
  readonly root: string;
  /** Bytes that may still be written. */
  free(): Promise<number>;
  /** Fills it with a file of somebody else, until so many bytes are free; 0: to the last one. */
  fill(left: number): Promise<void>;
  /** Removes that file. */
  empty(): Promise<void>;
}

const PAGE = 4096;

/** Makes a disk. @param bytes - its size */
export async function makeSmallDisk(bytes: number): Promise<SmallDisk> {
  const root = await makeTemporary('small-disk');
  await run(MOUNT.path, ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', root]);
  // Also when the test's process ends before its time.
  const unmount = (): void => {
    execFileSync('umount', ['--lazy', root]);
  };
  process.once('exit', unmount);
  const ballast = join(root, 'ballast');

  async function free(): Promise<number> {
    const { bavail, bsize } = await statfs(root);
    return bavail * bsize;
  }

  return {
    root,
    free,
    async fill(left) {
      const file = await open(ballast, 'a');
      try {
        while ((await free()) > left) await file.write(Buffer.alloc(PAGE, 1));
      } finally {
        await file.close();
      }
    },
    empty: () => rm(ballast),
    async [Symbol.asyncDispose]() {
      process.removeListener('exit', unmount);
      unmount();
      await removeTemporary(root);
    },
  };
}
