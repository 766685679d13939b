/** A folder in which layers are kept as they were fetched, so that they need not be fetched again. */
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
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

/** The folder. Files are named as in an OCI layout: `<algorithm>/<hex>`. */
export class LayerFolder {
  readonly #folder: string;
  #unfinished = 0;

  constructor(folder: string) {
    this.#folder = folder;
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
    await mkdir(this.#folder, { recursive: true });
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
