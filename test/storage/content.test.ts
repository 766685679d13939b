import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { digestOf } from '../../src/oci/digest.ts';
import { deleteBlob, findBlob, mountBlob } from '../../src/storage/blobs.ts';
import {
  ContentDamagedError,
  contentInMemory,
  findContent,
  openContent,
  quarantine,
  readContent,
} from '../../src/storage/content.ts';
import { findManifest } from '../../src/storage/manifests.ts';
import { findContradictions } from './support/consistency.ts';
import {
  bytesOf,
  canOpen,
  imageOf,
  LARGE,
  pullBlob,
  pullManifest,
  pushBlob,
  pushImage,
  pushManifest,
} from './support/content.ts';
import { failingPlace } from './support/failing.ts';
import { openTestStore, STORE_PLACES, type TestStore } from './support/stores.ts';

const BULK = { annotations: { bulk: 'x'.repeat(20_000) } };

describe.each(STORE_PLACES.map((make) => ({ name: make().name, make })))(
  'damaged content of a store in $name',
  ({ make }) => {
    let test: TestStore;
    beforeEach(async () => {
      test = await openTestStore(make());
    });
    afterEach(async () => {
      expect(findContradictions(test.store.context.kv)).toEqual([]);
      await test.close();
    });
    const quarantined = () => [...test.store.scrub.quarantined()];
    const fileOf = (digest: string) => findContent(test.store.context, digest)!.record.file!;
    /** Damages the file of a content. The store is opened anew, so that it has no open file. */
    async function damage(digest: string, bytes: Buffer | undefined): Promise<void> {
      const file = fileOf(digest);
      await test.reopen();
      await test.place.damage(file, bytes);
    }

    it.each([
      ['small', 100],
      ['in a file', LARGE],
    ])(
      'decisions 1: quarantined content answers as if absent, a push heals it: %s',
      async (_, size) => {
        const bytes = bytesOf('q', size);
        const digest = await pushBlob(test.store, 'a', bytes);
        await mountBlob(test.store.context, { digest, from: ['a'], to: 'b' });
        const image = imageOf([bytes]);
        await pushManifest(test.store, 'b', image);
        const content = findContent(test.store.context, digest)!;
        test.time.now += 10;
        await quarantine(test.store.context, content, 'for a test');
        expect(quarantined()).toEqual([{ digest, reason: 'for a test', at: test.time.now }]);
        expect(test.log.filter(({ level }) => level === 'error')).toMatchObject([
          { message: 'content quarantined', fields: { digest, reason: 'for a test' } },
        ]);
        for (let round = 0; round < 2; round++) {
          expect(findBlob(test.store.context, 'a', digest)).toBeUndefined();
          expect(findBlob(test.store.context, 'b', digest)).toBeUndefined();
          const request = { digest, from: ['a', 'b'], to: 'c' };
          expect(await mountBlob(test.store.context, request)).toBe(false);
          await expect(pushManifest(test.store, 'a', image)).rejects.toMatchObject({
            reason: 'references-missing',
            digests: [digest],
          });
          await test.reopen();
        }
        // Healed from any repository, for all that hold it.
        await pushBlob(test.store, 'd', bytes);
        for (const repository of ['a', 'b', 'd']) {
          expect(await pullBlob(test.store, repository, digest)).toEqual(bytes);
        }
        expect(quarantined()).toEqual([]);
        await pushManifest(test.store, 'a', image);
        // The damaged file is gone, the whole one stays.
        const { file } = content.record;
        if (file !== undefined) expect(await test.place.bytes(file)).toBeUndefined();
        await test.reopen();
        expect(await pullBlob(test.store, 'a', digest)).toEqual(bytes);
        expect(test.store.totals()).toMatchObject({ contents: 2 });
      },
    );

    it('decisions 1: a quarantined manifest is absent by tag and digest, a push heals it', async () => {
      for (const extra of [{}, BULK]) {
        const image = await pushImage(test.store, 'a', [bytesOf(1)], { tags: ['t'], extra });
        const { content } = findManifest(test.store.context, 'a', image.digest)!;
        await pullManifest(test.store, 'a', 't');
        await quarantine(test.store.context, content, 'for a test');
        expect(await pullManifest(test.store, 'a', 't')).toBeUndefined();
        expect(await pullManifest(test.store, 'a', image.digest)).toBeUndefined();
        await pushManifest(test.store, 'a', image, { tags: ['t'] });
        expect(await pullManifest(test.store, 'a', 't')).toEqual(image.bytes);
        expect(test.store.totals().tags).toBe(1);
      }
    });

    it('decisions 1: a file that is missing is noticed, quarantined and healed', async () => {
      const bytes = bytesOf('missing', LARGE);
      const digest = await pushBlob(test.store, 'a', bytes);
      await damage(digest, undefined);
      const content = findBlob(test.store.context, 'a', digest)!;
      expect(await openContent(test.store.context, content)).toBeUndefined();
      expect(quarantined()).toMatchObject([{ digest, reason: 'its file is missing' }]);
      expect(findBlob(test.store.context, 'a', digest)).toBeUndefined();
      await pushBlob(test.store, 'a', bytes);
      expect(await pullBlob(test.store, 'a', digest)).toEqual(bytes);
    });

    it('decisions 1: a short file is never given out whole, and quarantined', async () => {
      const image = await pushImage(test.store, 'a', [bytesOf(1)], { extra: BULK });
      await damage(image.digest, image.bytes.subarray(0, 5000));
      const { content } = findManifest(test.store.context, 'a', image.digest)!;
      await expect(readContent(test.store.context, content)).rejects.toThrow(ContentDamagedError);
      expect(quarantined()).toMatchObject([{ digest: image.digest, reason: 'its file is short' }]);
      expect(findManifest(test.store.context, 'a', image.digest)).toBeUndefined();
      await pushManifest(test.store, 'a', image);
      expect(await pullManifest(test.store, 'a', image.digest)).toEqual(image.bytes);
    });

    it('decisions 1: wrong bytes in memory are never given out once they were found wrong', async () => {
      const image = await pushImage(test.store, 'a', [bytesOf(1)], { extra: BULK });
      const wrong = Buffer.from(image.bytes);
      wrong[100]! ^= 1;
      await damage(image.digest, wrong);
      const { content } = findManifest(test.store.context, 'a', image.digest)!;
      // Nobody has noticed so far, and it is in memory now.
      expect(await readContent(test.store.context, content)).toEqual(wrong);
      expect(contentInMemory(test.store.context, content)).toEqual(wrong);
      // One reader is on its way while another finds out.
      const late = readContent(test.store.context, content);
      await Promise.all([quarantine(test.store.context, content, 'for a test'), late]);
      await pushManifest(test.store, 'a', image);
      const healed = findManifest(test.store.context, 'a', image.digest)!.content;
      expect(await readContent(test.store.context, healed)).toEqual(image.bytes);
    });

    it('decisions 1: a reader that comes back late puts no wrong bytes into memory', async () => {
      const image = await pushImage(test.store, 'a', [bytesOf(1)], { extra: BULK });
      const wrong = Buffer.from(image.bytes);
      wrong[100]! ^= 1;
      await damage(image.digest, wrong);
      const { content } = findManifest(test.store.context, 'a', image.digest)!;
      const reader = (await openContent(test.store.context, content))!;
      const { target } = test.store.context;
      const gate = Promise.withResolvers<void>();
      // A slow disk: what is read comes only after the quarantine and the healing.
      const slow = {
        ...test.store.context,
        target: {
          ...target,
          open: () => ({
            ...reader,
            read: (...[buffer, into, callback]: Parameters<typeof reader.read>) =>
              reader.read(buffer, into, (error, length) => {
                gate.promise.then(() => callback(error, length));
              }),
          }),
        },
      };
      const late = readContent(slow, content);
      await quarantine(test.store.context, content, 'for a test');
      await pushManifest(test.store, 'a', image);
      gate.resolve();
      expect(await late).toEqual(wrong);
      expect(await pullManifest(test.store, 'a', image.digest)).toEqual(image.bytes);
    });

    it('only what was seen to be damaged is quarantined, not what came after it', async () => {
      const bytes = bytesOf('anew', LARGE);
      const digest = await pushBlob(test.store, 'a', bytes);
      const old = findContent(test.store.context, digest)!;
      await quarantine(test.store.context, old, 'first');
      test.time.now += 1;
      await pushBlob(test.store, 'a', bytes);
      await quarantine(test.store.context, old, 'second');
      expect(quarantined()).toEqual([]);
      expect(await pullBlob(test.store, 'a', digest)).toEqual(bytes);
      // And once is enough.
      const now = findContent(test.store.context, digest)!;
      await quarantine(test.store.context, now, 'third');
      await quarantine(test.store.context, now, 'fourth');
      expect(quarantined()).toMatchObject([{ reason: 'third' }]);
    });

    it('decisions 3: a reader whose file goes while it opens it gets the one that came anew', async () => {
      const bytes = bytesOf('generation', LARGE);
      const digest = await pushBlob(test.store, 'a', bytes);
      const old = findContent(test.store.context, digest)!;
      await quarantine(test.store.context, old, 'for a test');
      await pushBlob(test.store, 'a', bytes);
      expect(fileOf(digest)).not.toBe(old.record.file);
      expect(await canOpen(test.store, old)).toBe(true);
      expect(await readContent(test.store.context, old)).toEqual(bytes);
      expect(quarantined()).toEqual([]);
    });

    it('decisions 1: intact content is sent as it lies, without hashing it again', async () => {
      const bytes = bytesOf('sent', LARGE);
      const digest = await pushBlob(test.store, 'a', bytes);
      const other = bytesOf('other', LARGE);
      await damage(digest, other);
      // Nobody looks at the digest on the way out; the scrub does.
      expect(await pullBlob(test.store, 'a', digest)).toEqual(other);
      expect((await test.store.scrub.run()).damaged).toBe(1);
      expect(await pullBlob(test.store, 'a', digest)).toBeUndefined();
    });

    it('content can be deleted while it is quarantined', async () => {
      const image = await pushImage(test.store, 'a', [bytesOf(1, LARGE)]);
      const digest = digestOf(bytesOf(1, LARGE));
      await quarantine(test.store.context, findContent(test.store.context, digest)!, 'x');
      await deleteBlob(test.store.context, 'a', digest);
      expect(quarantined()).toEqual([]);
      expect(test.store.totals()).toMatchObject({ contents: 1, bytes: image.bytes.length });
    });
  },
);

