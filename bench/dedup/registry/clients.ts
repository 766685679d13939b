/** The clients that pull: each into nothing, and with its digests checked by us as well. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { makeContainersHome } from '../../../test/e2e/containers-home.ts';
import { unmountBelow } from '../../../test/e2e/daemon.ts';
import { run } from '../../../test/support/run.ts';
import { programPath } from '../../corpus/context.ts';
import { type CorpusImage, layoutReference } from '../../corpus/layouts.ts';
import type { Target } from '../../registry/servers/types.ts';

/** Milliseconds that a push or a pull may take. */
const TRANSFER_MS = 15 * 60_000;

/** Names of clients. */
export const CLIENTS = ['skopeo', 'podman'] as const;

/** A program that pulls. */
export type ClientName = (typeof CLIENTS)[number];

/** A client with a folder of its own. */
export interface Client {
  readonly name: ClientName;
  /**
   * Pulls an image; checks what came and takes it away again, outside of the time.
   * @returns seconds of the client alone
   * @throws Error when it fails, or when something else came than was pushed
   */
  pull(target: Target, image: CorpusImage): Promise<number>;
  close(): Promise<void>;
}

/** Name of an image in a registry. */
function remote({ endpoint }: Target, { name }: CorpusImage): string {
  return `docker://${new URL(endpoint.url).host}/${name}`;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

async function checkFile(path: string, digest: string): Promise<void> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  if (`sha256:${hash.digest('hex')}` !== digest) throw new Error(`${path} is not ${digest}`);
}

/** Checks what skopeo wrote: a file for every blob, named by its hash, and the manifest. */
async function checkFolder(folder: string, image: CorpusImage): Promise<void> {
  await checkFile(join(folder, 'manifest.json'), image.manifest.digest);
  for (const { digest } of [image.config, ...image.layers]) {
    await checkFile(join(folder, digest.slice('sha256:'.length)), digest);
  }
}

/** What pushes: skopeo, from a corpus. */
export interface Pusher {
  /** Pushes an image as it lies in the corpus. @returns seconds */
  push(target: Target, image: CorpusImage): Promise<number>;
}

/** Opens skopeo in an empty folder. */
async function openSkopeo(folder: string, corpus: string): Promise<Client & Pusher> {
  const program = await programPath('skopeo', 'skopeo');
  const home = await makeContainersHome(folder);
  const copy = (...args: string[]): Promise<string> =>
    run(program, ['--policy', home.policy, 'copy', '-q', ...args], {
      env: home.env,
      timeoutMs: TRANSFER_MS,
    });
  const destination = join(folder, 'pulled');
  return {
    name: 'skopeo',
    async pull(target, image) {
      const source = remote(target, image);
      const seconds = await timed(() =>
        copy('--src-tls-verify=false', source, `dir:${destination}`),
      );
      await checkFolder(destination, image);
      await rm(destination, { recursive: true });
      return seconds;
    },
    push: (target, image) =>
      timed(() =>
        copy(
          ...['--dest-tls-verify=false', '--preserve-digests'],
          ...[layoutReference(corpus, image.name), remote(target, image)],
        ),
      ),
    close: async () => undefined,
  };
}

/** Opens podman in an empty folder, with the overlay driver. */
async function openPodman(folder: string): Promise<Client> {
  const program = await programPath('podman', 'podman');
  const home = await makeContainersHome(folder);
  // Podman wants this path to have 50 characters at most.
  const running = await mkdtemp(join(tmpdir(), 'sw-'));
  const store = ['--root', join(folder, 'root-overlay'), '--runroot', running];
  const call = (...args: string[]): Promise<string> =>
    run(program, [...store, '--storage-driver', 'overlay', ...args], {
      env: home.env,
      timeoutMs: TRANSFER_MS,
    });
  const options = ['-q', '--tls-verify=false', '--signature-policy', home.policy];
  return {
    name: 'podman',
    async pull(target, image) {
      let id = '';
      const seconds = await timed(async () => {
        id = await call('pull', ...options, remote(target, image));
      });
      // Podman compares the digests of all layers, compressed and plain; its id is that of the
      // configuration, which names the plain ones.
      if (`sha256:${id}` !== image.config.digest) throw new Error(`podman pulled ${id}`);
      await call('rmi', '-f', id);
      return seconds;
    },
    async close() {
      await unmountBelow(folder);
      await unmountBelow(running);
      await rm(running, { recursive: true, force: true });
    },
  };
}

/** Opens the clients of a list, each below a folder. */
export async function openClients(
  names: readonly ClientName[],
  folder: string,
  corpus: string,
): Promise<{ readonly skopeo: Client & Pusher; readonly clients: readonly Client[] }> {
  const own = async (name: string): Promise<string> => {
    const path = join(folder, name);
    await mkdir(path);
    return path;
  };
  const skopeo = await openSkopeo(await own('skopeo'), corpus);
  const clients: Client[] = [];
  for (const name of names) {
    clients.push(name === 'skopeo' ? skopeo : await openPodman(await own(name)));
  }
  return { skopeo, clients };
}
