/**
 * The address file of a running server, `<data.dir>/server.json`. It lets the commands on the same
 * machine find the server and gives them its local token, so it is readable by its owner only.
 */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { replaceSecretFile } from '../auth/secret-file.ts';

/** What the file says. */
export interface ServerAddress {
  /** URL at which commands on this machine reach `/api/v1/`. */
  readonly url: string;
  /** Bearer token that gives every right, for as long as the server runs. */
  readonly token: string;
  /** Process id of the server. */
  readonly pid: number;
}

const schema: z.ZodType<ServerAddress> = z.object({
  url: z.string(),
  token: z.string(),
  pid: z.int(),
});

/** Path of the file in a data directory. */
export function addressFile(dataDir: string): string {
  return join(dataDir, 'server.json');
}

/** Writes the file. @throws the error of the file system */
export async function writeAddressFile(dataDir: string, address: ServerAddress): Promise<void> {
  await replaceSecretFile(addressFile(dataDir), `${JSON.stringify(address)}\n`);
}

/** Removes the file; a server that ends does so. */
export async function removeAddressFile(dataDir: string): Promise<void> {
  await rm(addressFile(dataDir), { force: true });
}

/**
 * Reads the file. That there is one does not mean that the server still runs.
 * @returns undefined when there is none, or none that makes sense
 * @throws the error of the file system when it cannot be read
 */
export async function readAddressFile(dataDir: string): Promise<ServerAddress | undefined> {
  let text: string;
  try {
    text = await readFile(addressFile(dataDir), 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
