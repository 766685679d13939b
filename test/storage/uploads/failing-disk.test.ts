import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { digestOf } from '../../../src/oci/digest.ts';
import { CommitError } from '../../../src/storage/kv/types.ts';
import { append, bytesOf, LARGE, pullBlob, startUpload } from '../support/content.ts';
import { type Faults, failingPlace } from '../support/failing.ts';
import { openTestStore, type TestStore } from '../support/stores.ts';

const MIB = 1024 * 1024;
const FULL = { code: 'ENOSPC' };

describe('decisions 2: uploads on a disk that fails', () => {
  let test: TestStore;
  let faults: Faults;
  beforeEach(async () => {
    const failing = failingPlace();
    faults = failing.faults;
    test = await openTestStore(failing.place);
  });
  afterEach(async () => {
    faults.failing.clear();
    await test.close();
  });

  /** Every file that is there belongs to content or to an open upload. */
  async function expectNoStrayFiles(): Promise<void> {
    const { context, uploads } = test.store;
    for await (const id of context.target.files()) {
      const known = context.kv.has(`f ${id.toString(16).padStart(10, '0')}`);
      expect(known || uploads.files().has(id)).toBe(true);
    }
  }

  it('a failed write is told, and the upload holds what came before it', async () => {
    const bytes = bytesOf('full', 3 * MIB);
    const upload = startUpload(test.store);
    await append(upload, bytes.subarray(0, MIB), { persist: true });
    faults.failing.add('write');
    await expect(
      append(upload, bytes.subarray(MIB), { persist: true, pieces: 20 }),
    ).rejects.toMatchObject(FULL);
    expect(upload.size).toBe(MIB);
    expect(upload.busy).toBe(false);
    // Still full.
    await expect(append(upload, bytes.subarray(MIB), { persist: true })).rejects.toMatchObject(
      FULL,
    );
    expect(upload.size).toBe(MIB);
    faults.failing.clear();
    await append(upload, bytes.subarray(MIB), { persist: true, pieces: 3 });
    expect(upload.size).toBe(3 * MIB);
    await test.store.uploads.finish(upload, digestOf(bytes));
    expect((await pullBlob(test.store, 'a', digestOf(bytes)))?.equals(bytes)).toBe(true);
  });

  it('after a failed first write the first bytes are those that come then', async () => {
    const heads: unknown[] = [];
    test.store.context.hooks.blobAdded = (_, { head }) => void heads.push(head);
    const upload = startUpload(test.store);
    faults.failing.add('write');
    const lost = append(upload, bytesOf('lost', MIB), { persist: true });
    await expect(lost).rejects.toMatchObject(FULL);
    faults.failing.clear();
    const bytes = bytesOf('comes', MIB);
    await append(upload, bytes, { persist: true });
    await test.store.uploads.finish(upload, digestOf(bytes));
    expect(heads).toEqual([bytes.subarray(0, 512)]);
  });

  it('what comes after a failed write of the same request is not appended to what came before', async () => {
    const bytes = bytesOf('hole', 3 * MIB);
    const upload = startUpload(test.store);
    await append(upload, bytes.subarray(0, MIB), { persist: true });
    faults.failing.add('write');
    const writer = upload.open();
    writer.write(bytes.subarray(MIB, 2 * MIB));
    for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
    // There is room again, but the piece before this one is lost.
    faults.failing.clear();
    writer.write(bytes.subarray(2 * MIB));
    await expect(writer.end(true)).rejects.toMatchObject(FULL);
    expect(upload.size).toBe(MIB);
    await append(upload, bytes.subarray(MIB), { persist: false });
    await test.store.uploads.finish(upload, digestOf(bytes));
    expect((await pullBlob(test.store, 'a', digestOf(bytes)))?.equals(bytes)).toBe(true);
  });

  it('the sender is let go on when a write has failed', async () => {
    const upload = startUpload(test.store);
    faults.failing.add('write');
    const writer = upload.open();
    const drained = new Promise<void>((resolve) => {
      writer.onDrain = resolve;
    });
    expect(writer.write(bytesOf(1, 2 * MIB))).toBe(false);
    await drained;
    expect(writer.write(bytesOf(2, 2 * MIB))).toBe(true);
    await expect(writer.end(false)).rejects.toMatchObject(FULL);
    expect(upload.size).toBe(0);
  });

  it('no file can be made: told, and tried again by the next request', async () => {
    const bytes = bytesOf('create', LARGE);
    const upload = startUpload(test.store);
    faults.failing.add('create');
    await expect(append(upload, bytes, { persist: false })).rejects.toMatchObject(FULL);
    expect(upload.size).toBe(0);
    faults.failing.clear();
    await append(upload, bytes, { persist: false });
    await test.store.uploads.finish(upload, digestOf(bytes));
    expect(await pullBlob(test.store, 'a', digestOf(bytes))).toEqual(bytes);
  });

  it('after a failed sync nothing is believed: the upload is over, its bytes are gone', async () => {
    const bytes = bytesOf('sync', LARGE);
    const upload = startUpload(test.store);
    await append(upload, bytes, { persist: true });
    faults.failing.add('sync');
    await expect(test.store.uploads.finish(upload, digestOf(bytes))).rejects.toMatchObject(FULL);
    faults.failing.clear();
    await expect(test.store.uploads.finish(upload, digestOf(bytes))).rejects.toMatchObject({
      reason: 'upload-unknown',
    });
    expect(await pullBlob(test.store, 'a', digestOf(bytes))).toBeUndefined();
    expect(test.store.totals().contents).toBe(0);
    await expectNoStrayFiles();
  });

  it.each([100, LARGE])(
    'metadata that cannot be written: nothing shows, and it can be finished again (%d bytes)',
    async (size) => {
      const bytes = bytesOf('commit', size);
      const upload = startUpload(test.store);
      await append(upload, bytes, { persist: false });
      // A file's number needs a commit of its own.
      faults.failing.add('commit');
      await expect(test.store.uploads.finish(upload, digestOf(bytes))).rejects.toThrow(CommitError);
      expect(await pullBlob(test.store, 'a', digestOf(bytes))).toBeUndefined();
      expect(test.store.totals()).toMatchObject({ contents: 0, repositories: 0 });
      faults.failing.clear();
      await test.store.uploads.finish(upload, digestOf(bytes));
      expect(await pullBlob(test.store, 'a', digestOf(bytes))).toEqual(bytes);
      await expectNoStrayFiles();
    },
  );

  it('decisions 1: bytes are hashed while they come, and not read again', async () => {
    const bytes = bytesOf('once', 2 * MIB);
    const upload = startUpload(test.store);
    await append(upload, bytes.subarray(0, MIB), { persist: true, pieces: 5 });
    await append(upload, bytes.subarray(MIB), { persist: true, pieces: 5 });
    await test.store.uploads.finish(upload, digestOf(bytes));
    expect(faults.counts.read).toBe(0);
    // With another algorithm, or after a restart, they are.
    const other = startUpload(test.store);
    await append(other, bytes, { persist: true });
    await test.store.uploads.finish(other, digestOf(bytes, 'sha512'));
    expect(faults.counts.read).toBeGreaterThan(0);
    faults.counts.read = 0;
    const { id } = startUpload(test.store);
    const owner = { repository: 'a', subject: '' };
    await append(test.store.uploads.find(id, owner)!, bytesOf(3, LARGE), { persist: true });
    await test.reopen();
    await test.store.uploads.finish(
      test.store.uploads.find(id, owner)!,
      digestOf(bytesOf(3, LARGE)),
    );
    expect(faults.counts.read).toBeGreaterThan(0);
  });

  it('a failure of reading again is told, and the upload stays', async () => {
    const bytes = bytesOf('read', LARGE);
    const upload = startUpload(test.store);
    await append(upload, bytes, { persist: true });
    faults.failing.add('read');
    const digest = digestOf(bytes, 'sha512');
    await expect(test.store.uploads.finish(upload, digest)).rejects.toThrow('EIO');
    faults.failing.clear();
    await test.store.uploads.finish(upload, digest);
    expect(await pullBlob(test.store, 'a', digest)).toEqual(bytes);
  });

  it('holds back a sender that is faster than the disk', async () => {
    const upload = startUpload(test.store);
    const writer = upload.open();
    let waiting = 0;
    let drained = 0;
    writer.onDrain = () => drained++;
    while (writer.write(Buffer.alloc(64 * 1024))) waiting += 64 * 1024;
    expect(waiting).toBeLessThan(MIB + MIB / 2);
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
    expect(drained).toBeGreaterThan(0);
    expect(writer.write(Buffer.alloc(64 * 1024))).toBe(true);
    await writer.end(false);
  });
});
