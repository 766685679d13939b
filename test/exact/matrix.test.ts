/**
 * Every layer from every compressor: pushed over HTTP, taken apart, its intact copy gone, and given
 * back as it was. STOWAGE_LONG=true makes layers of up to 60 MB.
 */
import { createHash } from 'node:crypto';
import { mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { isLong } from '../codec/support/effort.ts';
import { blobPath, get, head, pushBlob } from '../conformance/requests.ts';
import { makeTemporary, removeTemporary } from '../support/temporary.ts';
import { describeWith } from '../support/tools.ts';
import { COMPRESSORS, type Setting } from './compressors.ts';
import { type ExactServer, startExactServer } from './exact-server.ts';
import { LAYERS, type Layer, SLOW } from './layers/layers.ts';

const REPOSITORY = 'exact/layers';
/** The longest stretch that is asked for. */
const STRETCH = 100_000;
let folder: string;
let web: ExactServer;
/** Digests of all layers so far. */
const pushed = new Set<string>();

beforeAll(async () => {
  folder = await makeTemporary('exact');
  web = await startExactServer();
});

afterAll(async () => {
  await web[Symbol.asyncDispose]();
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
  const digest = await pushBlob(web.client, REPOSITORY, layer);
  pushed.add(digest);
  const start = placeIn(digest, layer.length);
  const stretch = Buffer.from(layer.subarray(start, start + STRETCH));
  return { name, digest, size: layer.length, start, stretch };
}

/** The blob files that hold something. */
async function intactFiles(): Promise<string[]> {
  const root = join(web.server.dataDir, 'blobs');
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
  const asked = await head(web.client, target);
  check(asked.status === 200 && asked.get('content-length') === `${size}`, 'HEAD');
  const whole = await get(web.client, target);
  const sum = createHash('sha256').update(whole.body).digest('hex');
  check(whole.status === 200 && digest === `sha256:${sum}`, `GET, ${whole.status}`);
  const end = start + stretch.length - 1;
  const part = await get(web.client, target, { range: `bytes=${start}-${end}` });
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
  await expect.poll(async () => (await web.counts()).queued, patience).toBe(0);
  const refused = { format: 0, zstd: 0, broken: 0, structure: 0, notWorthIt: 0, notExact: 0 };
  const gone = { intact: 0, both: 0, recipeOnly: pushed.size, refused };
  await expect.poll(web.counts).toMatchObject(gone);
  await expect.poll(intactFiles).toEqual([]);
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