describe('content on a disk that fails', () => {
  const failing = failingPlace();
  let test: TestStore;
  beforeEach(async () => {
    failing.faults.failing.clear();
    test = await openTestStore(failing.place);
  });
  afterEach(async () => {
    expect(findContradictions(test.store.context.kv)).toEqual([]);
    await test.close();
  });

  it.each([
    ['read', 'EIO'],
    ['open', 'EIO'],
    ['open', 'EUCLEAN'],
  ] as const)(
    'decisions 1: a manifest for which %s fails with %s is quarantined, and a push heals it',
    async (operation, code) => {
      const image = await pushImage(test.store, 'a', [bytesOf(1)], { tags: ['t'], extra: BULK });
      const { content } = findManifest(test.store.context, 'a', image.digest)!;
      failing.faults.failing.add(operation);
      failing.faults.code = code;
      const bytes = await readContent(test.store.context, content).catch((error) => error);
      failing.faults.failing.clear();
      // Nobody gets anything, and nobody has to be told of an error of the server.
      if (bytes !== undefined) expect(bytes).toBeInstanceOf(ContentDamagedError);
      const reason = expect.stringMatching(`it cannot be read: ${code}`);
      const entry = { digest: image.digest, reason };
      expect([...test.store.scrub.quarantined()]).toMatchObject([entry]);
      expect(await pullManifest(test.store, 'a', 't')).toBeUndefined();
      await pushManifest(test.store, 'a', image);
      expect(await pullManifest(test.store, 'a', 't')).toEqual(image.bytes);
    },
  );

  it('too many open files say nothing about the bytes', async () => {
    const image = await pushImage(test.store, 'a', [bytesOf(1)], { extra: BULK });
    const { content } = findManifest(test.store.context, 'a', image.digest)!;
    failing.faults.failing.add('open');
    failing.faults.code = 'EMFILE';
    await expect(readContent(test.store.context, content)).rejects.toThrow('EMFILE');
    failing.faults.failing.clear();
    expect([...test.store.scrub.quarantined()]).toEqual([]);
    expect(await pullManifest(test.store, 'a', image.digest)).toEqual(image.bytes);
  });
});
