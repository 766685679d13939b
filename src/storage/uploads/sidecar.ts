/**
 * The small file beside an upload that has bytes on disk, so that it can go on after a restart. It
 * is not synced, and neither are the bytes: what a PATCH was told survives a crash of the process, not
 * power loss (decisions 2). After that, the file may have its length and not its bytes. So the
 * sidecar says in which run of the machine it was written: in any other, only bytes count that were
 * made durable, as an orderly stop of the server does.
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
  /** The run of the machine whose memory holds what is not durable; see {@link Sidecars.boot}. */
  readonly boot: string;
  /** Bytes at the begin of the file that are durable. */
  readonly synced: number;
}

/** The sidecars of one data directory. */
export interface Sidecars {
  /** Names the current run of the machine; empty where the system has no name for it. */
  readonly boot: string;
  write(id: string, sidecar: Sidecar): Promise<void>;
  remove(id: string): Promise<void>;
  /** All that are there and make sense; what makes none is removed. */
  load(): Promise<ReadonlyMap<string, Sidecar>>;
}

const ENDING = '.json';

/** Linux gives each run of the machine a random name. */
const BOOT_ID = '/proc/sys/kernel/random/boot_id';

async function readBoot(): Promise<string> {
  const text = await readFile(BOOT_ID, 'utf8').catch(() => '');
  return text.trim();
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function parse(text: string): Sidecar | undefined {
  try {
    const values = JSON.parse(text) as Record<string, unknown>;
    const { repository, subject, algorithm, file, boot, synced } = values;
    if (typeof repository !== 'string' || typeof subject !== 'string') return undefined;
    if (typeof algorithm !== 'string' || !isDigestAlgorithm(algorithm)) return undefined;
    if (!isCount(file) || !isCount(synced) || typeof boot !== 'string') return undefined;
    return { repository, subject, algorithm, file, boot, synced };
  } catch {
    return undefined;
  }
}

/** Opens the folder of sidecars, which is made when missing. */
export async function openSidecars(folder: string): Promise<Sidecars> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const boot = await readBoot();
  const pathOf = (id: string): string => join(folder, id + ENDING);
  const remove = async (path: string): Promise<void> => {
    await unlink(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
  };
  return {
    boot,
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
