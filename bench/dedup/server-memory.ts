/**
 * Peak memory of a server that takes layers apart, several at a time, and then restores them:
 *
 *     node bench/dedup/server-memory.ts [--pulls N] [--folder FOLDER] LAYER
 *
 * The bytes of a gzip layer are compressed by node:zlib at five levels. All five are pushed, and when
 * they are taken apart each is pulled N times (3), one after the other. Limits of malloc that stand in the
 * environment are the server's as well.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { gunzipSync, gzipSync } from 'node:zlib';
import { openClient } from '../registry/load/client.ts';
import { cpuMillisecondsOf, sampleMemory } from '../registry/measure/process.ts';
import { startStowage } from '../registry/servers/stowage.ts';
import type { Target } from '../registry/servers/types.ts';
import {
  pullLayer,
  pushLayer,
  readLayer,
  type StoredLayer,
  untilTakenApart,
} from './layer-client.ts';
import { AT_ONCE } from './stores.ts';

const LEVELS = [1, 3, 4, 6, 9];
const SAMPLE_MS = 10;

const { values, positionals } = parseArgs({
  options: {
    pulls: { type: 'string', default: '3' },
    /** Where everything is written; default: the system's temporary folder. */
    folder: { type: 'string', default: tmpdir() },
  },
  allowPositionals: true,
});

/** Prints what some work of the server took. */
async function measure(what: string, { pid }: Target, work: () => Promise<void>): Promise<void> {
  const sampler = sampleMemory(pid, SAMPLE_MS);
  const before = cpuMillisecondsOf(pid);
  await work();
  const cpu = (cpuMillisecondsOf(pid) - before) / 1000;
  const peak = sampler.stop().own / 1e6;
  console.log(`${what}: peak ${peak.toFixed(0)} MB, CPU ${cpu.toFixed(1)} s`);
}

const [path] = positionals;
if (path === undefined) throw new Error('which layer?');
const folder = await mkdtemp(join(values.folder, 'stowage-bench-memory-'));
try {
  const plain = gunzipSync(await readFile(path));
  const layers: StoredLayer[] = [];
  for (const level of LEVELS) {
    const file = join(folder, `${level}.tar.gz`);
    await writeFile(file, gzipSync(plain, { level }));
    layers.push(await readLayer(file));
  }
  console.log(`${LEVELS.length} layers of ${(plain.length / 1e6).toFixed(0)} MB`);
  const target = await startStowage({ folder, certificate: undefined, env: AT_ONCE });
  try {
    await measure('ingest', target, async () => {
      for (const layer of layers) await pushLayer(target, layer);
      await untilTakenApart(target);
    });
    await measure('restore', target, async () => {
      const client = await openClient(target.endpoint);
      for (let i = 0; i < Number(values.pulls); i++) {
        for (const layer of layers) await pullLayer(client, layer);
      }
      client.connection.close();
    });
  } finally {
    await target.stop();
  }
} finally {
  await rm(folder, { recursive: true });
}
