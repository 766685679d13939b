/**
 * Pulls of one layer that is kept as a recipe, over HTTP: from a server that has just been started and
 * whose files are not in the page cache (cold), once more (warm), by several clients at once, and a
 * stretch in its middle.
 *
 *     node bench/dedup/pulls.ts [--rounds N] [--clients K] [--settle MS] [--cache SIZE]
 *         [--folder FOLDER] [LAYER]
 *
 * Default for the layer: a tar of node_modules, gzip level 6. What was pulled is hashed, and one wrong
 * digest ends the run. See bench/README.md.
 *
 * There is a second layer, with nothing in common: it is the one with which the server gets ready for
 * its first pull, so that what is measured is not in any cache.
 */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { noise, text } from '../../test/codec/support/content.ts';
import { makeTar } from '../../test/support/tar.ts';
import { type Client, openClient } from '../registry/load/client.ts';
import { cpuMillisecondsOf, sampleMemory } from '../registry/measure/process.ts';
import { median } from '../registry/measure/statistics.ts';
import { dropCache } from '../registry/measure/storage.ts';
import { startStowage } from '../registry/servers/stowage.ts';
import type { Target } from '../registry/servers/types.ts';
import {
  type Pull,
  pullLayer,
  pushLayer,
  readLayer,
  type StoredLayer,
  untilTakenApart,
} from './layer-client.ts';
import { AT_ONCE } from './stores.ts';

const MODULES = resolve(import.meta.dirname, '../../node_modules');
/** Files of the second layer. */
const OTHER_FILES = 200;
const SAMPLE_MS = 10;

/** A layer that comes before another one in the order of digests. */
async function makeOther(folder: string, { digest }: StoredLayer): Promise<StoredLayer> {
  const path = join(folder, 'other.tar.gz');
  const entries = Array.from({ length: OTHER_FILES }, (_, i) => ({
    path: `file-${i}`,
    bytes: i % 10 === 0 ? noise(200_000, i + 1) : text(20_000 + 1000 * i, i + 1),
  }));
  const file = gzipSync(makeTar(entries));
  // What follows the end changes the digest only.
  for (;;) {
    await writeFile(path, Buffer.concat([file, randomBytes(8)]));
    const other = await readLayer(path);
    if (other.digest < digest) return other;
  }
}

/** Some clients, each with a connection. */
async function withClients<T>(
  { endpoint }: Target,
  count: number,
  work: (clients: Client[]) => Promise<T>,
): Promise<T> {
  const clients: Client[] = [];
  for (let i = 0; i < count; i++) clients.push(await openClient(endpoint));
  try {
    return await work(clients);
  } finally {
    for (const { connection } of clients) connection.close();
  }
}

/** What a round gives: milliseconds, and bytes for the memory. */
interface Round {
  readonly cold: Pull & { readonly cpu: number };
  readonly warm: Pull & { readonly cpu: number };
  readonly middle: Pull;
  readonly together: Pull & { readonly cpu: number; readonly memory: number };
}

/** A server on the data of another one that has ended, with nothing of it in the page cache. */
async function startCold(folder: string): Promise<Target> {
  const dataDir = join(folder, 'data');
  await dropCache(dataDir);
  const env = { ...AT_ONCE, ...(values.cache && { STOWAGE_DEDUP__RESTORE_CACHE: values.cache }) };
  const target = await startStowage({ folder, certificate: undefined, env, dataDir });
  await delay(Number(values.settle));
  return target;
}

/** Runs `work` with a cold server. */
async function cold<T>(folder: string, work: (target: Target) => Promise<T>): Promise<T> {
  const target = await startCold(folder);
  try {
    return await work(target);
  } finally {
    await target.stop();
  }
}

async function withCpu<T>({ pid }: Target, work: () => Promise<T>): Promise<T & { cpu: number }> {
  const before = cpuMillisecondsOf(pid);
  const result = await work();
  return { ...result, cpu: cpuMillisecondsOf(pid) - before };
}

