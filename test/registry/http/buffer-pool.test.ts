import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createBufferPool } from '../../../src/registry/http/buffer-pool.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

describe('the stock of buffers for downloads', () => {
  it('lends large buffers for large reads and small ones for the rest, and gets them back', () => {
    const pool = createBufferPool();
    const large = pool.take(MIB * 100);
    const small = pool.take(256 * KIB);
    expect([large.length, small.length, pool.lent]).toEqual([MIB, 256 * KIB, 2]);
    pool.give(large);
    pool.give(small);
    expect(pool.lent).toBe(0);
    expect(pool.take(MIB)).toBe(large);
    expect(pool.take(1)).toBe(small);
  });

  it('design 10.5: takes 80 MiB and no more, and lends tiny buffers when they are out', () => {
    const pool = createBufferPool();
    let bytes = 0;
    let buffers = 0;
    for (;;) {
      const { length } = pool.take(MIB);
      if (length === 16 * KIB) break;
      bytes += length;
      buffers++;
    }
    expect(bytes).toBe(80 * MIB);
    expect(pool.lent).toBe(buffers + 1);
  });

  it('design 10.7: makes nobody wait for those who hold buffers', () => {
    const pool = createBufferPool();
    const held = Array.from({ length: 5000 }, () => pool.take(MIB));
    expect(held.every(({ length }) => length >= 16 * KIB)).toBe(true);
    for (const buffer of held) pool.give(buffer);
    expect(pool.lent).toBe(0);
    // What was lent beyond the stock is not kept: large and small ones come first again.
    expect(pool.take(MIB).length).toBe(MIB);
  });

  it('never lends one buffer to two, and knows how many are out', () => {
    const step = fc.record({ take: fc.boolean(), wanted: fc.integer({ min: 1, max: 2 * MIB }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
        const pool = createBufferPool();
        const out = new Set<Buffer>();
        for (const { take, wanted } of steps) {
          const [oldest] = out;
          if (take || oldest === undefined) {
            const buffer = pool.take(wanted);
            expect(out.has(buffer)).toBe(false);
            out.add(buffer);
          } else {
            out.delete(oldest);
            pool.give(oldest);
          }
          expect(pool.lent).toBe(out.size);
        }
      }),
      { numRuns: 20 },
    );
  });
});
