import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { digestOf } from '../../src/oci/digest.ts';
import { createMemoryEngine } from '../../src/storage/kv/memory.ts';
import { openKeyValueStore } from '../../src/storage/kv/store.ts';
import { keys } from '../../src/storage/metadata/keys.ts';
import { PRESENT } from '../../src/storage/metadata/records.ts';
import { findUnused } from '../../src/storage/unused-blobs.ts';
import { memoryPlace, openTestStore, type TestStore } from './support/stores.ts';

/** Names that sort next to each other and begin with each other. */
const REPOSITORIES = ['a', 'a-b', 'a/b', 'ab', 'b'];
const DIGESTS = Array.from({ length: 12 }, (_, i) => digestOf(Buffer.from(`blob ${i}`), 'sha256'));

/** A blob in a repository, or only what refers to it there. */
const place = fc.record({
  repository: fc.constantFrom(...REPOSITORIES),
  digest: fc.constantFrom(...DIGESTS),
  linked: fc.boolean(),
  // More than are passed over one by one, too.
  users: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 25 })),
});

describe('blobs that nothing refers to', () => {
  let test: TestStore;
  beforeEach(async () => {
    test = await openTestStore(memoryPlace(), { settings: { lease: 0 } });
  });
  afterEach(() => test.close());

  it('decisions 3: one walk finds those that asking for each blob by itself finds', async () => {
    const places = fc.uniqueArray(place, {
      selector: ({ repository, digest }) => `${repository} ${digest}`,
      maxLength: 40,
    });
    await fc.assert(
      fc.asyncProperty(places, async (all) => {
        const kv = openKeyValueStore(createMemoryEngine());
        await kv.transact((tx) => {
          for (const { repository, digest, linked, users } of all) {
            if (linked) tx.put(keys.link(repository, digest), PRESENT);
            for (let i = 0; i < users; i++) {
              const manifest = digestOf(Buffer.from(`manifest ${i}`), 'sha256');
              tx.put(keys.use(repository, digest, manifest), PRESENT);
            }
          }
        });
        const linked = all.filter((entry) => entry.linked);
        const linksOf = (entries: typeof all): string[] =>
          entries.map(({ repository, digest }) => keys.link(repository, digest)).sort();
        const unused = findUnused({ ...test.store.context, kv }, linksOf(linked));
        expect(unused).toEqual(linksOf(linked.filter(({ users }) => users === 0)));
      }),
      { numRuns: 200 },
    );
  });
});
