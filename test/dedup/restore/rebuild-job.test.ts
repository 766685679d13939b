/** Jobs one after the other, with more tokens than are kept decoded. */
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { RecipeError } from '../../../src/dedup/errors.ts';
import { isDamage } from '../../../src/dedup/restore/damage.ts';
import { createRebuildBench, type RebuildJob } from '../../../src/dedup/restore/rebuild-job.ts';
import { createRebuildPool } from '../../../src/dedup/restore/rebuild-pool.ts';
import { noise, text } from '../../codec/support/content.ts';
import { makeTar } from '../../support/tar.ts';
import { MemoryLayers, type StoredSection } from '../support/memory-layers.ts';

const layers = new MemoryLayers();
const size = 1_500_000;
const entries = [
  // Of noise each byte is a token of its own: 4 bytes in memory.
  ...Array.from({ length: 6 }, (_, i) => ({ path: `noise-${i}`, bytes: noise(size, i + 1) })),
  ...Array.from({ length: 40 }, (_, i) => ({ path: `text-${i}`, bytes: text(30_000, i + 1) })),
];
const sections = layers.add(gzipSync(makeTar(entries)));

function jobOf({ bytes, uses, startBit, endBit }: StoredSection): RebuildJob {
  // As they are read: several in one buffer, with something between them.
  const groups = [...uses.map((id) => layers.packed.get(id)!), bytes];
  const all = new Uint8Array(groups.reduce((sum, { length }) => sum + length + 1, 0));
  let at = 0;
  const views = groups.map((group) => {
    all.set(group, at);
    at += group.length + 1;
    return all.subarray(at - group.length - 1, at - 1);
  });
  const section = views.pop()!;
  const half = Math.floor(section.length / 2);
  return {
    bases: uses.map((id, i) => [id, views[i]!] as const),
    section: [section.subarray(0, half), section.subarray(half)],
    startBit,
    endBit,
  };
}

describe('threads that rebuild', () => {
  it('tell what is damaged from mistakes and want of memory, and go on after both', async () => {
    const pool = createRebuildPool(1);
    const [section] = sections;
    const wanted = layers.rebuildSection(section!);
    for (let turn = 0; turn < 2; turn++) {
      const damaged = jobOf(section!);
      damaged.section[0]![10]! ^= 1;
      await expect(pool.rebuild(damaged)).rejects.toThrow(RecipeError);
      // A stretch that ends before it begins is a mistake of whoever asks.
      const mistaken = pool.rebuild({ ...jobOf(section!), endBit: -8 });
      const error: unknown = await mistaken.catch((e: unknown) => e);
      expect(error).toBeInstanceOf(RangeError);
      expect(isDamage(error)).toBe(false);
      expect(Buffer.compare(await pool.rebuild(jobOf(section!)), wanted)).toBe(0);
    }
    await pool.close();
  });
});

describe('a place for rebuilding', () => {
  it('gives the same bytes however often groups leave its cache and come back', () => {
    const bench = createRebuildBench();
    const wanted = sections.map((section) => layers.rebuildSection(section));
    expect(sections.length).toBeGreaterThan(1);
    const order = sections.map((_, i) => i);
    for (const number of [...order, ...order, ...order.toReversed()]) {
      const bytes = bench(jobOf(sections[number]!));
      expect(Buffer.compare(bytes, wanted[number]!)).toBe(0);
    }
  });

  it('frees the bytes of a job, also of one that fails', () => {
    const bench = createRebuildBench();
    const job = jobOf(sections[0]!);
    bench(job);
    expect(job.section[0]!.length).toBe(0);
    const broken = jobOf(sections[0]!);
    broken.section[0]![10]! ^= 1;
    expect(() => bench(broken)).toThrow(RecipeError);
    expect(broken.section[0]!.length).toBe(0);
    expect(bench(jobOf(sections[0]!)).length).toBeGreaterThan(0);
  });
});
