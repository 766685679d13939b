/**
 * The small file beside an upload that has bytes on disk, so that it can go on after a restart. It
 * is not synced: what a PATCH was told survives a crash of the process, not power loss (decisions 2).
 */
import { mkdir, readdir, readFile, rename, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type DigestAlgorithm, isDigestAlgorithm } from '../../oci/digest.ts';
import type { FileId } from '../target/types.ts';
import type { SessionOwner } from './session-id.ts';

/** What has to be known of an upload to go on with it. */
export interface Sidecar extends SessionOwner {
  readonly algorithm: DigestAlgorithm;
  readonly file: FileId;
}

/** The sidecars of one data directory. */
export interface Sidecars {
  write(id: string, sidecar: Sidecar): Promise<void>;
  remove(id: string): Promise<void>;
  /** All that are there and make sense; what makes none is removed. */
  load(): Promise<ReadonlyMap<string, Sidecar>>;
}

const ENDING = '.json';

function parse(text: string): Sidecar | undefined {
  try {
    const { repository, subject, algorithm, file } = JSON.parse(text) as Record<string, unknown>;
    if (typeof repository !== 'string' || typeof subject !== 'string') return undefined;
    if (typeof algorithm !== 'string' || !isDigestAlgorithm(algorithm)) return undefined;
    if (typeof file !== 'number' || !Number.isSafeInteger(file) || file < 0) return undefined;
    return { repository, subject, algorithm, file };
  } catch {
    return undefined;
  }
}

/** Opens the folder of sidecars, which is made when missing. */
export async function openSidecars(folder: string): Promise<Sidecars> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const pathOf = (id: string): string => join(folder, id + ENDING);
  const remove = async (path: string): Promise<void> => {
    await unlink(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
  };
  return {
    async write(id, sidecar) {
      const path = pathOf(id);
      await writeFile(`${path}.new`, JSON.stringify(sidecar), { mode: 0o600 });
      await rename(`${path}.new`, path);
    },
    remove: (id) => remove(pathOf(id)),
    async load() {
      const found = new Map<string, Sidecar>();
      for (const name of await readdir(folder)) {
        const path = join(folder, name);
        const sidecar = name.endsWith(ENDING) ? parse(await readFile(path, 'utf8')) : undefined;
        if (sidecar === undefined) await remove(path);
        else found.set(name.slice(0, -ENDING.length), sidecar);
      }
      return found;
    },
  };
}
