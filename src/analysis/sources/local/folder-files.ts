/** Files of an image layout in a folder. */
import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type ImageFiles, readStretch, type StoredFile, stampOf } from './image-files.ts';

/** What says that there is no such file. */
const MISSING: ReadonlySet<unknown> = new Set(['ENOENT', 'ENOTDIR', 'ENAMETOOLONG']);

/** Makes the files of a folder readable. Symbolic links in it are followed: tools share layers by them. */
export function openFolderFiles(folder: string): ImageFiles {
  return {
    place: folder,
    damage: undefined,
    async find(path): Promise<StoredFile | undefined> {
      const full = join(folder, path);
      try {
        const status = await stat(full, { bigint: true });
        // Pipes and devices might never end.
        if (!status.isFile()) return undefined;
        return {
          size: Number(status.size),
          damage: undefined,
          stamp: stampOf(status),
          async *read(stretch, signal) {
            const file = await open(full, 'r');
            try {
              yield* readStretch(file, stretch, signal);
            } finally {
              await file.close();
            }
          },
        };
      } catch (error) {
        if (MISSING.has((error as NodeJS.ErrnoException).code)) return undefined;
        throw error;
      }
    },
    close: async () => undefined,
  };
}
