/** That the collector asks whether it is time to rest, wherever it goes over the store. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { deleteManifest, deleteTag } from '../../src/storage/manifests.ts';
import type * as pace from '../../src/storage/pace.ts';
import { bytesOf, imageOf, LARGE, pushBlob, pushManifest } from './support/content.ts';
import { openTestStore, STORE_PLACES, type TestStore } from './support/stores.ts';

/** Rests so far. Each piece of work is over at once. */
let rests = 0;
vi.mock('../../src/storage/pace.ts', (): typeof pace => ({
  startPace: () => ({
    due: () => true,
    async rest() {
      rests++;
      await new Promise((resolve) => setImmediate(resolve));
    },
  }),
}));

const LEASE = 1000;
const UNDO = 5000;
/** Keys that the collector looks at between two questions, at most. */
const STEP = 64;
const MANY = 4 * STEP;

describe('decisions 7: the collector rests again and again', () => {
  let test: TestStore;
  beforeEach(async () => {
    const [make] = STORE_PLACES;
    const settings = { lease: LEASE, undo: UNDO, untaggedAfter: 100 * UNDO };
    test = await openTestStore(make!(), { settings });
    await pushBlob(test.store, 'a', bytesOf(1));
  });
  afterEach(() => test.close());

  /** Rests of one round. */
  async function restsOf(): Promise<number> {
    rests = 0;
    const { error } = await test.store.collector.run({ dryRun: false });
    expect(error).toBeUndefined();
    return rests;
  }

  async function pushMany(tagged: boolean): Promise<string[]> {
    const digests: string[] = [];
    for (let i = 0; i < MANY; i++) {
      const image = imageOf([bytesOf(1)], { annotations: { number: String(i) } });
      await pushManifest(test.store, 'a', image, { tags: tagged ? [`t${i}`] : [] });
      digests.push(image.digest);
    }
    return digests;
  }

  it('while it looks at blobs, and while it removes them', async () => {
    const before = await restsOf();
    for (let i = 0; i < MANY; i++) await pushBlob(test.store, 'a', bytesOf(`blob ${i}`));
    expect((await restsOf()) - before).toBeGreaterThanOrEqual(MANY / STEP);
    test.time.now += 2 * LEASE;
    expect((await restsOf()) - before).toBeGreaterThanOrEqual(MANY / STEP);
    expect(test.store.totals().contents).toBe(0);
  });

  it('while it lets go of deleted tags and manifests', async () => {
    const before = await restsOf();
    const digests = await pushMany(true);
    for (let i = 0; i < MANY; i++) await deleteTag(test.store.context, 'a', `t${i}`);
    for (const digest of digests) await deleteManifest(test.store.context, 'a', digest);
    test.time.now += UNDO;
    expect((await restsOf()) - before).toBeGreaterThanOrEqual((2 * MANY) / STEP);
  });

  it('while it looks at untagged manifests', async () => {
    const before = await restsOf();
    await pushMany(false);
    expect((await restsOf()) - before).toBeGreaterThanOrEqual(MANY / STEP);
  });

  it('while it looks at repositories', async () => {
    const before = await restsOf();
    for (let i = 0; i < MANY; i++) await pushBlob(test.store, `a/${i}`, bytesOf(1));
    // Once for the links, once for the repositories.
    expect((await restsOf()) - before).toBeGreaterThanOrEqual((2 * MANY) / STEP);
  });

  it('while it looks for files that nobody knows', async () => {
    for (let i = 0; i < 10; i++) await pushBlob(test.store, 'a', bytesOf(i, LARGE));
    await restsOf();
    await test.reopen();
    const first = await restsOf();
    // Only the first round after a start looks at files.
    expect(first - (await restsOf())).toBeGreaterThanOrEqual(10);
  });
});
