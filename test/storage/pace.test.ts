import { describe, expect, it } from 'vitest';
import { startPace } from '../../src/storage/pace.ts';

/** Keeps the thread busy. */
function work(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}

describe('decisions 7: long work goes in short pieces', () => {
  it('is due for a rest after a millisecond, and rests longer than it worked', async () => {
    const pace = startPace(new AbortController().signal);
    expect(pace.due()).toBe(false);
    work(1.5);
    expect(pace.due()).toBe(true);
    const began = performance.now();
    await pace.rest();
    // Three times as long, as far as timers are exact.
    expect(performance.now() - began).toBeGreaterThan(3);
    expect(pace.due()).toBe(false);
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
