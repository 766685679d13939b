import { describe, expect, it } from 'vitest';
import { sleep } from '../../src/lib/sleep.ts';

describe('sleeping', () => {
  it('takes as long as it is told', async () => {
    const began = performance.now();
    await sleep(20, new AbortController().signal);
    expect(performance.now() - began).toBeGreaterThan(18);
  });

  it('ends with the reason of the signal, also when that came before', async () => {
    const stop = new AbortController();
    const sleeping = sleep(60_000, stop.signal);
    stop.abort(new Error('closing'));
    await expect(sleeping).rejects.toThrow('closing');
    await expect(sleep(60_000, stop.signal)).rejects.toThrow('closing');
  });
});
