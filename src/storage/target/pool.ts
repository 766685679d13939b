/**
 * Empty files made ahead. Making a file durable takes a sync of its folder; done for a stock of
 * files at once and before anybody needs one, a push does not pay for it.
 */
import { mkdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { closeFile, type Descriptor, openFile, syncFolder } from '../../lib/files.ts';
import { folderOf, pathOf } from './paths.ts';
import type { FileId } from './types.ts';

/** Files made in one go, and the stock at which the next go begins. */
const STOCK = 64;
const LOW_WATER = 16;

/** A file nobody has written to. */
export interface FreshFile {
  readonly id: FileId;
  readonly fd: Descriptor;
}

/** The stock of one target. */
export interface FilePool {
  take(): Promise<FreshFile>;
  close(): Promise<void>;
}

/** What a pool needs. */
export interface FilePoolOptions {
  readonly root: string;
  /** Reserves `count` numbers that no file ever had, durably; returns the first. */
  readonly allocate: (count: number) => Promise<FileId>;
}

/** Creates a pool; its first files are made at once, in the background. */
export function createFilePool({ root, allocate }: FilePoolOptions): FilePool {
  const stock: FreshFile[] = [];
  const folders = new Set<string>();
  let refilling: Promise<void> | undefined;
  let closed = false;

  async function makeFolder(name: string): Promise<void> {
    if (folders.has(name)) return;
    const made = await mkdir(join(root, name), { recursive: true });
    if (made !== undefined) await syncFolder(root);
    folders.add(name);
  }

  async function makeFiles(): Promise<void> {
    const first = await allocate(STOCK);
    const made: FreshFile[] = [];
    try {
      for (let id = first; id < first + STOCK; id++) {
        await makeFolder(folderOf(id));
        // Readable too: a small upload is read back from it.
        made.push({ id, fd: await openFile(pathOf(root, id), 'wx+', 0o600) });
      }
      const touched = new Set(made.map(({ id }) => folderOf(id)));
      for (const name of touched) await syncFolder(join(root, name));
    } catch (error) {
      for (const { id, fd } of made) {
        await closeFile(fd);
        await unlink(pathOf(root, id)).catch(() => undefined);
      }
      throw error;
    }
    stock.push(...made);
  }

  function refill(): Promise<void> {
    refilling ??= makeFiles().finally(() => {
      refilling = undefined;
    });
    return refilling;
  }

  refill().catch(() => undefined);
  return {
    async take() {
      for (;;) {
        if (closed) throw new Error('the target is closed');
        const file = stock.shift();
        if (stock.length < LOW_WATER) {
          const refilled = refill();
          if (file === undefined) {
            await refilled;
            continue;
          }
          // Its error, if any, comes up again when the stock is empty.
          refilled.catch(() => undefined);
        }
        return file!;
      }
    },
    async close() {
      closed = true;
      await refilling?.catch(() => undefined);
      for (const { fd } of stock.splice(0)) await closeFile(fd);
    },
  };
}
