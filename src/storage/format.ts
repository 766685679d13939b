/** The format version of a data directory, in a file that needs no database to be read. */
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { syncFolder } from '../lib/files.ts';

/**
 * The format that this version writes. Format 2 has layers that are kept as recipes only; a directory
 * of format 1 is one without any. Format 3 has recipes of layers that are not compressed; a directory
 * of format 2 is one without any. Older ones become one of this format when they are opened.
 */
export const FORMAT = 3;
const FILE = 'format.json';

/** The data directory was written by a newer version, or is none. */
export class FormatError extends Error {
  override readonly name = 'FormatError';
}

/**
 * The format of a data directory; undefined when it has none yet, because no start has got that far.
 * @throws FormatError when the format is newer than this version, or unreadable
 */
export async function readFormat(folder: string): Promise<number | undefined> {
  const path = join(folder, FILE);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return undefined;
  }
  let format: unknown;
  try {
    format = (JSON.parse(text) as { format?: unknown }).format;
  } catch {
    throw new FormatError(`${path} is not readable as JSON`);
  }
  if (typeof format !== 'number') throw new FormatError(`${path} names no format`);
  if (format > FORMAT) {
    throw new FormatError(
      `the data directory ${folder} has format ${format}, this version knows ${FORMAT}: use a newer Stowage`,
    );
  }
  return format;
}

/** Notes the format of a data directory, durably: from then on it has to hold what a first start makes. */
export async function noteFormat(folder: string): Promise<void> {
  const path = join(folder, FILE);
  await writeFile(`${path}.new`, `${JSON.stringify({ format: FORMAT })}\n`, { flush: true });
  await rename(`${path}.new`, path);
  await syncFolder(folder);
}
