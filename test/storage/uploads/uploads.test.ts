import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { freeBytes } from '../../../src/lib/free-bytes.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { StoreRefusal } from '../../../src/storage/errors.ts';
import type { FileId } from '../../../src/storage/target/types.ts';
import { findContradictions } from '../support/consistency.ts';
import { append, bytesOf, LARGE, pullBlob, pushBlob, startUpload } from '../support/content.ts';
import { openTestStore, STORE_PLACES, type TestStore } from '../support/stores.ts';

const HOUR = 3_600_000;
const OWNER = { repository: 'a', subject: '' };

/** Expects a refusal of the store. */
function refused(promise: Promise<unknown>, reason: string): Promise<void> {
  return expect(promise).rejects.toMatchObject({ name: 'StoreRefusal', reason });
}

describe.each(STORE_PLACES.map((make) => ({ name: make().name, make })))(
  'uploads on a store in $name',
  ({ make }) => {
    let test: TestStore;
    beforeEach(async () => {
      test = await openTestStore(make(), {
        settings: { uploads: { expire: 24 * HOUR, maxSize: 200_000, maxSessions: 20 } },
      });
    });
    afterEach(() => test.close());

    /** Waits until the leftovers of uploads that are over are gone, then expects none. */
    async function expectNoUploads(): Promise<void> {
      expect(test.store.uploads.open).toBe(0);
      expect(test.store.uploads.files().size).toBe(0);
      await test.reopen();
      expect(test.store.uploads.open).toBe(0);
    }
    const fileOf = async (id: FileId | undefined): Promise<Buffer | undefined> =>
      id === undefined ? undefined : await test.place.bytes(id);

    it.each([0, 1, 100, 16 * 1024, 16 * 1024 + 1, LARGE, 200_000])(
      'a blob of %d bytes in one request',
      async (size) => {
        const bytes = bytesOf(size, size);
        const upload = startUpload(test.store);
        await append(upload, bytes, { persist: false, pieces: 7 });
        expect(upload.size).toBe(size);
        expect(upload.file === undefined).toBe(size <= 16 * 1024);
        await test.store.uploads.finish(upload, digestOf(bytes));
        expect(await pullBlob(test.store, 'a', digestOf(bytes))).toEqual(bytes);
        expect(upload.ended).toBe(true);
        await expectNoUploads();
        expect(await pullBlob(test.store, 'a', digestOf(bytes))).toEqual(bytes);
      },
    );

    it.each([
      ['that stay in memory are kept', 100, false],
      ['are given back once they are in the file', LARGE, false],
      ['are given back when the request has to outlive the process', 100, true],
    ] as const)('the pieces of a body %s', async (_, size, persist) => {
      const bytes = bytesOf(size, size);
      const upload = startUpload(test.store);
      const writer = upload.open();
      let given = 0;
      writer.onWritten = (piece) => {
        given += piece.length;
        freeBytes(piece);
      };
      for (let at = 0; at < size; at += 50)
        writer.write(Uint8Array.from(bytes.subarray(at, at + 50)));
      await writer.end(persist);
      expect(given).toBe(persist || size > 16 * 1024 ? size : 0);
      await test.store.uploads.finish(upload, digestOf(bytes));
      expect(await pullBlob(test.store, 'a', digestOf(bytes))).toEqual(bytes);
    });

    it.each([
      ['small', [10, 20, 30]],
      ['large', [30_000, 1, 50_000]],
      ['growing', [100, 16_284, 1]],
      ['empty ones between', [0, 500, 0]],
    ])('decisions 2: a blob in several requests: %s', async (_, sizes) => {
      const parts = sizes.map((size, i) => bytesOf(`${size} ${i}`, size));
      const upload = startUpload(test.store);
      let size = 0;
      for (const part of parts) {
        await append(upload, part, { persist: true });
        size += part.length;
        expect(upload.size).toBe(size);
        expect(test.store.uploads.find(upload.id, OWNER)).toBe(upload);
      }
      const file = upload.file;
      expect(file).toBeDefined();
      const bytes = Buffer.concat(parts);
      await test.store.uploads.finish(upload, digestOf(bytes));
      expect(await pullBlob(test.store, 'a', digestOf(bytes))).toEqual(bytes);
      await expectNoUploads();
      // Small content went to the metadata, and its file away.
      expect((await fileOf(file)) === undefined).toBe(size <= 16 * 1024);
    });

    it('the bytes of a closing request may come with it', async () => {
      const bytes = bytesOf('closing', LARGE);
      const upload = startUpload(test.store);
      await append(upload, bytes.subarray(0, 20_000), { persist: true });
      await append(upload, bytes.subarray(20_000), { persist: false });
      await test.store.uploads.finish(upload, digestOf(bytes));
      expect(await pullBlob(test.store, 'a', digestOf(bytes))).toEqual(bytes);
    });

    it('the first bytes of a blob are at hand however they came, unless that was before a restart', async () => {
      const heads: (Uint8Array | undefined)[] = [];
      const hear = (): void => {
        test.store.context.hooks.blobAdded = (_, { head }) => void heads.push(head);
      };
      hear();
      const bytes = bytesOf('head', LARGE);
      for (const size of [1, 511, 512, 513, LARGE]) {
        const upload = startUpload(test.store);
        const blob = bytes.subarray(0, size);
        await append(upload, blob.subarray(0, size - 1), { persist: size % 2 === 0, pieces: 300 });
        await append(upload, blob.subarray(size - 1), { persist: false });
        await test.store.uploads.finish(upload, digestOf(blob));
        expect(Buffer.from(heads.pop()!)).toEqual(blob.subarray(0, 512));
      }
      const { id } = startUpload(test.store);
      const other = bytesOf('other', LARGE);
      await append(test.store.uploads.find(id, OWNER)!, other.subarray(0, 100), { persist: true });
      await test.reopen();
      hear();
      const upload = test.store.uploads.find(id, OWNER)!;
      await append(upload, other.subarray(100), { persist: false });
      await test.store.uploads.finish(upload, digestOf(other));
      expect(heads).toEqual([undefined]);
    });

    it('decisions 2: an upload goes on after a restart, with all that was acknowledged', async () => {
      const bytes = bytesOf('restart', LARGE);
      const { id } = startUpload(test.store);
      await append(test.store.uploads.find(id, OWNER)!, bytes.subarray(0, 30_000), {
        persist: true,
      });
      test.time.now += 5000;
      await test.reopen();
      const upload = test.store.uploads.find(id, OWNER)!;
      expect(upload.size).toBe(30_000);
      await append(upload, bytes.subarray(30_000, 35_000), { persist: true });
      await test.reopen();
      const again = test.store.uploads.find(id, OWNER)!;
      expect(again.size).toBe(35_000);
      await append(again, bytes.subarray(35_000), { persist: false });
      await test.store.uploads.finish(again, digestOf(bytes));
      expect(await pullBlob(test.store, 'a', digestOf(bytes))).toEqual(bytes);
      expect(test.store.uploads.find(id, OWNER)).toBeUndefined();
      await expectNoUploads();
    });

    it('decisions 2: a small upload goes on after a restart too', async () => {
      const bytes = bytesOf('restart', 500);
      const { id } = startUpload(test.store);
      await append(test.store.uploads.find(id, OWNER)!, bytes.subarray(0, 300), { persist: true });
      await test.reopen();
      const upload = test.store.uploads.find(id, OWNER)!;
      expect(upload.size).toBe(300);
      await append(upload, bytes.subarray(300), { persist: false });
      await test.store.uploads.finish(upload, digestOf(bytes));
      expect(await pullBlob(test.store, 'a', digestOf(bytes))).toEqual(bytes);
      await expectNoUploads();
    });

    it('an upload without bytes works after a restart: its id proves itself', async () => {
      const { id } = startUpload(test.store);
      test.time.now += 2000;
      await test.reopen();
      expect(test.store.uploads.open).toBe(0);
      const upload = test.store.uploads.find(id, OWNER)!;
      expect(upload.size).toBe(0);
      const bytes = bytesOf('late');
      await append(upload, bytes, { persist: false });
      await test.store.uploads.finish(upload, digestOf(bytes));
      expect(await pullBlob(test.store, 'a', digestOf(bytes))).toEqual(bytes);
      // It is over, although an id of an earlier run proves itself.
      expect(test.store.uploads.find(id, OWNER)).toBeUndefined();
    });

    it('what was cancelled after a restart stays cancelled', async () => {
      const first = startUpload(test.store);
      const second = startUpload(test.store);
      await append(second, bytesOf('x'), { persist: true });
      test.time.now += 2000;
      await test.reopen();
      for (const { id } of [first, second]) {
        await test.store.uploads.cancel(test.store.uploads.find(id, OWNER)!);
        expect(test.store.uploads.find(id, OWNER)).toBeUndefined();
      }
      await expectNoUploads();
    });

    it('decisions 4: an upload works only in its repository and for its principal', async () => {
      const mine = { repository: 'a', subject: 'alice' };
      const { id } = startUpload(test.store, mine);
      const others = [
        { repository: 'a', subject: 'bob' },
        { repository: 'a', subject: '' },
        { repository: 'b', subject: 'alice' },
      ];
      const expectMine = (): void => {
        for (const other of others) expect(test.store.uploads.find(id, other)).toBeUndefined();
        expect(test.store.uploads.find(id, mine)?.id).toBe(id);
      };
      expectMine();
      test.time.now += 2000;
      // From the secret alone, and from the file beside the bytes.
      await test.reopen();
      expectMine();
      await append(test.store.uploads.find(id, mine)!, bytesOf('x'), { persist: true });
      await test.reopen();
      expectMine();
      const made = id.replace(/.$/, (digit) => (digit === '0' ? '1' : '0'));
      expect(test.store.uploads.find(made, mine)).toBeUndefined();
    });

    it.each([100, LARGE])(
      'decisions 1: a wrong digest ends the upload and leaves nothing: %d bytes',
      async (size) => {
        const bytes = bytesOf('wrong', size);
        const wrong = digestOf(bytesOf('other', size));
        for (const persist of [false, true]) {
          const upload = startUpload(test.store);
          await append(upload, bytes, { persist });
          const { file, id } = upload;
          await refused(test.store.uploads.finish(upload, wrong), 'digest-mismatch');
          expect(test.store.uploads.find(id, OWNER)).toBeUndefined();
          await refused(test.store.uploads.finish(upload, digestOf(bytes)), 'upload-unknown');
          expect(await fileOf(file)).toBeUndefined();
          for (const digest of [wrong, digestOf(bytes)]) {
            expect(await pullBlob(test.store, 'a', digest)).toBeUndefined();
          }
        }
        expect(test.store.totals()).toMatchObject({ repositories: 0, contents: 0, bytes: 0 });
        await expectNoUploads();
      },
    );

    it('decisions 1: sha512, asked for at the start or only at the end', async () => {
      for (const size of [100, LARGE]) {
        for (const algorithm of ['sha256', 'sha512'] as const) {
          const bytes = bytesOf(`${algorithm} ${size}`, size);
          const upload = startUpload(test.store, { algorithm });
          await append(upload, bytes, { persist: false });
          const digest = digestOf(bytes, 'sha512');
          await test.store.uploads.finish(upload, digest);
          expect(await pullBlob(test.store, 'a', digest)).toEqual(bytes);
        }
      }
    });

    it('only one writes at a time', async () => {
      const bytes = bytesOf('two', LARGE);
      const upload = startUpload(test.store);
      const writer = upload.open();
      writer.write(bytes.subarray(0, 10_000));
      expect(upload.busy).toBe(true);
      expect(() => upload.open()).toThrow(StoreRefusal);
      await refused(test.store.uploads.finish(upload, digestOf(bytes)), 'upload-busy');
      writer.write(bytes.subarray(10_000));
      await writer.end(false);
      expect(upload.busy).toBe(false);
      const finishing = test.store.uploads.finish(upload, digestOf(bytes));
      expect(() => upload.open()).toThrow(StoreRefusal);
      await refused(test.store.uploads.finish(upload, digestOf(bytes)), 'upload-busy');
      await finishing;
      expect(await pullBlob(test.store, 'a', digestOf(bytes))).toEqual(bytes);
      expect(() => upload.open()).toThrow('ended');
    });

    it('decisions 2: a cancel cannot take the bytes of a blob that is being acknowledged', async () => {
      const bytes = bytesOf('race', LARGE);
      const upload = startUpload(test.store);
      await append(upload, bytes, { persist: true });
      const finishing = test.store.uploads.finish(upload, digestOf(bytes));
      await refused(test.store.uploads.cancel(upload), 'upload-busy');
      await finishing;
      // A cancel that comes late does nothing either.
      await test.store.uploads.cancel(upload);
      await test.store.uploads.cancel(upload);
      expect(await pullBlob(test.store, 'a', digestOf(bytes))).toEqual(bytes);
      await test.reopen();
      expect(await pullBlob(test.store, 'a', digestOf(bytes))).toEqual(bytes);
      expect(test.log.filter(({ level }) => level !== 'info')).toEqual([]);
    });

    it.each([
      ['before its bytes are written', 0],
      ['while they are written', 1],
    ])('a cancel ends what another request writes: %s', async (_, turns) => {
      const upload = startUpload(test.store);
      const writer = upload.open();
      writer.write(bytesOf('cancel', LARGE));
      const ending = writer.end(true);
      const outcome = ending.then(
        () => 'ended',
        ({ reason }: StoreRefusal) => reason,
      );
      for (let i = 0; i < turns; i++) await Promise.resolve();
      const cancelling = test.store.uploads.cancel(upload);
      expect(['ended', 'upload-unknown']).toContain(await outcome);
      await cancelling;
      expect(() => upload.open()).toThrow('ended');
      expect(await fileOf(upload.file)).toBeUndefined();
      await expectNoUploads();
    });

    it('a writer of a cancelled upload is told so', async () => {
      const upload = startUpload(test.store);
      const writer = upload.open();
      writer.write(Buffer.from('abc'));
      await test.store.uploads.cancel(upload);
      expect(() => writer.write(Buffer.from('def'))).toThrow('ended');
      await refused(writer.end(false), 'upload-unknown');
      await refused(
        test.store.uploads.finish(upload, digestOf(Buffer.from('abc'))),
        'upload-unknown',
      );
    });

    it('a cancelled upload leaves nothing', async () => {
      const upload = startUpload(test.store);
      await append(upload, bytesOf('cancel', LARGE), { persist: true });
      const { file } = upload;
      expect(await fileOf(file)).toHaveLength(LARGE);
      await test.store.uploads.cancel(upload);
      expect(await fileOf(file)).toBeUndefined();
      expect(test.store.uploads.find(upload.id, OWNER)).toBeUndefined();
      await expectNoUploads();
    });

    it('takes no more than is allowed, and goes on after a piece that was too much', async () => {
      const upload = startUpload(test.store);
      const writer = upload.open();
      writer.write(bytesOf(1, 199_999));
      expect(() => writer.write(bytesOf(2, 2))).toThrow(StoreRefusal);
      writer.write(bytesOf(3, 1));
      await writer.end(false);
      expect(upload.size).toBe(200_000);
    });

    it('opens no more sessions than is allowed', async () => {
      const early = startUpload(test.store);
      test.time.now += 2000;
      await test.reopen();
      const uploads = Array.from({ length: 20 }, () => startUpload(test.store));
      expect(test.store.uploads.open).toBe(20);
      expect(() => startUpload(test.store)).toThrow('too many');
      expect(() => test.store.uploads.find(early.id, OWNER)).toThrow('too many');
      await test.store.uploads.cancel(uploads[0]!);
      startUpload(test.store);
    });

    it('quiet uploads expire, busy and lively ones do not', async () => {
      const [quiet, asked, busy, old] = Array.from({ length: 4 }, () => startUpload(test.store));
      for (const upload of [quiet!, asked!, old!]) {
        await append(upload, bytesOf(upload.id, LARGE), { persist: true });
      }
      const { file } = quiet!;
      const writer = busy!.open();
      test.time.now += 24 * HOUR - 1;
      test.store.uploads.find(asked!.id, OWNER);
      expect(await test.store.uploads.expire()).toBe(0);
      test.time.now += 2;
      expect(await test.store.uploads.expire()).toBe(2);
      expect(test.store.uploads.find(quiet!.id, OWNER)).toBeUndefined();
      expect(test.store.uploads.find(asked!.id, OWNER)).toBe(asked);
      expect(await fileOf(file)).toBeUndefined();
      writer.write(Buffer.from('x'));
      await writer.end(false);
      test.time.now += 24 * HOUR + 1;
      expect(await test.store.uploads.expire()).toBe(2);
      // An id that is too old proves nothing any more, not after a restart either.
      await test.reopen();
      for (const { id } of [quiet!, asked!, busy!]) {
        expect(test.store.uploads.find(id, OWNER)).toBeUndefined();
      }
    });

    it('a collection cycle ends quiet uploads', async () => {
      await append(startUpload(test.store), bytesOf('x'), { persist: true });
      test.time.now += 25 * HOUR;
      const report = await test.store.collector.run({ dryRun: false });
      expect(report.uploads).toBe(1);
      expect(test.store.uploads.open).toBe(0);
    });

    it('the file of an idle upload is closed and opened again', async () => {
      const bytes = bytesOf('idle', LARGE);
      const upload = startUpload(test.store);
      await append(upload, bytes.subarray(0, 30_000), { persist: true });
      await upload.idle();
      await append(upload, bytes.subarray(30_000), { persist: true });
      await upload.idle();
      await test.store.uploads.finish(upload, digestOf(bytes));
      expect(await pullBlob(test.store, 'a', digestOf(bytes))).toEqual(bytes);
    });

    it('many uploads at once, some of the same bytes', async () => {
      await test.reopen({
        options: { settings: { uploads: { expire: HOUR, maxSize: 0, maxSessions: 100 } } },
      });
      const jobs = Array.from({ length: 40 }, async (_, i) => {
        const bytes = bytesOf(i % 7, i % 2 ? 1000 : LARGE);
        const digest = await pushBlob(test.store, `r${i % 3}`, bytes);
        expect(await pullBlob(test.store, `r${i % 3}`, digest)).toEqual(bytes);
      });
      await Promise.all(jobs);
      expect(test.store.totals().contents).toBe(14);
      expect(findContradictions(test.store.context.kv)).toEqual([]);
      await expectNoUploads();
    });
  },
);
