import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { digestOf } from '../../src/oci/digest.ts';
import { deleteBlob, findBlob, mountBlob, repositoriesWithBlob } from '../../src/storage/blobs.ts';
import { hasRepository } from '../../src/storage/manifests.ts';
import { filesInUse, findContradictions } from './support/consistency.ts';
import {
  append,
  bytesOf,
  imageOf,
  LARGE,
  pullBlob,
  pushBlob,
  pushImage,
  pushManifest,
  startUpload,
} from './support/content.ts';
import { openTestStore, STORE_PLACES, type TestStore } from './support/stores.ts';

const refusal = (reason: string) => ({ name: 'StoreRefusal', reason });

describe.each(STORE_PLACES.map((make) => ({ name: make().name, make })))(
  'blobs of a store in $name',
  ({ make }) => {
    let test: TestStore;
    beforeEach(async () => {
      test = await openTestStore(make());
    });
    afterEach(async () => {
      expect(findContradictions(test.store.context.kv)).toEqual([]);
      await test.close();
    });
    const mount = (digest: string, from: readonly string[], to: string) =>
      mountBlob(test.store.context, { digest, from, to });

    it.each([100, LARGE])('one copy however many repositories hold it: %d bytes', async (size) => {
      const bytes = bytesOf('dedup', size);
      const digest = digestOf(bytes);
      for (const repository of ['a', 'b/c', 'a', 'd'])
        await pushBlob(test.store, repository, bytes);
      expect(await mount(digest, ['d'], 'e')).toBe(true);
      for (const repository of ['a', 'b/c', 'd', 'e']) {
        expect(await pullBlob(test.store, repository, digest)).toEqual(bytes);
      }
      expect(test.store.totals()).toEqual({
        repositories: 4,
        tags: 0,
        manifests: 0,
        contents: 1,
        bytes: size,
        recipeContents: 0,
        recipeBytes: 0,
      });
      expect(filesInUse(test.store.context.kv)).toHaveLength(size > 16_384 ? 1 : 0);
      expect(repositoriesWithBlob(test.store.context, digest)).toEqual(['a', 'b/c', 'd', 'e']);
    });

    it('decisions 2: content up to 16 KiB lies in the metadata, larger in a file each', async () => {
      for (const size of [16_384, 16_385]) {
        const digest = await pushBlob(test.store, 'a', bytesOf(size, size));
        const content = findBlob(test.store.context, 'a', digest);
        expect(content?.record.file === undefined).toBe(size === 16_384);
      }
    });

    it('two uploads of one blob at once leave one copy', async () => {
      const bytes = bytesOf('twice', LARGE);
      const digest = digestOf(bytes);
      const uploads = [startUpload(test.store), startUpload(test.store, { repository: 'b' })];
      for (const upload of uploads) await append(upload, bytes, { persist: true });
      await Promise.all(uploads.map((upload) => test.store.uploads.finish(upload, digest)));
      expect(filesInUse(test.store.context.kv)).toHaveLength(1);
      await test.reopen();
      for (const repository of ['a', 'b']) {
        expect(await pullBlob(test.store, repository, digest)).toEqual(bytes);
      }
      const gone = uploads.filter(({ file }) => filesInUse(test.store.context.kv)[0] !== file);
      expect(gone).toHaveLength(1);
      expect(await test.place.bytes(gone[0]!.file!)).toBeUndefined();
    });

    it('decisions 4: a blob is visible only where it was pushed or mounted', async () => {
      const digest = await pushBlob(test.store, 'a', bytesOf('secret'));
      expect(await pullBlob(test.store, 'b', digest)).toBeUndefined();
      await expect(deleteBlob(test.store.context, 'b', digest)).rejects.toMatchObject(
        refusal('blob-unknown'),
      );
      expect(await mount(digest, ['b', 'c'], 'd')).toBe(false);
      expect(await mount(digest, [], 'd')).toBe(false);
      expect(await pullBlob(test.store, 'd', digest)).toBeUndefined();
      expect(hasRepository(test.store.context, 'd')).toBe(false);
      expect(await mount(digest, ['b', 'a'], 'd')).toBe(true);
      expect(await pullBlob(test.store, 'd', digest)).toEqual(bytesOf('secret'));
    });

    it('decisions 4: a manifest makes no blob readable, not even a sparse one', async () => {
      const digest = await pushBlob(test.store, 'a', bytesOf('secret', LARGE));
      const image = imageOf([bytesOf('secret', LARGE)]);
      await expect(pushManifest(test.store, 'b', image)).rejects.toMatchObject(
        refusal('references-missing'),
      );
      expect(hasRepository(test.store.context, 'b')).toBe(false);
      await pushManifest(test.store, 'b', image, { allowMissing: true });
      expect(findBlob(test.store.context, 'b', digest)).toBeUndefined();
      expect(await mount(digest, ['b'], 'c')).toBe(false);
    });

    it('mounting is repeatable, also into itself', async () => {
      const digest = await pushBlob(test.store, 'a', bytesOf('x'));
      for (let i = 0; i < 3; i++) {
        expect(await mount(digest, ['a'], 'b')).toBe(true);
        expect(await mount(digest, ['a'], 'a')).toBe(true);
      }
      expect(test.store.totals()).toMatchObject({ repositories: 2, contents: 1 });
    });

    it('decisions 3: a delete is immediate for readers, before it is durable', async () => {
      const bytes = bytesOf('delete', LARGE);
      const digest = await pushBlob(test.store, 'a', bytes);
      const { record } = findBlob(test.store.context, 'a', digest)!;
      const deleting = deleteBlob(test.store.context, 'a', digest);
      expect(findBlob(test.store.context, 'a', digest)).toBeUndefined();
      // Only a generation that is committed as dead is unlinked.
      expect(await test.place.bytes(record.file!)).toBeDefined();
      await deleting;
      expect(findBlob(test.store.context, 'a', digest)).toBeUndefined();
      expect(await test.place.bytes(record.file!)).toBeUndefined();
      await expect(deleteBlob(test.store.context, 'a', digest)).rejects.toMatchObject(
        refusal('blob-unknown'),
      );
      await test.reopen();
      expect(findBlob(test.store.context, 'a', digest)).toBeUndefined();
      expect(test.store.totals()).toMatchObject({ contents: 0, bytes: 0 });
    });

    it('decisions 3: the bytes go with the last repository that holds them', async () => {
      const bytes = bytesOf('last', LARGE);
      const digest = await pushBlob(test.store, 'a', bytes);
      await mount(digest, ['a'], 'b');
      await deleteBlob(test.store.context, 'a', digest);
      expect(await pullBlob(test.store, 'a', digest)).toBeUndefined();
      expect(await pullBlob(test.store, 'b', digest)).toEqual(bytes);
      expect(await mount(digest, ['a'], 'c')).toBe(false);
      await deleteBlob(test.store.context, 'b', digest);
      expect(test.store.totals().contents).toBe(0);
    });

    it('decisions 3: two deletes of the last two owners at once leave nothing', async () => {
      const digest = await pushBlob(test.store, 'a', bytesOf('both', LARGE));
      await mount(digest, ['a'], 'b');
      const file = findBlob(test.store.context, 'a', digest)?.record.file;
      await Promise.all(['a', 'b'].map((name) => deleteBlob(test.store.context, name, digest)));
      expect(test.store.totals().contents).toBe(0);
      expect(await test.place.bytes(file!)).toBeUndefined();
    });

    it('decisions 3: link check and mount are one: a mount beside a delete keeps the bytes or fails', async () => {
      for (const order of ['mount first', 'delete first']) {
        const bytes = bytesOf(order, LARGE);
        const digest = await pushBlob(test.store, 'a', bytes);
        const acts = [
          () => mount(digest, ['a'], 'b'),
          () => deleteBlob(test.store.context, 'a', digest).then(() => 'deleted'),
        ];
        if (order === 'delete first') acts.reverse();
        const results = await Promise.all(acts.map((act) => act()));
        const mounted = results.includes(true);
        expect(mounted).toBe(order === 'mount first');
        expect(await pullBlob(test.store, 'b', digest)).toEqual(mounted ? bytes : undefined);
        expect(await pullBlob(test.store, 'a', digest)).toBeUndefined();
      }
    });

    it('decisions 3: a push beside a delete is whole or not there, never acknowledged and lost', async () => {
      const bytes = bytesOf('again', LARGE);
      const digest = await pushBlob(test.store, 'a', bytes);
      const upload = startUpload(test.store, { repository: 'b' });
      await append(upload, bytes, { persist: false });
      const deleting = deleteBlob(test.store.context, 'a', digest);
      await test.store.uploads.finish(upload, digest);
      await deleting;
      expect(await pullBlob(test.store, 'b', digest)).toEqual(bytes);
      const pushing = startUpload(test.store, { repository: 'c' });
      await append(pushing, bytes, { persist: false });
      const finishing = test.store.uploads.finish(pushing, digest);
      await deleteBlob(test.store.context, 'b', digest);
      await finishing;
      expect(await pullBlob(test.store, 'c', digest)).toEqual(bytes);
      await test.reopen();
      expect(await pullBlob(test.store, 'c', digest)).toEqual(bytes);
    });

    it('a blob that a manifest refers to can be deleted, unless such blobs are protected', async () => {
      const blobs = [bytesOf(1), bytesOf(2)];
      const [config] = blobs.map((bytes) => digestOf(bytes));
      const image = await pushImage(test.store, 'a', blobs);
      await test.reopen({ options: { settings: { protectReferenced: true } } });
      await expect(deleteBlob(test.store.context, 'a', config!)).rejects.toMatchObject({
        ...refusal('in-use'),
        digests: [image.digest],
      });
      expect(await pullBlob(test.store, 'a', config!)).toEqual(blobs[0]);
      await test.reopen({ options: { settings: { protectReferenced: false } } });
      await deleteBlob(test.store.context, 'a', config!);
      expect(await pullBlob(test.store, 'a', config!)).toBeUndefined();
    });

    it('the same bytes can be a blob and a manifest', async () => {
      const image = await pushImage(test.store, 'a', [bytesOf(1)]);
      await pushBlob(test.store, 'a', image.bytes);
      expect(test.store.totals().contents).toBe(2);
      await deleteBlob(test.store.context, 'a', image.digest);
      expect(await pullBlob(test.store, 'a', image.digest)).toBeUndefined();
      expect(test.store.totals()).toMatchObject({ contents: 2, manifests: 1 });
    });
  },
);
