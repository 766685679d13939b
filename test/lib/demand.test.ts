import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { isBusy, isSaturated } from '../../src/lib/demand.ts';

function workFor(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}

describe('a thread', () => {
  it('is busy when it mostly works, and saturated when it hardly waits', async () => {
    await sleep(250);
    expect([isBusy(), isSaturated()]).toEqual([false, false]);
    for (let i = 0; i < 12; i++) {
      workFor(25);
      await new Promise(setImmediate);
    }
    expect([isBusy(), isSaturated()]).toEqual([true, true]);
    await sleep(250);
    expect([isBusy(), isSaturated()]).toEqual([false, false]);
    // What was seen holds until there is enough to judge by anew.
    workFor(20);
    expect(isSaturated()).toBe(false);
  });
});
