/**
 * Compiles the kernels of the codec from AssemblyScript to WebAssembly, into a module that is kept
 * in the repository: so neither a checkout nor the published package needs the compiler, and a test
 * sees to it that sources and result belong together.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '..');
const COMPILER = join(ROOT, 'node_modules/assemblyscript/bin/asc.js');
const FOLDER = 'src/codec/kernels';
/** Where the result lies. */
export const KERNEL_MODULE = join(ROOT, FOLDER, 'binaries.ts');

/** Kernels and their memory in pages of 64 KiB, which is all they ever have. */
const KERNELS = { reader: 8, writer: 5, tokens: 7, space: 262 } as const;

/** Bytes of one kernel. */
function compile(name: string, pages: number, folder: string): Buffer {
  const file = join(folder, `${name}.wasm`);
  const options = [
    ...['-O3', '--converge', '--noAssert', '--runtime', 'stub', '--enable', 'simd'],
    ...['--initialMemory', `${pages}`, '--maximumMemory', `${pages}`],
  ];
  const source = `${FOLDER}/assembly/${name}.ts`;
  const { status, stderr } = spawnSync(
    process.execPath,
    [COMPILER, source, '--baseDir', ROOT, '--outFile', file, ...options],
    { cwd: ROOT, encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`${source}: ${stderr}`);
  return readFileSync(file);
}

/** The text of the module with all kernels. */
export function compileKernels(): string {
  const folder = mkdtempSync(join(tmpdir(), 'stowage-kernels-'));
  const lines = [
    '// Made by `node scripts/build-kernels.ts` from assembly/. Do not edit.',
    '',
    '/** The kernels as WebAssembly, in base64. */',
    'export const BINARIES = {',
  ];
  try {
    for (const [name, pages] of Object.entries(KERNELS)) {
      const bytes = compile(name, pages, folder);
      lines.push(`  ${name}:`, `    '${bytes.toString('base64')}',`);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return [...lines, '} as const;', ''].join('\n');
}

if (import.meta.main) writeFileSync(KERNEL_MODULE, compileKernels());
