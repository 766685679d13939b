/** A file system of a few megabytes, to be filled up. Needs root. */
import { run } from '../../support/run.ts';
import { makeTemporary, removeTemporary } from '../../support/temporary.ts';
import { needsRoot, requireTool } from '../../support/tools.ts';

/** What makes such file systems. */
export const MOUNT = needsRoot(await requireTool('mount', 'mount'));

/** A file system in memory, mounted. */
export interface SmallDisk {
  readonly folder: string;
  remove(): Promise<void>;
}

/** Mounts a new one of `bytes`. */
export async function makeSmallDisk(bytes: number): Promise<SmallDisk> {
  const folder = await makeTemporary('small-disk');
  await run(MOUNT.path, ['-t', 'tmpfs', '-o', `size=${bytes}`, 'none', folder]);
  return {
    folder,
    async remove() {
      await run('umount', [folder]);
      await removeTemporary(folder);
    },
  };
}
