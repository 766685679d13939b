/**
 * Runs a group of checks and closes with one line of counts, `N passed, N failed, N skipped`.
 * A static check counts as one test. Everything runs, whatever failed before it.
 *
 *   check.ts GROUP [arguments for vitest]
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { COUNTS_FILE, type Counts } from './count-reporter.ts';

const ROOT = resolve(import.meta.dirname, '..');

/** A tool that looks at the sources without running them; its exit code tells. */
interface StaticCheck {
  readonly name: string;
  /** Script under node_modules, run by this Node. */
  readonly script: string;
  readonly args: readonly string[];
}

const STATIC_CHECKS: readonly StaticCheck[] = [
  {
    name: 'lint',
    script: '@biomejs/biome/bin/biome',
    args: ['ci', '--error-on-warnings', '--colors=off'],
  },
  { name: 'types', script: 'ts7/bin/tsc', args: ['-p', '.'] },
  {
    name: 'import rules',
    script: 'dependency-cruiser/bin/dependency-cruiser.mjs',
    args: ['--config', '.dependency-cruiser.mjs', '--output-type', 'err', 'src'],
  },
  { name: 'unused code', script: 'knip/bin/knip.js', args: ['--no-progress'] },
];

/** What a group holds; the names of projects are those of vitest.config.ts. */
interface Group {
  readonly checks?: readonly StaticCheck[];
  readonly projects: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const GROUPS: Readonly<Record<string, Group>> = {
  test: { checks: STATIC_CHECKS, projects: ['unit', 'clients'] },
  engines: { projects: ['engines'] },
  faults: { projects: ['faults'] },
  'faults-long': { projects: ['faults'], env: { STOWAGE_LONG: 'true' } },
  exact: { projects: ['exact'] },
  'exact-long': { projects: ['exact'], env: { STOWAGE_LONG: 'true' } },
  packaging: { projects: ['packaging'] },
  container: { projects: ['container'] },
  'clean-machine': { projects: ['clean-machine'] },
};

const NOTHING: Counts = { passed: 0, failed: 0, skipped: 0 };

/** Runs a script by this Node; the output is shown as it comes, or returned. */
function runNode(
  args: readonly string[],
  options: { readonly show: boolean; readonly env?: Readonly<Record<string, string>> },
): Promise<{ code: number; output: string }> {
  return new Promise((done, failed) => {
    const child = spawn(process.execPath, args, {
      cwd: ROOT,
      env: { ...process.env, ...options.env },
      stdio: options.show ? 'inherit' : ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    }
    child.once('error', failed);
    child.once('close', (code) => done({ code: code ?? 1, output }));
  });
}

async function runStaticCheck({ name, script, args }: StaticCheck): Promise<Counts> {
  const started = performance.now();
  const path = join(ROOT, 'node_modules', script);
  const { code, output } = await runNode([path, ...args], { show: false });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${code === 0 ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)`);
  if (code !== 0) console.log(output);
  return { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 };
}

async function runVitest({ projects, env }: Group, extraArgs: readonly string[]): Promise<Counts> {
  const folder = await mkdtemp(join(tmpdir(), 'stowage-check-'));
  try {
    const file = join(folder, 'counts.json');
    const args = [
      join(ROOT, 'node_modules/vitest/vitest.mjs'),
      'run',
      '--reporter=default',
      `--reporter=${join(ROOT, 'scripts/count-reporter.ts')}`,
      ...projects.map((project) => `--project=${project}`),
      ...extraArgs,
    ];
    const { code } = await runNode(args, { show: true, env: { ...env, [COUNTS_FILE]: file } });
    const text = await readFile(file, 'utf8').catch(() => undefined);
    // Without counts not even the configuration was read.
    const counts = text === undefined ? NOTHING : (JSON.parse(text) as Counts);
    return code !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const [name = '', ...extraArgs] = process.argv.slice(2);
const group = GROUPS[name];
if (group === undefined) {
  console.error(`usage: check.ts ${Object.keys(GROUPS).join('|')} [arguments for vitest]`);
  process.exit(2);
}
const results: Counts[] = [];
for (const check of group.checks ?? []) results.push(await runStaticCheck(check));
results.push(await runVitest(group, extraArgs));
const sum = (key: keyof Counts): number => results.reduce((total, one) => total + one[key], 0);
console.log(`${sum('passed')} passed, ${sum('failed')} failed, ${sum('skipped')} skipped`);
process.exitCode = sum('failed') === 0 && sum('passed') > 0 ? 0 : 1;
