/** The process stops at any step of ingest, verification, drop and collection, and power is lost. */
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { digestOf } from '../../src/oci/digest.ts';
import { noise, text } from '../codec/support/content.ts';
import { isLong } from '../codec/support/effort.ts';
import { makeTar } from '../support/tar.ts';
import { crashingPlace, type Steps } from './support/crashing.ts';
import { openTestLayers, type TestLayers } from './support/layers.ts';

const SHARED = Array.from({ length: 30 }, (_, i) => ({
  path: `shared-${i}`,
  bytes: Buffer.concat([text(3000, i + 1), Buffer.alloc(160_000)]),
}));
/** Two sections each, with the same files. */
const FIRST = gzipSync(makeTar([{ path: 'a', bytes: noise(2000, 7) }, ...SHARED]));
const SECOND = gzipSync(makeTar([...SHARED, { path: 'b', bytes: noise(3000, 8) }]));

/** What is known to have been done when the process died. */
interface Known {
  readonly stored: Set<string>;
  readonly dropped: Set<string>;
}

/** Everything that happens to layers. */
async function live(store: TestLayers, { stored, dropped }: Known): Promise<void> {
  const first = await store.add(FIRST);
  stored.add(first);
  const second = await store.add(SECOND);
  stored.add(second);
  // From now on it is in doubt, until the drop is acknowledged.
  stored.delete(first);
  await store.drop(first);
  dropped.add(first);
  const { signal } = new AbortController();
  await store.layers.collect(signal);
}

/** What has to hold after any crash. */
async function check(store: TestLayers, { stored, dropped }: Known): Promise<void> {
  for (const file of [FIRST, SECOND]) {
    const digest = digestOf(file);
    const isThere = store.layers.sizeOf(digest) !== undefined;
    if (stored.has(digest)) expect(isThere).toBe(true);
    if (dropped.has(digest)) expect(isThere).toBe(false);
    if (isThere) expect((await store.get(digest)).equals(file)).toBe(true);
  }
  const { signal } = new AbortController();
  await store.layers.collect(signal);
  // Goes on as if nothing had happened.
  const again = await store.add(FIRST);
  expect((await store.get(again)).equals(FIRST)).toBe(true);
  for (const file of [FIRST, SECOND]) await store.drop(digestOf(file));
  await store.layers.collect(signal);
  expect(store.bytes()).toBe(0);
  expect([...store.segments.kv.keys({ from: 'y', to: 'z' })]).toEqual([]);
  const { bases, structure, layers } = store.layers.figures();
  expect({ bases, structure, layers }).toEqual({ bases: 0, structure: 0, layers: 0 });
}

/** One life that ends at a step. @returns the steps it had */
async function liveUntil(last: number): Promise<number> {
  const { place, begin } = crashingPlace();
  const steps: Steps = begin(last);
  const known: Known = { stored: new Set(), dropped: new Set() };
  const process = openTestLayers({}, place).then((store) => live(store, known));
  await Promise.race([process, steps.died]);
  place.losePower();
  begin();
  const store = await openTestLayers({}, place);
  await check(store, known);
  await store.close();
  return steps.count;
}

describe('decisions 3: a crash at any step loses no layer and leaves nothing behind', () => {
  it('step by step', { timeout: 600_000 }, async () => {
    const count = await liveUntil(Number.POSITIVE_INFINITY);
    expect(count).toBeGreaterThan(30);
    const stride = isLong ? 1 : 3;
    for (let step = 1; step <= count; step += stride) await liveUntil(step);
  });
});
