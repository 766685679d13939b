/**
 * Runs a group of checks and closes with a line for each that failed, `failed: NAME: WHY`, and one
 * of counts, `N passed, N failed, N skipped`.
 * A static check counts as one test. Everything runs, whatever failed before it.
 *
 *   check.ts GROUP [arguments for vitest]
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { OUTCOME_FILE, type Outcome } from './outcome-reporter.ts';

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

const NOTHING: Outcome = { passed: 0, skipped: 0, failures: [] };

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

async function runStaticCheck({ name, script, args }: StaticCheck): Promise<Outcome> {
  const started = performance.now();
  const path = join(ROOT, 'node_modules', script);
  const { code, output } = await runNode([path, ...args], { show: false });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${code === 0 ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)`);
  if (code !== 0) console.log(output);
  return code === 0 ? { ...NOTHING, passed: 1 } : { ...NOTHING, failures: [`${name}: see above`] };
}

async function runVitest({ projects, env }: Group, extraArgs: readonly string[]): Promise<Outcome> {
  const folder = await mkdtemp(join(tmpdir(), 'stowage-check-'));
  try {
    const file = join(folder, 'outcome.json');
    const args = [
      join(ROOT, 'node_modules/vitest/vitest.mjs'),
      'run',
      '--reporter=default',
      `--reporter=${join(ROOT, 'scripts/outcome-reporter.ts')}`,
      ...projects.map((project) => `--project=${project}`),
      ...extraArgs,
    ];
    const { code } = await runNode(args, { show: true, env: { ...env, [OUTCOME_FILE]: file } });
    const text = await readFile(file, 'utf8').catch(() => undefined);
    // Without an outcome not even the configuration was read.
    const outcome = text === undefined ? NOTHING : (JSON.parse(text) as Outcome);
    if (code === 0 || outcome.failures.length > 0) return outcome;
    return { ...outcome, failures: [`vitest: ended with ${code}`] };
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
const outcomes: Outcome[] = [];
for (const check of group.checks ?? []) outcomes.push(await runStaticCheck(check));
outcomes.push(await runVitest(group, extraArgs));
const sum = (count: (outcome: Outcome) => number): number =>
  outcomes.reduce((total, one) => total + count(one), 0);
const passed = sum((one) => one.passed);
const failures = outcomes.flatMap((one) => one.failures);
for (const failure of failures) console.log(`failed: ${failure}`);
console.log(`${passed} passed, ${failures.length} failed, ${sum((one) => one.skipped)} skipped`);
process.exitCode = failures.length === 0 && passed > 0 ? 0 : 1;
