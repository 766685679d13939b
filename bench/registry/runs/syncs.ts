/** The pass that counts syncs and files, apart from the others because strace slows a server down. */
import { join } from 'node:path';
import { type Load, startLoad } from '../load/process.ts';
import { countFiles } from '../measure/storage.ts';
import { countDuring } from '../measure/strace.ts';
import type { SyscallCounts } from '../measure/trace.ts';
import { PUSH_BLOB, PUSH_IMAGE } from '../rows.ts';
import type { Prepared } from './compare.ts';

/** One way of pushing that is counted. */
interface Mode {
  readonly name: string;
  readonly connections: number;
  /** Most syncs that are wanted of Stowage. */
  readonly goal: number;
  push(load: Load, count: number): Promise<unknown>;
}

const MODES: readonly Mode[] = [
  {
    name: '1 MiB blob',
    connections: 1,
    goal: 3,
    push: (load, count) => load.run({ work: PUSH_BLOB, until: { count } }),
  },
  {
    name: 'image, blobs one after the other',
    connections: 1,
    goal: 10,
    push: (load, count) => load.run({ work: PUSH_IMAGE, until: { count } }),
  },
  {
    name: 'image, blobs side by side',
    connections: 3,
    goal: 8,
    push: (load, count) => load.pushSideBySide(count),
  },
];

/** Counts per pushed blob or image. */
export interface WearSample extends SyscallCounts {
  readonly target: string;
  readonly mode: string;
  /** Most syncs that are wanted; undefined for other servers than Stowage. */
  readonly goal: number | undefined;
  /** Files that stay; undefined when the data directory is not known. */
  readonly kept: number | undefined;
}

/** Pushes `count` times in every way to every target under strace. */
export async function countWear(
  prepared: readonly Prepared[],
  folder: string,
  count: number,
): Promise<WearSample[]> {
  const samples: WearSample[] = [];
  const load = startLoad();
  try {
    for (const { target } of prepared) {
      const files = async (): Promise<number> =>
        target.dataDir === undefined ? Number.NaN : await countFiles(target.dataDir);
      for (const mode of MODES) {
        const { endpoint } = target;
        const authorization = await target.authorization();
        await load.open({ endpoint, authorization, connections: mode.connections });
        await mode.push(load, 1);
        const before = await files();
        const counts = await countDuring(target.pid, join(folder, 'trace'), () =>
          mode.push(load, count),
        );
        const kept = (await files()) - before;
        await load.verify();
        await load.close();
        samples.push({
          target: target.name,
          mode: mode.name,
          goal: target.name === 'stowage' ? mode.goal : undefined,
          syncs: counts.syncs / count,
          created: counts.created / count,
          folders: counts.folders / count,
          unlinked: counts.unlinked / count,
          renamed: counts.renamed / count,
          kept: Number.isNaN(kept) ? undefined : kept / count,
        });
      }
    }
  } finally {
    load.end();
  }
  return samples;
}
