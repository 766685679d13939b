/** When the bytes of an upload are read a second time, and where they are hashed then. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type * as hashing from '../../../src/lib/hashing.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { append, bytesOf, LARGE, pullBlob, startUpload } from '../support/content.ts';
import { openTestStore, STORE_PLACES, type TestStore } from '../support/stores.ts';

/** Sizes of what was hashed on the thread that is there for it. */
const hashed: number[] = [];
vi.mock('../../../src/lib/hashing.ts', async (original) => {
  const { createHasher } = await original<typeof hashing>();
  return {
    createHasher(): hashing.Hasher {
      const real = createHasher();
      return {
        ...real,
        hash(request) {
          hashed.push(request.size);
          return real.hash(request);
        },
      };
    },
  };
});

describe.each(STORE_PLACES.map((make) => ({ name: make().name, make })))(
  'decisions 1: the bytes of an upload to a store in $name',
  ({ make }) => {
    const bytes = bytesOf('hashed', LARGE);
    const owner = { repository: 'a', subject: '' };
    let test: TestStore;
    beforeEach(async () => {
      hashed.length = 0;
      test = await openTestStore(make());
    });
    afterEach(() => test.close());

    it('are hashed as they come, and not read again', async () => {
      const upload = startUpload(test.store);
      await append(upload, bytes.subarray(0, 1000), { persist: true });
      await append(upload, bytes.subarray(1000), { persist: false });
      await test.store.uploads.finish(upload, digestOf(bytes));
      expect(hashed).toEqual([]);
    });

    it('are read again off the event loop for a digest of another algorithm', async () => {
      const upload = startUpload(test.store);
      await append(upload, bytes, { persist: false });
      const digest = digestOf(bytes, 'sha512');
      await test.store.uploads.finish(upload, digest);
      expect(hashed).toEqual([LARGE]);
      expect(await pullBlob(test.store, 'a', digest)).toEqual(bytes);
    });

    it('are read again off the event loop after a restart', async () => {
      const upload = startUpload(test.store);
      await append(upload, bytes.subarray(0, LARGE / 2), { persist: true });
      await test.reopen();
      const found = test.store.uploads.find(upload.id, owner)!;
      await append(found, bytes.subarray(LARGE / 2), { persist: true });
      await test.store.uploads.finish(found, digestOf(bytes));
      expect(hashed).toEqual([LARGE]);
      expect(await pullBlob(test.store, 'a', digestOf(bytes))).toEqual(bytes);
    });
  },
);
