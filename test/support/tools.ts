/**
 * Programs that tests need and that are no npm packages: engines and clients of containers, file
 * system tools. Who is root gets them installed; in CI a missing one is a failure, elsewhere the
 * tests that need it are skipped and say what is missing.
 */
import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access, mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, isAbsolute, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { describe } from 'vitest';

const run = promisify(execFile);
const INSTALL_PACKAGES = resolve(import.meta.dirname, '../../scripts/install-packages.sh');
/** Debian keeps these off the PATH of ordinary users. */
const SYSTEM_FOLDERS = ['/usr/sbin', '/sbin'];

/** Go programs that Debian 12 does not have, as module and version. */
export const GO_TOOLS = {
  crane: 'github.com/google/go-containerregistry/cmd/crane@v0.22.1',
  oras: 'oras.land/oras/cmd/oras@v1.3.6',
  regctl: 'github.com/regclient/regclient/cmd/regctl@v0.11.7',
} as const;

/** A program that was looked for. */
export interface Tool {
  readonly name: string;
  /** Path of the program; empty when it is missing. */
  readonly path: string;
  /** Why it is missing and what to install; undefined when it is there. */
  readonly missing: string | undefined;
}

const isRoot = process.getuid?.() === 0;
const isCi = process.env.CI === 'true';

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/** Path of a program on PATH or in the system folders; an absolute path stands for itself. */
async function find(name: string): Promise<string | undefined> {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...SYSTEM_FOLDERS];
  const candidates = isAbsolute(name) ? [name] : folders.map((folder) => join(folder, name));
  for (const path of candidates) if (await isExecutable(path)) return path;
  return undefined;
}

function notFound(name: string, need: string): Tool {
  const missing = `${name} is missing: ${need}`;
  if (isCi) throw new Error(missing);
  return { name, path: '', missing };
}

/**
 * Finds a program of a Debian package; installs the package first where that is possible.
 * @param name - program name, or an absolute path where another program of that name may be first
 * @throws Error in CI when the program cannot be had
 */
export async function requireTool(name: string, debianPackage: string): Promise<Tool> {
  let path = await find(name);
  if (path === undefined && isRoot && (await isExecutable('/usr/bin/apt-get'))) {
    await run('sh', [INSTALL_PACKAGES, debianPackage]);
    path = await find(name);
  }
  if (path !== undefined) return { name, path, missing: undefined };
  return notFound(name, `install the Debian package ${debianPackage}`);
}

/** Folder of the Go programs; outside the checkout, so that fresh clones share it. */
function goToolFolder(version: string): string {
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  return join(cache, 'stowage-tools', version);
}

/**
 * Finds one of {@link GO_TOOLS} in the cache folder; builds it there first where Go exists.
 * @throws Error in CI when the program cannot be had
 */
export async function requireGoTool(name: keyof typeof GO_TOOLS): Promise<Tool> {
  const module = GO_TOOLS[name];
  const folder = goToolFolder(module.slice(module.indexOf('@') + 1));
  const path = join(folder, name);
  if (await isExecutable(path)) return { name, path, missing: undefined };
  if ((await find('go')) === undefined) {
    return notFound(name, `install Go, which builds ${module}`);
  }
  await mkdir(folder, { recursive: true });
  const env = { ...process.env, GOBIN: folder };
  await run('go', ['install', module], { env, maxBuffer: 16 * 1024 * 1024 });
  return { name, path, missing: undefined };
}

/**
 * Finds Go itself, which builds programs of the tests' own.
 * @throws Error in CI when it is missing
 */
export async function requireGo(): Promise<Tool> {
  const path = await find('go');
  return path === undefined
    ? notFound('go', 'install Go')
    : { name: 'go', path, missing: undefined };
}

/**
 * A tool that only root can use counts as missing for everybody else.
 * @throws Error in CI when this is not root
 */
export function needsRoot(tool: Tool): Tool {
  if (isRoot || tool.missing !== undefined) return tool;
  return notFound(tool.name, 'these tests run it as root');
}

/** `describe`, skipped with the reason in its title when one of the tools is missing. */
export function describeWith(tools: readonly Tool[], title: string, body: () => void): void {
  const missing = tools.flatMap((tool) => tool.missing ?? []);
  if (missing.length === 0) describe(title, body);
  else describe.skip(`${title} [skipped: ${missing.join('; ')}]`, body);
}
