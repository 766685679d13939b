/** Programs of Go that benchmarks measure against. */
import { execFileSync } from 'node:child_process';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../..');

/** Builds a program of Go; undefined where there is no Go. */
export function buildGo(source: string, output: string): string | undefined {
  try {
    execFileSync('go', ['build', '-o', output, '.'], { cwd: join(ROOT, source), stdio: 'pipe' });
    return output;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Builds the program of `gunzip/`, which prints what it took; undefined where there is no Go. */
export function buildGoGunzip(folder: string): string | undefined {
  return buildGo('bench/codec/gunzip', join(folder, 'gunzip'));
}

/** CPU seconds in which Go decompresses a file. @throws when it is not of so many bytes */
export function runGoGunzip(program: string, path: string, plainBytes: number): number {
  const [size, nanoseconds] = execFileSync(program, [path]).toString().split(' ').map(Number);
  if (size !== plainBytes) throw new Error('Go gave something else');
  return nanoseconds! / 1e9;
}

/** `go version`, or that there is none. */
export function goVersion(): string {
  try {
    return execFileSync('go', ['version']).toString().trim();
  } catch {
    return 'no Go';
  }
}
