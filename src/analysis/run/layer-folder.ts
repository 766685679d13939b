/** A folder in which layers are kept as they were fetched, so that they need not be fetched again. */
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Digest } from '../../oci/digest.ts';
import { readStretch } from '../sources/local/image-files.ts';

async function* readWhole(
  path: string,
  { end, signal }: { readonly end: number; readonly signal: AbortSignal },
): AsyncGenerator<Uint8Array, void> {
  const file = await open(path);
  try {
    yield* readStretch(file, { start: 0, end }, signal);
  } finally {
    await file.close();
  }
}

/** Of files that are being written: the process, and its number there. */
const UNFINISHED = /^\.unfinished-(\d+)-\d+$/;

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/** The folder. Files are named as in an OCI layout: `<algorithm>/<hex>`. */
export class LayerFolder {
  readonly #folder: string;
  #ready: Promise<void> | undefined;
  #unfinished = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Makes the folder, and removes what runs that were killed left unfinished in it. */
  async #prepare(): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    for (const name of await readdir(this.#folder)) {
      const pid = Number(UNFINISHED.exec(name)?.[1]);
      // Of this process nothing is here yet; in a container numbers come again.
      const isLeft = pid === process.pid || (pid > 0 && !isRunning(pid));
      if (isLeft) await rm(join(this.#folder, name), { force: true });
    }
  }

  #path(digest: Digest): string {
    return join(this.#folder, ...digest.split(':'));
  }

  /**
   * The bytes of a layer; undefined when it is not there. They are not checked. The file is open only
   * while they are read: they may have to wait for that, or never be asked for.
   */
  async read(digest: Digest, signal: AbortSignal): Promise<AsyncIterable<Uint8Array> | undefined> {
    const path = this.#path(digest);
    const status = await stat(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (status === undefined) return undefined;
    return readWhole(path, { end: status.size, signal });
  }

  /** Forgets a layer whose bytes are not what they should be. */
  async drop(digest: Digest): Promise<void> {
    await rm(this.#path(digest), { force: true });
  }

  /** Writes bytes on their way. They stay only if {@link KeptBytes.keep} is called. */
  async take(bytes: AsyncIterable<Uint8Array>): Promise<KeptBytes> {
    this.#ready ??= this.#prepare();
    await this.#ready;
    const path = join(this.#folder, `.unfinished-${process.pid}-${this.#unfinished++}`);
    const file = await open(path, 'w');
    async function* pass(): AsyncGenerator<Uint8Array> {
      for await (const piece of bytes) {
        await file.writeFile(piece);
        yield piece;
      }
    }
    return {
      bytes: pass(),
      keep: async (digest) => {
        await file.datasync();
        await file.close();
        const to = this.#path(digest);
        await mkdir(join(to, '..'), { recursive: true });
        await rename(path, to);
      },
      drop: async () => {
        await file.close().catch(() => undefined);
        await rm(path, { force: true });
      },
    };
  }
}

/** Bytes that are being written while they are read. */
export interface KeptBytes {
  readonly bytes: AsyncIterable<Uint8Array>;
  /** They were right: keeps them under their digest. */
  keep(digest: Digest): Promise<void>;
  drop(): Promise<void>;
}
