import { describe, expect, it } from 'vitest';
import { BufferPool } from '../../../src/dedup/section/buffer-pool.ts';

describe('a pool of buffers', () => {
  it('gives those again that came back', () => {
    const pool = new BufferPool(100, 2);
    const [one, two, three] = [pool.take(), pool.take(), pool.take()];
    for (const buffer of [one, two, three]) pool.give(buffer);
    expect(three.detached).toBe(true);
    expect(new Set([pool.take(), pool.take()])).toEqual(new Set([one, two]));
    expect(pool.take()).not.toBe(one);
  });

  it('gives longer ones when so many bytes are needed, and keeps as many bytes of them', () => {
    const pool = new BufferPool(100, 4);
    const small = pool.take();
    const long = pool.take(250);
    const other = pool.take(251);
    expect([small, long, other].map(({ byteLength }) => byteLength)).toEqual([100, 250, 251]);
    for (const buffer of [small, long, other]) pool.give(buffer);
    expect(other.detached).toBe(true);
    expect(pool.take(200)).toBe(long);
    expect(pool.take()).toBe(small);
    expect(pool.take().byteLength).toBe(100);
  });
});
