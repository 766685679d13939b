/** The program in `go/`, which compresses as programs written in Go do it. */
import { join } from 'node:path';
import { run } from '../../support/run.ts';

/**
 * Builds it; the packages it needs are fetched where they are missing.
 * @param go - path of Go
 * @returns its path
 */
export async function buildGoCompressor(go: string, folder: string): Promise<string> {
  const program = join(folder, 'compress');
  await run(go, ['build', '-o', program, '.'], { cwd: join(import.meta.dirname, 'go') });
  return program;
}
