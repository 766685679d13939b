import { describe, expect, it } from 'vitest';
import { OciError } from '../../../src/oci/errors.ts';
import { createTurns } from '../../../src/registry/admin/in-turn.ts';

describe('turns', () => {
  it('let so many work at a time, and the others after them', async () => {
    const inTurn = createTurns({ atOnce: 2, patience: 10_000 });
    let now = 0;
    let most = 0;
    const work = async (value: number): Promise<number> => {
      most = Math.max(most, ++now);
      await new Promise((done) => setImmediate(done));
      now--;
      return value;
    };
    const values = [1, 2, 3, 4, 5];
    expect(await Promise.all(values.map((value) => inTurn(() => work(value))))).toEqual(values);
    expect(most).toBe(2);
  });

  it('come to an end: 429, and nothing is done', async () => {
    const inTurn = createTurns({ atOnce: 1, patience: 20 });
    const first = Promise.withResolvers<void>();
    const holder = inTurn(() => first.promise);
    let isDone = false;
    const late = inTurn(async () => {
      isDone = true;
    });
    const refusal = await late.catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(OciError);
    expect(refusal).toMatchObject({ status: 429, headers: { 'Retry-After': '10' } });
    first.resolve();
    await holder;
    expect(isDone).toBe(false);
    expect(await inTurn(async () => 'next')).toBe('next');
  });

  it('are given back by work that fails', async () => {
    const inTurn = createTurns({ atOnce: 1, patience: 10_000 });
    await expect(inTurn(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await inTurn(async () => 'next')).toBe('next');
  });
});
