import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OCI_IMAGE_INDEX, OCI_IMAGE_MANIFEST } from '../../src/oci/media-types.ts';
import { deleteBlob, findBlob } from '../../src/storage/blobs.ts';
import { referrersOf } from '../../src/storage/listing.ts';
import {
  deleteManifest,
  deleteTag,
  findManifest,
  findTag,
  hasRepository,
} from '../../src/storage/manifests.ts';
import { findContradictions } from './support/consistency.ts';
import {
  bytesOf,
  descriptorOf,
  imageOf,
  indexOf,
  LARGE,
  type ManifestSource,
  pullManifest,
  pushBlob,
  pushImage,
  pushManifest,
  subjectOf,
} from './support/content.ts';
import { openTestStore, STORE_PLACES, type TestStore } from './support/stores.ts';

/** Lets what needs no input or output come to its transaction; commits begin later. */
async function microtasks(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve();
}

const refusal = (reason: string) => ({ name: 'StoreRefusal', reason });
/** An annotation that makes a manifest too large for the metadata store. */
const BULK = { annotations: { bulk: 'x'.repeat(20_000) } };

describe.each(STORE_PLACES.map((make) => ({ name: make().name, make })))(
  'manifests of a store in $name',
  ({ make }) => {
    let test: TestStore;
    beforeEach(async () => {
      test = await openTestStore(make());
    });
    afterEach(async () => {
      expect(findContradictions(test.store.context.kv)).toEqual([]);
      await test.close();
    });
    const tagOf = (tag: string, repository = 'a') =>
      findTag(test.store.context, repository, tag)?.digest;
    const referrers = (subject: string, repository = 'a') =>
      [...referrersOf(test.store.context, repository, { subject })].map(({ digest }) => digest);

    /** Files that hold something; a real target keeps a stock of empty ones. */
    async function filesWithBytes(): Promise<number[]> {
      const found: number[] = [];
      for await (const id of test.store.context.target.files()) {
        if (((await test.place.bytes(id))?.length ?? 0) > 0) found.push(id);
      }
      return found.sort((a, b) => a - b);
    }
    it.each([
      ['small', {}],
      ['large', BULK],
    ])('decisions 2: MAN-P2 kept byte for byte and after a restart: %s', async (_, extra) => {
      const image = await pushImage(test.store, 'a', [bytesOf(1), bytesOf(2, LARGE)], {
        tags: ['latest', 'v1'],
        extra: { ...extra, custom: { field: [1, 'ä'] } },
      });
      for (let round = 0; round < 2; round++) {
        expect(await pullManifest(test.store, 'a', 'latest')).toEqual(image.bytes);
        expect(await pullManifest(test.store, 'a', image.digest)).toEqual(image.bytes);
        expect(tagOf('v1')).toBe(image.digest);
        const found = findManifest(test.store.context, 'a', image.digest);
        expect(found?.record).toMatchObject({
          mediaType: OCI_IMAGE_MANIFEST,
          size: image.bytes.length,
        });
        expect(found?.content.record.file === undefined).toBe(image.bytes.length <= 16_384);
        await test.reopen();
      }
    });

    it('decisions 2: MAN-P2 nothing shows before it is durable, everything together', async () => {
      await pushBlob(test.store, 'a', bytesOf(1));
      const image = imageOf([bytesOf(1)]);
      const pushing = pushManifest(test.store, 'a', image, { tags: ['t'] });
      expect(tagOf('t')).toBeUndefined();
      expect(findManifest(test.store.context, 'a', image.digest)).toBeUndefined();
      await pushing;
      expect(tagOf('t')).toBe(image.digest);
    });

    it('TAG-2 a tag moves, the old manifest stays', async () => {
      const [first, second] = [
        await pushImage(test.store, 'a', [bytesOf(1)], { tags: ['t', 'old'] }),
        await pushImage(test.store, 'a', [bytesOf(2)], { tags: ['t', 't'] }),
      ];
      expect(tagOf('t')).toBe(second.digest);
      expect(tagOf('old')).toBe(first.digest);
      await pushManifest(test.store, 'a', first, { tags: ['t'] });
      await pushManifest(test.store, 'a', first, { tags: ['t'] });
      expect(tagOf('t')).toBe(first.digest);
      expect(test.store.totals()).toMatchObject({ tags: 2, manifests: 2 });
    });

    it('tags of different repositories have nothing to do with each other', async () => {
      const a = await pushImage(test.store, 'a', [bytesOf(1)], { tags: ['t'] });
      const b = await pushImage(test.store, 'a/b', [bytesOf(2)], { tags: ['t'] });
      expect([tagOf('t'), tagOf('t', 'a/b')]).toEqual([a.digest, b.digest]);
      await deleteManifest(test.store.context, 'a', a.digest);
      expect(tagOf('t')).toBeUndefined();
      expect(tagOf('t', 'a/b')).toBe(b.digest);
    });

    it('decisions 4: MAN-P4 references are checked within the repository, and named', async () => {
      const blobs = [bytesOf(1), bytesOf(2), bytesOf(3)];
      await pushImage(test.store, 'other', blobs);
      await pushBlob(test.store, 'a', blobs[0]!);
      const image = imageOf([...blobs, blobs[2]!]);
      await expect(pushManifest(test.store, 'a', image)).rejects.toMatchObject({
        ...refusal('references-missing'),
        digests: [blobs[1]!, blobs[2]!].map((bytes) => descriptorOf(bytes, '').digest),
      });
      expect(await pullManifest(test.store, 'a', image.digest)).toBeUndefined();
      const index = indexOf([imageOf(blobs)]);
      await expect(pushManifest(test.store, 'a', index)).rejects.toMatchObject(
        refusal('references-missing'),
      );
      expect(test.store.totals()).toMatchObject({ manifests: 1 });
      // A large one that is refused leaves no file either.
      const large = imageOf(blobs, BULK);
      const before = await filesWithBytes();
      await expect(pushManifest(test.store, 'a', large)).rejects.toMatchObject(
        refusal('references-missing'),
      );
      expect(await filesWithBytes()).toEqual(before);
    });

    it('MAN-P5 MAN-P6 subjects and foreign layers need not be there', async () => {
      const image = await pushImage(test.store, 'a', [bytesOf(1)]);
      const foreign = {
        ...descriptorOf(bytesOf(9), 'application/vnd.oci.image.layer.v1.tar'),
        urls: ['https://example.com/'],
      };
      const odd = imageOf([bytesOf(1)], {
        layers: [foreign],
        ...subjectOf(imageOf([bytesOf(8)])),
      });
      await pushManifest(test.store, 'a', odd);
      await pushManifest(test.store, 'a', indexOf([image, odd]));
      expect(test.store.totals().manifests).toBe(3);
    });

    it('REF-4 referrers, with what they say of themselves, in order', async () => {
      const image = await pushImage(test.store, 'a', [bytesOf(1)]);
      const extras: object[] = [{ artifactType: 'application/x' }, { annotations: { a: 'b' } }, {}];
      const artifacts: ManifestSource[] = [];
      for (const [i, extra] of extras.entries()) {
        const all = { ...extra, ...subjectOf(image), nr: i };
        artifacts.push(await pushImage(test.store, 'a', [bytesOf(1)], { extra: all }));
      }
      expect(referrers(image.digest)).toEqual(artifacts.map(({ digest }) => digest).sort());
      const entries = [...referrersOf(test.store.context, 'a', { subject: image.digest })];
      for (const { digest, json } of entries) {
        const at = artifacts.findIndex((one) => one.digest === digest);
        expect(JSON.parse(json)).toEqual({
          mediaType: OCI_IMAGE_MANIFEST,
          digest,
          size: artifacts[at]!.bytes.length,
          artifactType: 'application/vnd.oci.image.layer.v1.tar+gzip',
          ...extras[at],
        });
      }
      const rest = referrersOf(test.store.context, 'a', {
        subject: image.digest,
        last: entries[0]!.digest,
      });
      expect([...rest].map(({ digest }) => digest)).toEqual(
        entries.slice(1).map(({ digest }) => digest),
      );
      expect(referrers(image.digest, 'b')).toEqual([]);
      await deleteManifest(test.store.context, 'a', artifacts[0]!.digest);
      expect(referrers(image.digest)).not.toContain(artifacts[0]!.digest);
      // Referrers of what is gone are still told.
      await deleteManifest(test.store.context, 'a', image.digest);
      expect(referrers(image.digest)).toHaveLength(2);
    });

    it('decisions 3: deleting a manifest takes its tags, at once for readers', async () => {
      const image = await pushImage(test.store, 'a', [bytesOf(1)], { tags: ['t', 'u'] });
      const other = await pushImage(test.store, 'a', [bytesOf(2)], { tags: ['v'] });
      const deleting = deleteManifest(test.store.context, 'a', image.digest);
      expect([tagOf('t'), tagOf('u'), tagOf('v')]).toEqual([undefined, undefined, other.digest]);
      expect(findManifest(test.store.context, 'a', image.digest)).toBeUndefined();
      await deleting;
      expect(await pullManifest(test.store, 'a', image.digest)).toBeUndefined();
      await expect(deleteManifest(test.store.context, 'a', image.digest)).rejects.toMatchObject(
        refusal('manifest-unknown'),
      );
      expect(test.store.totals()).toMatchObject({ manifests: 1, tags: 1 });
      await test.reopen();
      expect(await pullManifest(test.store, 'a', image.digest)).toBeUndefined();
      // Its blobs stay readable until the collector comes.
      expect(findBlob(test.store.context, 'a', descriptorOf(bytesOf(1), '').digest)).toBeDefined();
    });

    it('deleting a tag leaves the manifest', async () => {
      const image = await pushImage(test.store, 'a', [bytesOf(1)], { tags: ['t', 'u'] });
      await deleteTag(test.store.context, 'a', 't');
      expect([tagOf('t'), tagOf('u')]).toEqual([undefined, image.digest]);
      expect(await pullManifest(test.store, 'a', image.digest)).toEqual(image.bytes);
      for (const [repository, tag] of [
        ['a', 't'],
        ['b', 'u'],
        ['a', 'x'],
      ] as const) {
        await expect(deleteTag(test.store.context, repository, tag)).rejects.toMatchObject(
          refusal('tag-unknown'),
        );
      }
    });

    it('manifests that an index lists can be deleted, unless such are protected', async () => {
      const image = await pushImage(test.store, 'a', [bytesOf(1)]);
      const index = indexOf([image]);
      await pushManifest(test.store, 'a', index);
      await test.reopen({ options: { settings: { protectReferenced: true } } });
      await expect(deleteManifest(test.store.context, 'a', image.digest)).rejects.toMatchObject({
        ...refusal('in-use'),
        digests: [index.digest],
      });
      await deleteManifest(test.store.context, 'a', index.digest);
      await deleteManifest(test.store.context, 'a', image.digest);
    });

    it('decisions 3: reference check and insert are one: of a push beside a delete one wins', async () => {
      for (const order of ['push first', 'delete first']) {
        const blob = bytesOf(order, LARGE);
        const digest = await pushBlob(test.store, 'a', blob);
        const image = imageOf([blob]);
        const acts = [
          () =>
            pushManifest(test.store, 'a', image).then(
              () => 'taken',
              () => 'refused',
            ),
          () => deleteBlob(test.store.context, 'a', digest).then(() => 'deleted'),
        ];
        if (order === 'delete first') acts.reverse();
        const first = acts[0]!();
        await microtasks();
        const results = await Promise.all([first, acts[1]!()]);
        expect(results).toContain(order === 'push first' ? 'taken' : 'refused');
      }
    });

    it('decisions 3: a delete without undo takes along a push that is not durable yet', async () => {
      await test.reopen({ options: { settings: { undo: 0 } } });
      await pushBlob(test.store, 'a', bytesOf(1));
      const image = imageOf([bytesOf(1)]);
      const pushing = pushManifest(test.store, 'a', image, { tags: ['t'] });
      await microtasks();
      await Promise.all([pushing, deleteManifest(test.store.context, 'a', image.digest)]);
      expect(tagOf('t')).toBeUndefined();
      expect(await pullManifest(test.store, 'a', image.digest)).toBeUndefined();
      // Nothing is left that would keep the blob.
      expect([...test.store.context.kv.keys({ from: 'u ', to: 'u!' })]).toEqual([]);
    });

    it('decisions 3: deletes without undo, of a manifest in a file', async () => {
      await test.reopen({ options: { settings: { undo: 0 } } });
      const image = await pushImage(test.store, 'a', [bytesOf(1)], { extra: BULK });
      await deleteManifest(test.store.context, 'a', image.digest);
      expect([...test.store.context.kv.keys({ from: 'u ', to: 'u!' })]).toEqual([]);
      expect(await filesWithBytes()).toEqual([]);
    });

    it('the same bytes pushed as another type refer to other things', async () => {
      const image = await pushImage(test.store, 'a', [bytesOf(1)]);
      await pushBlob(test.store, 'a', bytesOf(2));
      const both = Buffer.from(
        JSON.stringify({
          schemaVersion: 2,
          config: descriptorOf(bytesOf(2), 'x'),
          manifests: [descriptorOf(image.bytes, OCI_IMAGE_MANIFEST)],
        }),
      );
      for (const undo of [3_600_000, 0]) {
        await test.reopen({ options: { settings: { undo } } });
        for (const mediaType of [OCI_IMAGE_MANIFEST, OCI_IMAGE_INDEX, OCI_IMAGE_MANIFEST]) {
          const digest = await pushManifest(test.store, 'a', { bytes: both, mediaType });
          expect(findManifest(test.store.context, 'a', digest)?.record.mediaType).toBe(mediaType);
          expect(findContradictions(test.store.context.kv)).toEqual([]);
          if (mediaType === OCI_IMAGE_INDEX) {
            await deleteManifest(test.store.context, 'a', digest);
            expect(findContradictions(test.store.context.kv)).toEqual([]);
          }
        }
      }
    });

    it('a repository is there from its first content on', async () => {
      expect(hasRepository(test.store.context, 'a')).toBe(false);
      await pushManifest(test.store, 'a', indexOf([]));
      expect(hasRepository(test.store.context, 'a')).toBe(true);
      expect(test.store.totals().repositories).toBe(1);
    });
  },
);
