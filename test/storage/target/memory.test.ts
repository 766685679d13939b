import { describe, expect, it } from 'vitest';
import {
  createMemoryFiles,
  createMemoryTarget,
  losePower,
} from '../../../src/storage/target/memory.ts';
import { readAll } from '../support/targets.ts';

const write = async (
  target: ReturnType<typeof createMemoryTarget>,
  text: string,
  sync: boolean,
) => {
  const writer = await target.create();
  await writer.write([Buffer.from(text)], 0);
  if (sync) await writer.sync();
  return writer;
};

describe('a target in memory', () => {
  it('decisions 2: power loss takes what was not synced, and brings back removed files', async () => {
    const files = createMemoryFiles();
    const target = createMemoryTarget({ files });
    const synced = await write(target, 'synced', true);
    const half = await write(target, 'half', true);
    await half.write([Buffer.from(' and half')], 4);
    const lost = await write(target, 'lost', false);
    const removed = await write(target, 'removed', true);
    await target.remove(removed.id);
    losePower(files);
    const text = async (id: number) => (await readAll(target, id)).toString();
    expect(await text(synced.id)).toBe('synced');
    expect(await text(half.id)).toBe('half');
    expect(await text(lost.id)).toBe('');
    expect(await text(removed.id)).toBe('removed');
  });

  it('decisions 2: is full when it is full', async () => {
    const target = createMemoryTarget({ capacity: 10 });
    const first = await write(target, '0123456', false);
    await expect(write(target, '0123', false)).rejects.toMatchObject({ code: 'ENOSPC' });
    await expect(first.write([Buffer.from('0123')], 7)).rejects.toThrow('ENOSPC');
    await first.write([Buffer.from('abc')], 7);
    expect(await target.space()).toEqual({ free: 0, total: 10 });
    await target.remove(first.id);
    expect(await target.space()).toEqual({ free: 10, total: 10 });
  });
});
