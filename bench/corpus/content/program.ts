/** A program of Go in several versions. */
import { join } from 'node:path';
import { requireGo } from '../../../test/support/tools.ts';
import { runStep } from '../context.ts';

const SOURCE = join(import.meta.dirname, 'program');

/**
 * Builds the program.
 * @param file - to be written
 * @throws Error without Go
 */
export async function buildProgram(version: string, file: string): Promise<void> {
  const { path, missing } = await requireGo();
  if (missing !== undefined) throw new Error(missing);
  const flags = ['-trimpath', '-ldflags', `-s -w -X main.version=${version}`];
  await runStep(path, ['build', ...flags, '-o', file, '.'], {
    cwd: SOURCE,
    env: { CGO_ENABLED: '0', GOFLAGS: '' },
  });
}
