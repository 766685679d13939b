import { describe, expect, it } from 'vitest';
import { limitRate } from '../../src/storage/rate.ts';

describe('a limited rate', () => {
  it('takes as long as the bytes need, and gathers small debts', async () => {
    const pay = limitRate(() => 100_000, new AbortController().signal);
    const began = performance.now();
    let hasSlept = false;
    setImmediate(() => {
      hasSlept = true;
    });
    for (let i = 0; i < 9; i++) await pay(100);
    expect(hasSlept).toBe(false);
    for (let i = 0; i < 5; i++) await pay(1000);
    expect(performance.now() - began).toBeGreaterThan(45);
  });

  it('looks at the rate anew each time', async () => {
    let rate = 1;
    const stop = new AbortController();
    const pay = limitRate(() => rate, stop.signal);
    const waiting = pay(1000);
    stop.abort(new Error('closing'));
    await expect(waiting).rejects.toThrow('closing');
    rate = Number.MAX_SAFE_INTEGER;
    await limitRate(() => rate, new AbortController().signal)(1e9);
  });
});
