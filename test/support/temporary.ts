/** Temporary folders of tests: one place that names them, so that leftovers are easy to spot. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Creates an empty folder under the system's temporary directory. */
export function makeTemporary(purpose: string): Promise<string> {
  return mkdtemp(join(tmpdir(), `stowage-${purpose}-`));
}

/** Removes a folder made by {@link makeTemporary}, whatever is in it. */
export function removeTemporary(folder: string): Promise<void> {
  return rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}
