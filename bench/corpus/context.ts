/** What builders and makers of content share while a corpus is built. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type ContainersHome, makeContainersHome } from '../../test/e2e/containers-home.ts';
import { type RunOptions, run } from '../../test/support/run.ts';
import { requireTool } from '../../test/support/tools.ts';

/** Minutes that one step of a build may take, on a machine with other work. */
const STEP_MS = 20 * 60_000;

/** A build that runs. */
export interface BuildContext {
  /** Folder for everything that is gone afterwards. */
  readonly scratch: string;
  /** `host:port` of the registry that builders push to, over plain HTTP. */
  readonly registry: string;
  readonly home: ContainersHome;
}

/** What is put into an image besides its base, in this order, each in a layer of its own. */
export type Step =
  /** A tar file, unpacked at the root. */
  | { readonly kind: 'unpack'; readonly file: string }
  /** A file or a folder of the host, under this path. */
  | { readonly kind: 'copy'; readonly source: string; readonly path: string }
  /** A command for the shell, as root. */
  | { readonly kind: 'run'; readonly command: string };

/** An image to be built. */
export interface Build {
  /** Repository and tag under which it is pushed. */
  readonly name: string;
  /** Repository and tag of the image below, which the registry has; undefined: an empty one. */
  readonly base: string | undefined;
  /** Holds all files of the steps, and may be added to. */
  readonly folder: string;
  readonly steps: readonly Step[];
  /** Program and arguments that the image starts with. */
  readonly command: readonly string[];
}

/** Builds an image and pushes it. */
export type Builder = (context: BuildContext, build: Build) => Promise<void>;

/** Makes the context in an empty folder. */
export async function makeContext(scratch: string, registry: string): Promise<BuildContext> {
  const folder = join(scratch, 'containers');
  await mkdir(folder);
  return { scratch, registry, home: await makeContainersHome(folder) };
}

/**
 * Path of a program; its Debian package is installed first where that is possible.
 * @throws Error that says what to install
 */
export async function programPath(name: string, debianPackage: string): Promise<string> {
  const { path, missing } = await requireTool(name, debianPackage);
  if (missing !== undefined) throw new Error(missing);
  return path;
}

/** Runs a step of a build. @throws Error with the end of its output */
export function runStep(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  return run(program, args, { timeoutMs: STEP_MS, ...options });
}

/** `skopeo copy` with the settings of a build. */
export async function copyImage(
  home: ContainersHome,
  source: string,
  destination: string,
): Promise<void> {
  const insecure = ['--src-tls-verify=false', '--dest-tls-verify=false'];
  await runStep(
    await programPath('skopeo', 'skopeo'),
    ['--policy', home.policy, 'copy', '-q', ...insecure, source, destination],
    { env: home.env },
  );
}
