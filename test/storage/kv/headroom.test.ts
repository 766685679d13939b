import { statSync } from 'node:fs';
import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { keepHeadroom, type PageUse } from '../../../src/storage/kv/headroom.ts';
import type { WriteBatch } from '../../../src/storage/kv/types.ts';
import { MOUNT, makeSmallDisk } from '../../support/small-disk.ts';
import { makeTemporary, removeTemporary } from '../../support/temporary.ts';
import { describeWith } from '../../support/tools.ts';

const PAGE = 4096;
const MIB = 1024 * 1024;

const additions = (count: number, size: number): WriteBatch =>
  new Map(Array.from({ length: count }, (_, i) => [`k ${i}`, Buffer.alloc(size)]));
const removals = (count: number): WriteBatch =>
  new Map(Array.from({ length: count }, (_, i) => [`k ${i}`, null]));

describe('room for the database to grow into', () => {
  let folder: string;
  let path: string;
  /** Ten pages, all in use. */
  let use: PageUse;
  beforeEach(async () => {
    folder = await makeTemporary('headroom');
    path = join(folder, 'database');
    await writeFile(path, Buffer.alloc(10 * PAGE, 'x'));
    use = { pageSize: PAGE, last: 9, free: 0 };
  });
  afterEach(() => removeTemporary(folder));
  const ahead = (): number => statSync(path).size / PAGE - (use.last + 1);

  it('decisions 2: there are pages for what a batch brings, and some more', async () => {
    await keepHeadroom(path, () => use).require(additions(20, 16 * 1024));
    expect(ahead()).toBeGreaterThan(20 * 5);
    // Written, not merely promised: a hole would take its space later.
    expect(statSync(path).blocks * 512).toBeGreaterThanOrEqual(statSync(path).size);
  });

  it('the file grows now and then, not with every batch', async () => {
    const headroom = keepHeadroom(path, () => use);
    const sizes = new Set<number>();
    for (let i = 0; i < 50; i++) {
      await headroom.require(additions(6, 100));
      use = { ...use, last: use.last + 2 };
      sizes.add(statSync(path).size);
    }
    expect(sizes.size).toBeLessThan(5);
  });

  it('does not grow while there are free pages', async () => {
    use = { pageSize: PAGE, last: 9, free: 1000 };
    await keepHeadroom(path, () => use).require(additions(20, 1000));
    expect(ahead()).toBe(0);
  });
});

describeWith([MOUNT], 'room for the database on a full disk', () => {
  it('decisions 2: additions are refused, removals have room, and the file stays as it was', async () => {
    const disk = await makeSmallDisk(2 * MIB);
    const path = join(disk.root, 'database');
    try {
      await writeFile(path, Buffer.alloc(10 * PAGE));
      const use: PageUse = { pageSize: PAGE, last: 9, free: 0 };
      await keepHeadroom(path, () => use).require(additions(1, 100));
      const ballast = join(disk.root, 'ballast');
      await writeFile(ballast, Buffer.alloc(2 * MIB)).catch(() => undefined);
      const { size } = statSync(path);

      const headroom = keepHeadroom(path, () => use);
      await expect(headroom.require(additions(100, 1000))).rejects.toMatchObject({
        code: 'ENOSPC',
      });
      expect(statSync(path).size).toBe(size);
      for (let i = 0; i < 2; i++) await headroom.require(removals(20));
      expect(statSync(path).size).toBe(size);
      await expect(headroom.require(removals(10_000))).rejects.toMatchObject({ code: 'ENOSPC' });

      await truncate(ballast, 0);
      await headroom.require(additions(100, 1000));
      expect(statSync(path).size).toBeGreaterThan(size);
    } finally {
      await disk[Symbol.asyncDispose]();
    }
  });
});