async function round(folder: string, layer: StoredLayer, count: number): Promise<Round> {
  const one = await cold(folder, (target) =>
    withClients(target, 1, async ([client]) => ({
      cold: await withCpu(target, () => pullLayer(client!, layer)),
      warm: await withCpu(target, () => pullLayer(client!, layer)),
    })),
  );
  const middle = await cold(folder, (target) =>
    withClients(target, 1, ([client]) => pullLayer(client!, layer, true)),
  );
  const together = await cold(folder, (target) =>
    withClients(target, count, async (clients) => {
      const sampler = sampleMemory(target.pid, SAMPLE_MS);
      const pulls = await withCpu(target, async () => {
        const all = await Promise.all(clients.map((client) => pullLayer(client, layer)));
        return {
          first: Math.max(...all.map(({ first }) => first)),
          all: Math.max(...all.map((one) => one.all)),
        };
      });
      return { ...pulls, memory: sampler.stop().own };
    }),
  );
  return { ...one, middle, together };
}

const { values, positionals } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    clients: { type: 'string', default: '8' },
    /** Milliseconds from when the server listens to the first pull. */
    settle: { type: 'string', default: '1500' },
    /** Memory for what was restored lately; default: the server's. */
    cache: { type: 'string' },
    /** Where everything is written; default: the system's temporary folder. */
    folder: { type: 'string', default: tmpdir() },
  },
  allowPositionals: true,
});

function report(rounds: readonly Round[], count: number): void {
  const of = (value: (round: Round) => number): number => median(rounds.map(value));
  const ms = (value: (round: Round) => number): string => `${of(value).toFixed(0)} ms`;
  const times = (value: (round: Round) => number): string => `${of(value).toFixed(2)}x`;
  console.log(
    `cold: first byte ${ms((r) => r.cold.first)}, all ${ms((r) => r.cold.all)}, ` +
      `CPU ${ms((r) => r.cold.cpu)}`,
  );
  console.log(`cold, 1 MiB in the middle: ${ms((r) => r.middle.all)}`);
  console.log(
    `warm: first byte ${ms((r) => r.warm.first)}, all ${times((r) => r.warm.all / r.cold.all)} of ` +
      `cold, CPU ${times((r) => r.warm.cpu / r.cold.cpu)}`,
  );
  console.log(
    `${count} clients at once, cold: all ${times((r) => r.together.all / r.cold.all)} of one, CPU of ` +
      `the server ${times((r) => r.together.cpu / r.cold.cpu)}, peak of memory ` +
      `${(of((r) => r.together.memory) / 1e6).toFixed(0)} MB`,
  );
}

const folder = await mkdtemp(join(values.folder, 'stowage-bench-pulls-'));
try {
  let [path] = positionals;
  if (path === undefined) {
    path = join(folder, 'layer.tar.gz');
    const tar = 'tar -c --sort=name -C "$1" . | gzip -6 >"$2"';
    execFileSync('sh', ['-c', tar, 'sh', MODULES, path]);
  }
  const layer = await readLayer(path);
  const filling = await startStowage({
    folder,
    certificate: undefined,
    env: AT_ONCE,
    dataDir: join(folder, 'data'),
  });
  try {
    await pushLayer(filling, layer);
    await pushLayer(filling, await makeOther(folder, layer));
    await untilTakenApart(filling);
  } finally {
    await filling.stop();
  }
  console.log(
    `a layer of ${(layer.size / 1e6).toFixed(0)} MB; medians of ${values.rounds} rounds, ` +
      `first pull ${values.settle} ms after the start`,
  );
  const rounds: Round[] = [];
  for (let i = 0; i < Number(values.rounds); i++) {
    rounds.push(await round(folder, layer, Number(values.clients)));
  }
  report(rounds, Number(values.clients));
} finally {
  await rm(folder, { recursive: true });
}
