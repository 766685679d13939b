import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FileId, FileMissingError, type Target } from '../../../src/storage/target/types.ts';
import { readAll, readFrom, TARGET_PLACES } from '../support/targets.ts';

const MIB = 1024 * 1024;

describe.each(TARGET_PLACES.map((place) => place()))('a target: $name', (place) => {
  let target: Target;
  beforeEach(async () => {
    target = await place.open();
  });
  afterEach(async () => {
    await target.close();
    await place.remove();
  });

  /** A new file with these bytes. */
  async function store(bytes: Uint8Array): Promise<FileId> {
    const writer = await target.create();
    await writer.write([bytes], 0);
    await writer.sync();
    await writer.close();
    return writer.id;
  }

  it('gives back what was written', async () => {
    const bytes = randomBytes(3 * MIB + 5);
    const id = await store(bytes);
    expect((await readAll(target, id)).equals(bytes)).toBe(true);
    expect((await place.bytes(id))?.equals(bytes)).toBe(true);
    expect(await target.allocated(id)).toBeGreaterThanOrEqual(bytes.length);
  });

  it('makes empty files, all with numbers of their own', async () => {
    const writers = await Promise.all(Array.from({ length: 200 }, () => target.create()));
    expect(new Set(writers.map(({ id }) => id)).size).toBe(200);
    for (const writer of writers) {
      expect((await readAll(target, writer.id)).length).toBe(0);
      await writer.close();
      await writer.close();
    }
  });

  it('writes pieces one after the other, from any position on', async () => {
    const pieces = fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(fc.array(pieces, { maxLength: 4 }), async (writes) => {
        const writer = await target.create();
        let position = 0;
        for (const chunks of writes) {
          await writer.write(chunks, position);
          for (const { length } of chunks) position += length;
        }
        await writer.close();
        expect(await readAll(target, writer.id)).toEqual(Buffer.concat(writes.flat()));
      }),
      { numRuns: 30 },
    );
  });

  it('writes thousands of pieces in one go', async () => {
    const pieces = Array.from({ length: 3000 }, (_, i) => Buffer.from(`${i},`));
    const writer = await target.create();
    await writer.write(pieces, 0);
    await writer.close();
    expect((await readAll(target, writer.id)).equals(Buffer.concat(pieces))).toBe(true);
  });

  it('overwrites in place', async () => {
    const writer = await target.create();
    await writer.write([Buffer.from('0123456789')], 0);
    await writer.write([Buffer.from('ab'), Buffer.from('c')], 4);
    await writer.close();
    expect((await readAll(target, writer.id)).toString()).toBe('0123abc789');
  });

  it('opens a file again to go on, cut to what is right', async () => {
    const id = await store(Buffer.from('0123456789'));
    const writer = await target.reopen(id, 4);
    expect(writer.id).toBe(id);
    await writer.write([Buffer.from('abc')], 4);
    await writer.sync();
    await writer.close();
    expect((await readAll(target, id)).toString()).toBe('0123abc');
  });

  it('reads any stretch, and less only at the end of the file', async () => {
    const bytes = randomBytes(1000);
    const reader = await target.open(await store(bytes));
    expect(await reader.size()).toBe(1000);
    expect(await readFrom(reader, 10, 20)).toEqual(bytes.subarray(10, 30));
    expect(await readFrom(reader, 990, 20)).toEqual(bytes.subarray(990));
    expect(await readFrom(reader, 1000, 20)).toHaveLength(0);
    expect(await readFrom(reader, 5000, 20)).toHaveLength(0);
    const into = Buffer.alloc(10, '.');
    await new Promise<void>((resolve) => {
      reader.read(into, { offset: 3, length: 4, position: 0 }, (error, length) => {
        expect([error, length]).toEqual([null, 4]);
        resolve();
      });
    });
    expect(into).toEqual(
      Buffer.concat([Buffer.from('...'), bytes.subarray(0, 4), Buffer.from('...')]),
    );
    reader.release();
  });

  it('decisions 1: a short file reads short, and says its size', async () => {
    const id = await store(randomBytes(1000));
    await place.cut(id, 400);
    const reader = await target.open(id);
    expect(await reader.size()).toBe(400);
    expect(await readFrom(reader, 0, 1000)).toHaveLength(400);
    reader.release();
  });

  it('says which file is missing', async () => {
    const id = await store(Buffer.from('x'));
    await place.lose(id);
    const open = async (): Promise<unknown> => await target.open(id);
    await expect(open()).rejects.toThrow(FileMissingError);
    await expect(open()).rejects.toThrow(String(id));
    await expect(target.reopen(id, 0)).rejects.toThrow(FileMissingError);
    expect(await target.allocated(id)).toBe(0);
  });

  it('removes files; again and again, also those that are gone', async () => {
    const id = await store(Buffer.from('x'));
    await target.remove(id);
    await target.remove(id);
    await expect(async () => await target.open(id)).rejects.toThrow(FileMissingError);
    expect(await place.bytes(id)).toBeUndefined();
    await target.remove(9_999_999);
  });

  it('decisions 3: readers of a removed file keep their bytes', async () => {
    const bytes = randomBytes(MIB);
    const id = await store(bytes);
    const early = await target.open(id);
    const opening = target.open(id);
    await target.remove(id);
    const late = await opening;
    for (const reader of [early, late]) {
      expect((await readFrom(reader, 0, MIB)).equals(bytes)).toBe(true);
      reader.release();
    }
    await expect(async () => await target.open(id)).rejects.toThrow(FileMissingError);
  });

  it('a writer of a removed file goes on undisturbed, and leaves nothing', async () => {
    const writer = await target.create();
    await writer.write([Buffer.from('abc')], 0);
    await target.remove(writer.id);
    await writer.write([Buffer.from('def')], 3);
    await writer.sync();
    await writer.close();
    expect(await place.bytes(writer.id)).toBeUndefined();
  });

  it('lends one file to many readers', async () => {
    const bytes = randomBytes(5000);
    const id = await store(bytes);
    const readers = await Promise.all(
      Array.from({ length: 50 }, async () => await target.open(id)),
    );
    const parts = await Promise.all(readers.map((reader, i) => readFrom(reader, i * 100, 100)));
    expect(Buffer.concat(parts).equals(bytes)).toBe(true);
    for (const reader of readers) reader.release();
    expect((await readAll(target, id)).equals(bytes)).toBe(true);
  });

  it('lists its files', async () => {
    const ids = [await store(Buffer.from('1')), await store(Buffer.from('2'))];
    const gone = await store(Buffer.from('3'));
    await target.remove(gone);
    const listed: FileId[] = [];
    for await (const id of target.files()) listed.push(id);
    expect(listed).toEqual(expect.arrayContaining(ids));
    expect(listed).not.toContain(gone);
    expect(new Set(listed).size).toBe(listed.length);
  });

  it('keeps its files when it is closed and opened again', async () => {
    const bytes = randomBytes(1000);
    const id = await store(bytes);
    await target.close();
    target = await place.open();
    expect((await readAll(target, id)).equals(bytes)).toBe(true);
  });

  it('decisions 3: never uses a number twice, not after removals and not after a restart', async () => {
    const seen = new Set<FileId>();
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 100; i++) {
        const writer = await target.create();
        await writer.close();
        const { id } = writer;
        expect(seen.has(id)).toBe(false);
        seen.add(id);
        if (i % 2 === 0) await target.remove(id);
      }
      await target.close();
      target = await place.open();
    }
  });

  it('tells how much room there is', async () => {
    const { free, total } = await target.space();
    expect(free).toBeGreaterThan(0);
    expect(total).toBeGreaterThanOrEqual(free);
  });
});
