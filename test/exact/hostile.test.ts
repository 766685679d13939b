/** Layers that are made to be dear: what they cost a server is bounded, in time and in memory. */

import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { cpuMillisecondsOf, sampleMemory } from '../../bench/registry/measure/process.ts';
import { expectBody, expectStatus } from '../conformance/assertions.ts';
import { blobPath, get, pushBlob } from '../conformance/requests.ts';
import { startExactServer } from './exact-server.ts';
import { HOSTILE, type HostileLayer } from './hostile/layers.ts';

const REPOSITORY = 'exact/hostile';
const SAMPLE_MS = 20;
/** How many times the CPU time that node:zlib takes to unpack the layer, and an ordinary one beside it. */
const MOST_TIMES = 50;
/** Bytes of memory of the whole server. */
const MOST_MEMORY = 400 * 1024 * 1024;

/** CPU milliseconds that node:zlib takes to unpack a layer, as far as it can; a plain one is packed first. */
async function gunzipTime(bytes: Buffer): Promise<number> {
  const layer = bytes[0] === 0x1f && bytes[1] === 0x8b ? bytes : gzipSync(bytes, { level: 1 });
  const before = process.cpuUsage();
  const nowhere = new Writable({ write: (_bytes, _encoding, done) => done() });
  await pipeline([layer], createGunzip(), nowhere).catch(() => undefined);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/** Everything that is done with a layer: it is pushed, taken apart and pulled, on a server of its own. */
async function measure(layer: Buffer) {
  await using web = await startExactServer();
  const { pid } = web.server;
  const cpu = cpuMillisecondsOf(pid);
  const sampler = sampleMemory(pid, SAMPLE_MS);
  const digest = await pushBlob(web.client, REPOSITORY, layer);
  const patience = { interval: 500, timeout: 200_000 };
  await expect.poll(async () => (await web.counts()).queued, patience).toBe(0);
  expectBody(expectStatus(await get(web.client, blobPath(REPOSITORY, digest)), 200), layer);
  const { recipeOnly, both, refused } = await web.counts();
  return {
    exact: recipeOnly + both,
    broken: refused.broken,
    structure: refused.structure,
    cpu: cpuMillisecondsOf(pid) - cpu,
    memory: sampler.stop().own,
  };
}

describe('a hostile layer', () => {
  it.each(Object.entries<HostileLayer>(HOSTILE))('%s', async (_, { fate, make }) => {
    const layer = make();
    const yardstick = (await gunzipTime(layer)) + (await gunzipTime(HOSTILE.ordinary!.make()));
    const { cpu, memory, ...fates } = await measure(layer);
    expect(fates).toEqual({ exact: 0, broken: 0, structure: 0, [fate]: 1 });
    expect(cpu).toBeLessThan(MOST_TIMES * yardstick);
    expect(memory).toBeLessThan(MOST_MEMORY);
  });
});
