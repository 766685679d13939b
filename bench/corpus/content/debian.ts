/** Minimal trees of Debian, by mmdebstrap, from the package sources of the machine's own apt. */
import { join } from 'node:path';
import { programPath, runStep } from '../context.ts';

/** A tree to be made. */
export interface DebianTree {
  readonly suite: string;
  /** Packages as they are now in the updates and security suites, else as in the release. */
  readonly updates: boolean;
  /** No time in the tree is later. */
  readonly date: string;
  /** The tar file to be written. */
  readonly file: string;
  /** For the tree while it grows; quickest on a file system in memory. */
  readonly scratch: string;
}

/** What the published images of Debian leave out, or switch off in apt, as well. */
const OPTIONS = [
  ...['doc', 'man', 'locale'].map((name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`),
  ...['pkgcache', 'srcpkgcache'].map((name) => `--aptopt=Dir::Cache::${name} ""`),
];

interface Source {
  readonly url: string;
  readonly suite: string;
}

/** The suites of Debian that apt knows. */
async function aptSources(): Promise<Source[]> {
  const text = await runStep('apt-get', [
    ...['indextargets', '--format', '$(REPO_URI) $(RELEASE) $(ORIGIN)'],
    ...['Created-By: Packages', 'Component: main'],
  ]);
  return text.split('\n').flatMap((line) => {
    const [url, suite, origin] = line.split(' ');
    return url && suite && origin === 'Debian' ? [{ url, suite }] : [];
  });
}

async function sourceLines({ suite, updates }: DebianTree): Promise<string[]> {
  const sources = await aptSources();
  const security = sources.find(({ suite: name }) => name.endsWith('-security'));
  const main = sources.find(({ suite: name }) => !name.includes('-'));
  if (main === undefined) throw new Error('apt knows no release of Debian: run apt-get update');
  const lines = [`deb ${main.url} ${suite} main`];
  if (!updates) return lines;
  lines.push(`deb ${main.url} ${suite}-updates main`);
  if (security !== undefined) lines.push(`deb ${security.url} ${suite}-security main`);
  return lines;
}

/** Makes a tree as a tar file. @throws Error with the end of mmdebstrap's output */
export async function makeDebianTree(tree: DebianTree): Promise<void> {
  const seconds = Date.parse(tree.date) / 1000;
  await runStep(
    await programPath('mmdebstrap', 'mmdebstrap'),
    [
      ...['--quiet', '--variant=minbase', '--dpkgopt=force-unsafe-io', ...OPTIONS],
      ...[tree.suite, tree.file, ...(await sourceLines(tree))],
    ],
    { env: { SOURCE_DATE_EPOCH: `${seconds}`, TMPDIR: tree.scratch } },
  );
}

/** Command that installs packages, and leaves nothing of apt behind. */
export function installCommand(packages: readonly string[]): string {
  return [
    'apt-get update -q',
    `DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends ${packages.join(' ')}`,
    'rm -rf /var/lib/apt/lists/*',
  ].join(' && ');
}

/** Names and versions of the installed packages, from dpkg's own list. */
export function parsePackages(status: string): string[] {
  const field = (paragraph: string, name: string): string | undefined =>
    new RegExp(`^${name}: (.*)$`, 'm').exec(paragraph)?.[1];
  return status
    .split('\n\n')
    .filter((paragraph) => field(paragraph, 'Status')?.endsWith(' installed'))
    .map((paragraph) => `${field(paragraph, 'Package')}=${field(paragraph, 'Version')}`)
    .sort();
}

/** Folder in memory where there is one. */
export const FAST_SCRATCH = join('/dev', 'shm');
