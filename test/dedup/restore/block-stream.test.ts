/** One restore and several readers of it. */
import { describe, expect, it } from 'vitest';
import { BlockStream } from '../../../src/dedup/restore/block-stream.ts';
import { GO_ON } from '../support/layers.ts';

const SIZE = 10;

/** A stream of blocks that hold their number; what is wrong with it, and how it went. */
function streamOf({ end = 20, window = 4 * SIZE, failAt = Number.POSITIVE_INFINITY } = {}) {
  const seen = { made: 0, ended: 0 };
  const gate = { wait: Promise.resolve() };
  const stream = new BlockStream({
    first: 0,
    end,
    async *source(signal) {
      try {
        for (let number = 0; number < end; number++) {
          await gate.wait;
          signal.throwIfAborted();
          if (number === failAt) throw new Error('damaged');
          seen.made++;
          yield Buffer.from(new Uint8Array(SIZE).fill(number).buffer);
        }
      } finally {
        seen.ended++;
      }
    },
    windowSize: () => window,
    onBlock: () => undefined,
  });
  const read = async (number: number, signal = GO_ON): Promise<number | undefined> => {
    const block = await stream.take(number, signal);
    const value = block?.bytes[0];
    block?.drop();
    return value;
  };
  return { stream, seen, gate, read };
}

describe('a stream of blocks', () => {
  it('makes each block once for all who wait for it, and none ahead', async () => {
    const { stream, seen, read } = streamOf();
    stream.join();
    stream.join();
    expect(await Promise.all([read(0), read(0), read(0)])).toEqual([0, 0, 0]);
    expect(seen.made).toBe(1);
    expect(await read(1)).toBe(1);
    expect(await read(0)).toBe(0);
    expect(seen.made).toBe(2);
  });

  it('keeps a window, and tells who has fallen behind it', async () => {
    const { stream, read } = streamOf();
    stream.join();
    for (let number = 0; number < 10; number++) expect(await read(number)).toBe(number);
    expect(await read(5)).toBeUndefined();
    expect(await read(6)).toBe(6);
    const covered = Array.from({ length: 12 }, (_, number) => stream.covers(number, 20));
    expect(covered.indexOf(true)).toBe(6);
    expect(covered.lastIndexOf(true)).toBe(10);
    // It ends too early for those who want more.
    expect(stream.covers(8, 21)).toBe(false);
  });

  it('gives up what it takes with its last block, while readers go on with the window', async () => {
    const { stream, seen, read } = streamOf({ end: 3 });
    stream.join();
    for (let number = 0; number < 3; number++) await read(number);
    expect(seen.ended).toBe(1);
    expect(await read(1)).toBe(1);
  });

  it('goes on when the reader leaves who began it, and ends when nobody is left', async () => {
    const { stream, seen, gate, read } = streamOf();
    stream.join();
    stream.join();
    const hold = Promise.withResolvers<void>();
    gate.wait = hold.promise;
    const leader = new AbortController();
    const first = read(0, leader.signal);
    const second = read(0);
    leader.abort(new Error('gone'));
    await expect(first).rejects.toThrow('gone');
    expect(stream.leave()).toBe(false);
    hold.resolve();
    expect(await second).toBe(0);
    expect(stream.leave()).toBe(true);
    await stream.close();
    expect(seen).toEqual({ made: 1, ended: 1 });
    expect(stream.covers(1, 20)).toBe(false);
  });

  it('gives the same error to all, and the blocks before it', async () => {
    const { stream, read } = streamOf({ failAt: 2 });
    stream.join();
    stream.join();
    await read(0);
    await read(1);
    const results = await Promise.allSettled([read(2), read(2)]);
    const errors = results.map((result) => result.status === 'rejected' && result.reason);
    expect(errors[0]).toMatchObject({ message: 'damaged' });
    expect(errors[1]).toBe(errors[0]);
    await expect(read(2)).rejects.toBe(errors[0]);
    expect(await read(1)).toBe(1);
    expect(stream.covers(1, 20)).toBe(false);
  });

  it('ends under its readers when it is closed', async () => {
    const { stream, gate, read } = streamOf();
    stream.join();
    const hold = Promise.withResolvers<void>();
    gate.wait = hold.promise;
    const waiting = read(0);
    const closed = stream.close();
    hold.resolve();
    await expect(waiting).rejects.toThrow('the restore has ended');
    await closed;
    await expect(read(0)).rejects.toThrow('the restore has ended');
  });
});
