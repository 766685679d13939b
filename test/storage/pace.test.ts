import { describe, expect, it } from 'vitest';
import { isInDemand, requestBegan, requestEnded } from '../../src/lib/demand.ts';
import { sleep } from '../../src/lib/sleep.ts';
import { type Pace, startPace } from '../../src/storage/pace.ts';

/** Keeps the thread busy. */
function work(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}

describe('decisions 7: long work goes in short pieces', () => {
  /** Milliseconds of a rest after a millisecond of work. */
  async function restOf(pace: Pace): Promise<number> {
    work(1);
    expect(pace.due()).toBe(true);
    const began = performance.now();
    await pace.rest();
    expect(pace.due()).toBe(false);
    return performance.now() - began;
  }

  it('is due for a rest after a moment, and rests longer than it worked', async () => {
    const pace = startPace(new AbortController().signal);
    expect(pace.due()).toBe(false);
    // Four times as long, as far as timers are exact.
    expect(await restOf(pace)).toBeGreaterThan(2.5);
  });

  it('rests longer while clients are served, and for a moment after', async () => {
    const pace = startPace(new AbortController().signal);
    requestBegan();
    expect(await restOf(pace)).toBeGreaterThan(8);
    requestEnded();
    expect(isInDemand()).toBe(true);
    expect(await restOf(pace)).toBeGreaterThan(8);
    await sleep(120, new AbortController().signal);
    expect(isInDemand()).toBe(false);
  });

  it('ends its rest when it is told to stop', async () => {
    const stop = new AbortController();
    const pace = startPace(stop.signal);
    work(20);
    const resting = pace.rest();
    stop.abort(new Error('closing'));
    await expect(resting).rejects.toThrow('closing');
  });
});
