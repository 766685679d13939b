import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openLmdbEngine } from '../../../src/storage/kv/lmdb.ts';
import { DatabaseDamagedError } from '../../../src/storage/kv/lmdb-file.ts';
import { openKeyValueStore } from '../../../src/storage/kv/store.ts';
import { CommitError, type KeyValueEngine } from '../../../src/storage/kv/types.ts';
import { MOUNT, makeSmallDisk, type SmallDisk } from '../../support/small-disk.ts';
import { makeTemporary, removeTemporary } from '../../support/temporary.ts';
import { describeWith } from '../../support/tools.ts';

const KIB = 1024;
const keysOf = (engine: KeyValueEngine): string[] => [...engine.keys({ from: ' ', to: '~' })];

describe('the LMDB engine', () => {
  let folder: string;
  let path: string;
  beforeEach(async () => {
    folder = await makeTemporary('lmdb');
    path = join(folder, 'metadata.mdb');
  });
  afterEach(() => removeTemporary(folder));

  it('decisions 2: what was committed is there when the file is opened again', async () => {
    const first = openLmdbEngine(path);
    await first.commit(
      new Map([
        ['a', Buffer.from('1')],
        ['b', Buffer.alloc(100 * KIB, 'b')],
      ]),
    );
    await first.close();
    const second = openLmdbEngine(path);
    expect(keysOf(second)).toEqual(['a', 'b']);
    expect(second.get('b')?.length).toBe(100 * KIB);
    await second.close();
  });

  it('a batch with a key that is too long leaves nothing behind', async () => {
    const engine = openLmdbEngine(path);
    const batch = new Map([
      ['a', Buffer.from('1')],
      ['k'.repeat(1979), Buffer.from('2')],
      ['b', Buffer.from('3')],
    ]);
    await expect(engine.commit(batch)).rejects.toThrow('1978');
    await engine.commit(new Map([['c', Buffer.from('4')]]));
    expect(keysOf(engine)).toEqual(['c']);
    await engine.close();
  });

  /** The bytes of a database with some thousand pages. */
  async function bytesOfDatabase(): Promise<Buffer> {
    const engine = openLmdbEngine(path);
    for (let round = 0; round < 5; round++) {
      const keys = Array.from({ length: 500 }, (_, i) => `k${round} ${i}`);
      await engine.commit(new Map(keys.map((key) => [key, Buffer.alloc(2 * KIB)])));
    }
    await engine.close();
    return await readFile(path);
  }

  it.each([
    ['text', () => Buffer.alloc(64 * KIB, 'x'), 'it is no database'],
    ['zeros', () => Buffer.alloc(64 * KIB), 'it is no database'],
    ['a stump', (whole: Buffer) => whole.subarray(0, 100), 'it is no database'],
    ['one page', (whole: Buffer) => whole.subarray(0, 4 * KIB), 'it has 4096 bytes'],
    ['two pages', (whole: Buffer) => whole.subarray(0, 8 * KIB), 'it has 8192 bytes'],
    ['its first half', (whole: Buffer) => whole.subarray(0, whole.length / 2), 'bytes of at least'],
    [
      'another version',
      (whole: Buffer) => {
        whole.writeUInt32LE(1, 28);
        return whole;
      },
      'it has version 1, not 2',
    ],
  ])('a file that is no database, or not all of one, is refused: %s', async (_, damage, reason) => {
    const content = damage(await bytesOfDatabase());
    await writeFile(path, content);
    expect(() => openLmdbEngine(path)).toThrow(DatabaseDamagedError);
    expect(() => openLmdbEngine(path)).toThrow(`the database ${path} is damaged: it `);
    expect(() => openLmdbEngine(path)).toThrow(reason);
    expect((await readFile(path)).equals(content)).toBe(true);
  });

  it('an empty file becomes a database', async () => {
    await writeFile(path, '');
    const engine = openLmdbEngine(path);
    await engine.commit(new Map([['a', Buffer.from('1')]]));
    expect(keysOf(engine)).toEqual(['a']);
    await engine.close();
  });
});

describeWith([MOUNT], 'the LMDB engine on a full disk', () => {
  let disk: SmallDisk;
  beforeEach(async () => {
    disk = await makeSmallDisk(2 * 1024 * KIB);
  });
  afterEach(() => disk[Symbol.asyncDispose]());

  it('decisions 2: refuses cleanly, keeps what it has, and goes on once there is room', async () => {
    // The database itself complains there.
    const complaints = vi.spyOn(console, 'error').mockReturnValue();
    const unhandled: unknown[] = [];
    const note = (error: unknown): void => void unhandled.push(error);
    process.on('unhandledRejection', note);
    const engine = openLmdbEngine(join(disk.root, 'metadata.mdb'));
    const kv = openKeyValueStore(engine);
    const put = (key: string, size: number): Promise<void> =>
      kv.transact((tx) => tx.put(key, Buffer.alloc(size, key)));
    try {
      const written: string[] = [];
      let failure: unknown;
      while (failure === undefined && written.length < 100) {
        const key = `k ${written.length}`;
        await put(key, 100 * KIB).then(
          () => written.push(key),
          (error: unknown) => {
            failure = error;
          },
        );
      }
      expect(written.length).toBeGreaterThan(5);
      expect(failure).toBeInstanceOf(CommitError);
      expect((failure as Error).message).not.toMatch('commitError');
      // Several at once, with followers.
      const more = await Promise.allSettled([1, 2, 3].map((i) => put(`more ${i}`, 200 * KIB)));
      expect(more.map(({ status }) => status)).toEqual(Array(3).fill('rejected'));
      expect(keysOf(engine)).toEqual([...written].sort());
      for (const key of written) {
        expect(kv.bytes(key)?.equals(Buffer.alloc(100 * KIB, key))).toBe(true);
      }
      // Deleting needs a page or two itself, and makes room for the commits after the next.
      await kv.transact((tx) => {
        for (const key of written.slice(0, 5)) tx.remove(key);
      });
      await put('k small', 1);
      await put('k new', 100 * KIB);
      await kv.transact((tx) => tx.remove('k small'));
      expect(keysOf(engine)).toEqual([...written.slice(5), 'k new'].sort());
      await new Promise((resolve) => setImmediate(resolve));
      expect(unhandled).toEqual([]);
    } finally {
      process.off('unhandledRejection', note);
      complaints.mockRestore();
      await kv.close();
    }
  });
});
