/**
 * Writes the small files that hold secrets: readable by their owner only, never seen half-written,
 * and still there after power loss once the call has returned.
 */
import { randomBytes } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncFolder } from '../../lib/files.ts';

/** Who may do what with the new file; the caller's own user, read and write, by default. */
export interface SecretFileOptions {
  readonly mode?: number;
  readonly owner?: { readonly uid: number; readonly gid: number };
}

/**
 * Puts `text` in place of the file at `path`.
 * @throws the error of the file system; the old file is then still whole
 */
export async function replaceSecretFile(
  path: string,
  text: string,
  options: SecretFileOptions = {},
): Promise<void> {
  const temporary = `${path}.new-${randomBytes(6).toString('hex')}`;
  const file = await open(temporary, 'wx', 0o600);
  try {
    try {
      await file.writeFile(text);
      if (options.owner !== undefined) await file.chown(options.owner.uid, options.owner.gid);
      if (options.mode !== undefined) await file.chmod(options.mode);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(dirname(path));
}
