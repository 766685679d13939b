/**
 * The way in: `node scripts/bootstrap.mjs start|test|run` on any Node from 18 on. Installs the
 * locked dependencies where they are missing or stale, finds the Node that came with them, and
 * goes on with that one. Plain JavaScript, because nothing is installed yet when it starts.
 *
 *   start [args]        serves a registry: `stowage serve`, data under ./data
 *   test [args]         the checks of a fresh clone (scripts/check.ts)
 *   run FILE [args]     any other script of this repository
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, lstatSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  findPackagedNode,
  isCurrentNodeEnough,
  MINIMUM_MAJOR,
  packagedNodeName,
  runForeground,
} from '../bin/runtime.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const MODULES = join(ROOT, 'node_modules');
/** Lies inside node_modules, so that whatever removes that folder removes the stamp as well. */
const STAMP = join(MODULES, '.stowage-installed');
/** The C library's helper that Node 26 is linked with and minimal Debian systems lack. */
const ATOMIC = { library: 'libatomic.so.1', package: 'libatomic1' };
const USAGE = 'usage: node scripts/bootstrap.mjs start|test [args] | run FILE [args]';

function say(text) {
  process.stderr.write(`stowage: ${text}\n`);
}

/** Ends with a message for the person at the keyboard instead of a stack. */
class SetupError extends Error {}

/** What an installation depends on: the locked set and the platform it was chosen for. */
function fingerprint() {
  const hash = createHash('sha256').update(`${process.platform} ${process.arch}\n`);
  for (const file of ['package-lock.json', '.npmrc']) hash.update(readFileSync(join(ROOT, file)));
  return hash.digest('hex');
}

/** Makes npm choose packages for the Node that will run them (npm-node-version.cjs). */
function npmEnvironment() {
  const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const version = manifest.optionalDependencies[packagedNodeName()];
  if (version === undefined) return {};
  const preload = JSON.stringify(join(ROOT, 'scripts', 'npm-node-version.cjs'));
  return {
    STOWAGE_NODE_VERSION: version,
    NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --require ${preload}`.trim(),
  };
}

/** Runs `npm ci` unless the last one was for the same lockfile. */
function installDependencies() {
  const wanted = fingerprint();
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === wanted) return;
  if (lstatSync(MODULES, { throwIfNoEntry: false })?.isSymbolicLink()) {
    throw new SetupError(
      'node_modules is a link, and npm ci would empty the folder it leads to; remove the link first',
    );
  }
  const started = Date.now();
  say('installing the locked dependencies (once; about 500 MB in node_modules)');
  // Install scripts are not needed, and those of npm 9 break on Debian. Development packages are
  // named because NODE_ENV=production would leave them out.
  const args = ['ci', '--ignore-scripts', '--include=dev', '--loglevel=error'];
  const npm = process.env.npm_execpath;
  // Under npm the same npm is used; else the one on PATH.
  const isScript = npm !== undefined && /\.[cm]?js$/.test(npm) && existsSync(npm);
  const result = spawnSync(isScript ? process.execPath : 'npm', isScript ? [npm, ...args] : args, {
    cwd: ROOT,
    env: { ...process.env, ...npmEnvironment() },
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  if (result.error !== undefined) throw new SetupError(`npm cannot run: ${result.error.message}`);
  if (result.status !== 0) {
    throw new SetupError(`npm ci failed\n${result.stdout}${result.stderr}`);
  }
  writeFileSync(STAMP, wanted);
  say(`installed in ${Math.round((Date.now() - started) / 1000)} s`);
}

/** Installs the library that the packaged Node lacks, or says how to. */
function installAtomic() {
  const command = `apt-get update && apt-get install -y --no-install-recommends ${ATOMIC.package}`;
  const isRoot = typeof process.getuid === 'function' && process.getuid() === 0;
  if (!isRoot || !existsSync('/usr/bin/apt-get')) {
    throw new SetupError(`Node needs ${ATOMIC.library}; install it by\n  sudo sh -c '${command}'`);
  }
  const script = join(ROOT, 'scripts', 'install-packages.sh');
  const { status } = spawnSync('sh', [script, ATOMIC.package], { stdio: 'inherit' });
  if (status !== 0)
    throw new SetupError(`Node needs ${ATOMIC.library}; this failed:\n  ${command}`);
}

/** Path of a Node that runs here and is new enough. */
function findNode() {
  const packaged = findPackagedNode(join(ROOT, 'package.json'));
  if (packaged === undefined) {
    if (isCurrentNodeEnough()) return process.execPath;
    throw new SetupError(
      `there is no packaged Node for ${process.platform} on ${process.arch}; ` +
        `run this with Node ${MINIMUM_MAJOR} or newer`,
    );
  }
  const probe = () => spawnSync(packaged, ['--version'], { encoding: 'utf8' });
  let result = probe();
  if (result.status !== 0 && `${result.stderr}`.includes(ATOMIC.library)) {
    installAtomic();
    result = probe();
  }
  if (result.status === 0) return packaged;
  // A system with another C library, for example.
  if (isCurrentNodeEnough()) return process.execPath;
  throw new SetupError(`${packaged} does not run: ${result.error?.message ?? result.stderr}`);
}

/** The arguments for Node that a command stands for. */
function argumentsOf([command, ...rest]) {
  if (command === 'start') return ['src/cli/main.ts', 'serve', ...rest];
  if (command === 'test') return ['scripts/check.ts', 'test', ...rest];
  if (command === 'run' && rest.length > 0) return rest;
  throw new SetupError(USAGE);
}

try {
  const args = argumentsOf(process.argv.slice(2));
  installDependencies();
  const node = findNode();
  process.exitCode = await runForeground(node, args, {
    cwd: ROOT,
    env: { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env.PATH ?? ''}` },
  });
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  say(error.message);
  process.exitCode = 1;
}
