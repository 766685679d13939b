/**
 * Every layer from every compressor: pushed over HTTP, taken apart, its intact copy gone, and given
 * back as it was. STOWAGE_LONG=true makes layers of up to 60 MB.
 */
import { createHash } from 'node:crypto';
import { mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { DedupReport } from '../../src/registry/admin/operations.ts';
import { isLong } from '../codec/support/effort.ts';
import { expectStatus } from '../conformance/assertions.ts';
import { RegistryClient } from '../conformance/client.ts';
import { blobPath, get, head, pushBlob } from '../conformance/requests.ts';
import { type RunningServer, startServer } from '../support/server.ts';
import { makeTemporary, removeTemporary } from '../support/temporary.ts';
import { describeWith } from '../support/tools.ts';
import { COMPRESSORS, type Setting } from './compressors.ts';
import { LAYERS, type Layer, SLOW } from './layers/layers.ts';

const REPOSITORY = 'exact/layers';
/** The longest stretch that is asked for. */
const STRETCH = 100_000;
/** Nothing stays intact once it has been taken apart. */
const AT_ONCE = {
  STOWAGE_DEDUP__MIN_AGE: '0s',
  STOWAGE_DEDUP__MIN_SIZE: '0',
  STOWAGE_DEDUP__INTACT_BUDGET: '0',
};

let folder: string;
let server: RunningServer;
let client: RegistryClient;
/** Digests of all layers so far. */
const pushed = new Set<string>();

beforeAll(async () => {
  folder = await makeTemporary('exact');
  server = await startServer({ env: AT_ONCE });
  client = new RegistryClient({ origin: server.url });
});

afterAll(async () => {
  client.close();
  await server.stop();
  await removeTemporary(folder);
});

/** What is remembered of a layer that was pushed: not all of its bytes. */
interface Pushed {
  readonly name: string;
  readonly digest: string;
  readonly size: number;
  readonly start: number;
  readonly stretch: Buffer;
}

/** A place that differs from layer to layer, and is the same in every run. */
function placeIn(digest: string, size: number): number {
  return Number.parseInt(digest.slice(-12), 16) % size;
}

async function push(name: string, layer: Buffer): Promise<Pushed> {
  const digest = await pushBlob(client, REPOSITORY, layer);
  pushed.add(digest);
  const start = placeIn(digest, layer.length);
  const stretch = Buffer.from(layer.subarray(start, start + STRETCH));
  return { name, digest, size: layer.length, start, stretch };
}

async function counts(): Promise<DedupReport['layers']> {
  const response = await get(client, '/api/v1/dedup');
  const { state, layers } = expectStatus(response, 200).json<DedupReport>();
  if (state === 'paused') throw new Error('no space is left for ingest');
  return layers;
}

/** The blob files that hold something. */
async function intactFiles(): Promise<string[]> {
  const root = join(server.dataDir, 'blobs');
  const found: string[] = [];
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && (await stat(path)).size > 0) found.push(path);
  }
  return found;
}

/** @returns what is wrong with the answers, if anything is */
async function problemsOf({ name, digest, size, start, stretch }: Pushed): Promise<string[]> {
  const target = blobPath(REPOSITORY, digest);
  const problems: string[] = [];
  const check = (isRight: boolean, what: string): void => {
    if (!isRight) problems.push(`${name}: ${what}`);
  };
  const asked = await head(client, target);
  check(asked.status === 200 && asked.get('content-length') === `${size}`, 'HEAD');
  const whole = await get(client, target);
  const sum = createHash('sha256').update(whole.body).digest('hex');
  check(whole.status === 200 && digest === `sha256:${sum}`, `GET, ${whole.status}`);
  const end = start + stretch.length - 1;
  const part = await get(client, target, { range: `bytes=${start}-${end}` });
  check(part.status === 206 && stretch.equals(part.body), `Range ${start}-${end}, ${part.status}`);
  return problems;
}

/** Pushes a layer by each setting and looks at what comes back. */
async function expectExact(layer: Layer, settings: readonly Setting[]): Promise<void> {
  const size = isLong ? layer.size : layer.short;
  const pieces = await layer.make(size);
  const fewer = size > SLOW ? await layer.make(SLOW) : pieces;
  const layers: Pushed[] = [];
  for (const { name, isSlow, compress } of settings) {
    layers.push(await push(name, await compress(isSlow ? fewer : pieces)));
  }
  // One look every half a second: ingest makes way for requests.
  const patience = { interval: 500, timeout: isLong ? 3_600_000 : 120_000 };
  await expect.poll(async () => (await counts()).queued, patience).toBe(0);
  const refused = { format: 0, broken: 0, structure: 0, notWorthIt: 0, notExact: 0 };
  const gone = { intact: 0, both: 0, recipeOnly: pushed.size, refused };
  await expect.poll(counts, { timeout: 20_000 }).toMatchObject(gone);
  await expect.poll(intactFiles, { timeout: 20_000 }).toEqual([]);
  const problems: string[] = [];
  for (const one of layers) problems.push(...(await problemsOf(one)));
  expect(problems).toEqual([]);
}

for (const [i, { name, tools, settings }] of COMPRESSORS.entries()) {
  describeWith(tools, name, () => {
    let variants: readonly Setting[];

    beforeAll(async () => {
      const own = join(folder, `${i}`);
      await mkdir(own);
      variants = await settings(own);
    });

    it.each(LAYERS)('$name comes back bit for bit, and is not kept', (layer) =>
      expectExact(layer, variants),
    );
  });
}
