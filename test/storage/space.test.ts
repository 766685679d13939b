import { describe, expect, it } from 'vitest';
import { watchSpace } from '../../src/storage/space.ts';
import { createMemoryTarget } from '../../src/storage/target/memory.ts';
import type { Target } from '../../src/storage/target/types.ts';

const GIB = 1024 ** 3;

/** A watch over a device whose free space the test sets. */
function watch(device: { free: number; total: number }, reserve: number | 'auto') {
  const time = { now: 0 };
  const seen = { looks: 0 };
  const target: Target = {
    ...createMemoryTarget(),
    async space() {
      seen.looks++;
      return { ...device };
    },
  };
  return { watch: watchSpace(target, reserve, () => time.now), time, seen };
}

describe('decisions 2: below a reserve of free space pushes are refused', () => {
  it('the reserve is the smaller of 1 GiB and 5 %, unless it is set', async () => {
    const large = watch({ free: GIB, total: 1000 * GIB }, 'auto');
    expect((await large.watch.look()).reserve).toBe(GIB);
    const small = watch({ free: GIB, total: 10 * GIB }, 'auto');
    expect((await small.watch.look()).reserve).toBe(GIB / 2);
    const set = watch({ free: GIB, total: 10 * GIB }, 12345);
    expect(await set.watch.look()).toEqual({ free: GIB, total: 10 * GIB, reserve: 12345 });
  });

  it('a push may take what is above the reserve, to the byte', async () => {
    const { watch: space } = watch({ free: 1000, total: 10_000 }, 400);
    expect(space.last).toBeUndefined();
    expect(await space.allows(600)).toBe(true);
    const full = watch({ free: 1000, total: 10_000 }, 400);
    expect(await full.watch.allows(601)).toBe(false);
    const below = watch({ free: 399, total: 10_000 }, 400);
    expect(await below.watch.allows(0)).toBe(false);
  });

  it('looks at the disk at most once a second while there is room', async () => {
    const device = { free: 1000, total: 10_000 };
    const { watch: space, time, seen } = watch(device, 0);
    expect(await space.allows(1)).toBe(true);
    time.now = 999;
    for (let i = 0; i < 50; i++) expect(space.allows(1)).toBe(true);
    expect(seen.looks).toBe(1);
    device.free = 10;
    time.now = 1000;
    expect(await space.allows(100)).toBe(false);
    expect(seen.looks).toBe(2);
  });

  it('counts what it has promised since the last look', async () => {
    const device = { free: 1000, total: 10_000 };
    const { watch: space, seen } = watch(device, 0);
    expect(await space.allows(600)).toBe(true);
    expect(space.allows(400)).toBe(true);
    // No room by its own count: it looks before it refuses.
    device.free = 300;
    expect(await space.allows(400)).toBe(false);
    device.free = 500;
    expect(await space.allows(400)).toBe(true);
    expect(seen.looks).toBe(3);
    expect(space.last).toEqual({ free: 500, total: 10_000, reserve: 0 });
  });

  it('sees at once that something was deleted', async () => {
    const device = { free: 100, total: 10_000 };
    const { watch: space } = watch(device, 500);
    expect(await space.allows(1)).toBe(false);
    device.free = 5000;
    expect(await space.allows(1)).toBe(true);
  });
});
