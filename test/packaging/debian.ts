/**
 * A minimal Debian made on the spot, with the package sources and the trust of this machine, so
 * that it installs from wherever this machine does.
 */
import { access, copyFile, mkdir, readdir, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { run } from '../support/run.ts';

const SOURCES = '/etc/apt';
const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt';
/** npm's settings of the user: where packages come from, and whom to trust. */
export const NPMRC = join(homedir(), '.npmrc');

export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** Files in which this machine lists its package sources. */
async function sourceFiles(): Promise<string[]> {
  const folder = join(SOURCES, 'sources.list.d');
  const names = (await exists(folder)) ? await readdir(folder) : [];
  const files = names
    .filter((name) => /\.(list|sources)$/.test(name))
    .map((name) => join(folder, name));
  const single = join(SOURCES, 'sources.list');
  return (await exists(single)) ? [single, ...files] : files;
}

/**
 * Makes a root file system of Debian 12 as a folder.
 * @param options.folder - made; its parent has to exist
 * @param options.packages - besides the essential ones
 */
export async function makeDebian(options: {
  readonly mmdebstrap: string;
  readonly folder: string;
  readonly packages: readonly string[];
}): Promise<void> {
  const { mmdebstrap, folder, packages } = options;
  // How apt fetches (proxies, time-outs, checks of dates), and nothing else of its settings.
  const settings = `${folder}.apt.conf`;
  await writeFile(settings, `${await run('apt-config', ['dump', 'Acquire'])}\n`);
  await run(
    mmdebstrap,
    [
      ...['--mode=root', '--variant=minbase', `--include=${packages.join(',')}`],
      ...[`--aptopt=${settings}`, '--quiet', 'bookworm', folder],
      ...(await sourceFiles()),
    ],
    { timeoutMs: 600_000 },
  );
  if (await exists(CERTIFICATES)) await copyFile(CERTIFICATES, join(folder, CERTIFICATES));
}

/** Gives root's npm in a root file system the settings of this user's npm. */
export async function copyNpmSettings(folder: string): Promise<void> {
  await mkdir(join(folder, 'root'), { recursive: true });
  if (await exists(NPMRC)) await copyFile(NPMRC, join(folder, 'root/.npmrc'));
}
